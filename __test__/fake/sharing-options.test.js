'use strict';

// Which pools have queries share a connection. What becomes of those that do is tried in src/pool/tests/.

const assert = require('node:assert/strict');
const { setTimeout: pause } = require('node:timers/promises');
const { afterEach, beforeEach, describe, test } = require('node:test');
const { Pool } = require('../..');
const { settled } = require('../support/failure');
const { fakeServer, messages } = require('../support/fake-server');

/**
 * The way to the server and back, in milliseconds: so far that a pool shares connections without waiting for answers.
 */
const WAY = 50;
const ANSWER = [
  messages.rowDescription('value'),
  messages.dataRow('x'),
  messages.commandComplete('SELECT 1'),
  messages.readyForQuery(),
];

describe('two queries at once on a pool of one connection', () => {
  let fake;
  let pool;
  /** Queries that are yet to be answered, now and at most. */
  let pending;
  let most;

  beforeEach(async () => {
    [pending, most] = [0, 0];
    fake = await fakeServer(async (connection) => {
      if (!(await connection.startup())) return connection.drop();
      await pause(WAY);
      connection.send(messages.authenticationOk(), messages.backendKeyData(1, 2), messages.readyForQuery());
      while (await connection.readUntil('Q')) {
        pending += 1;
        most = Math.max(most, pending);
        setTimeout(() => {
          pending -= 1;
          connection.send(...ANSWER);
        }, WAY);
      }
    });
  });
  afterEach(async () => {
    await pool.end();
    await fake.close();
  });

  const open = (options) => {
    pool = new Pool(fake.config({ max: 1, ...options }));
  };
  const pair = () => Promise.all([pool.query('SELECT 1 AS q'), pool.query('SELECT 2 AS q')]);
  const on = (port) => ({ host: '127.0.0.1,127.0.0.1', port: `${fake.port},${port}` });

  for (const [what, options] of [
    ['by default', () => ({})],
    ["with sharing: 'all'", () => ({ sharing: 'all' })],
    ['where one of the ports is 6432 and sharing is asked for', () => ({ ...on(6432), sharing: 'reads' })],
  ]) {
    test(`share it as soon as they are known to be quick, ${what}`, async () => {
      open(options());
      const shared = async () => {
        while (most < 2) await pair();
      };
      await settled(shared(), 'sharing');
      assert.equal(most, 2);
    });
  }

  for (const [what, options] of [
    ["with sharing: 'none'", () => ({ sharing: 'none' })],
    ['with a pipelineDepth of 1', () => ({ pipelineDepth: 1 })],
    ['where one of the ports is 6432', () => on(6432)],
    ['where one of the ports is 6543', () => on(6543)],
  ]) {
    test(`have it one after the other ${what}`, async () => {
      open(options());
      for (let round = 0; round < 5; round += 1) await pair();
      assert.equal(most, 1);
    });
  }
});
