'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { before, afterEach, describe, test } = require('node:test');
const pgfleet = require('../..');
const { eventually, failure, settled } = require('../support/failure');
const { fakeServer, messages } = require('../support/fake-server');
const { postgres } = require('../support/server');
const { endless, running, untilRunning, untilStopped } = require('./observer');

const unique = () => `marker_${randomBytes(6).toString('hex')}`;
const pidOf = async (target) => (await target.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;

describe('a signal in a pool', () => {
  let server;
  let pool;
  before(async () => {
    server = await postgres();
  });
  const open = (options) => {
    pool = new pgfleet.Pool(server.config({ max: 1, ...options }));
    return pool;
  };
  afterEach(() => pool.end());

  test('rejects a query at once, stops it on the server, and keeps the connection', async () => {
    open();
    const pid = await pidOf(pool);
    const marker = unique();
    const controller = new AbortController();
    const query = failure(pool.query({ text: endless(marker), signal: controller.signal }));
    await untilRunning(server, marker);
    controller.abort();
    assert.equal(await settled(query, 'the query'), controller.signal.reason);
    assert.equal(await pidOf(pool), pid);
    await untilStopped(server, marker);
  });

  test('gives the client back only when its query has been stopped', async () => {
    open();
    const marker = unique();
    const controller = new AbortController();
    const query = failure(pool.query({ text: endless(marker), signal: controller.signal }));
    await untilRunning(server, marker);
    const next = pool.query('SELECT pg_sleep(0.05), 2 AS n');
    controller.abort();
    await query;
    assert.equal((await next).rows[0].n, 2);
    assert.equal(await running(server, marker), 0);
  });

  test('never stops the query of the next user', async () => {
    open();
    for (let round = 0; round < 40; round += 1) {
      const controller = new AbortController();
      const first = pool.query({ text: 'SELECT 1 AS n', signal: controller.signal }).then(
        ({ rows }) => rows[0].n,
        (error) => error.name,
      );
      const next = pool.query('SELECT pg_sleep(0.002), 2 AS n');
      if (round % 2 === 0) setImmediate(() => controller.abort());
      else setTimeout(() => controller.abort(), round % 5);
      assert.ok([1, 'AbortError'].includes(await first));
      assert.equal((await next).rows[0].n, 2);
    }
  });

  test('does not warn of a connection that is lost while its cancel request is on its way', async () => {
    let hear;
    const heard = new Promise((resolve) => (hear = resolve));
    const fake = await fakeServer(async (connection) => {
      if (await connection.greet()) {
        hear(await connection.readUntil('Q'));
        await connection.gone();
        return;
      }
      // The server has stopped, but hasn't said so to the cancel request, when it goes away.
      const stopped = { S: 'ERROR', V: 'ERROR', C: '57014', M: 'canceling statement due to user request' };
      fake.connections[0].finish(messages.errorResponse(stopped), messages.readyForQuery());
      await connection.gone();
    });
    const warnings = [];
    const note = (warning) => warnings.push(warning.code);
    process.on('warning', note);
    pool = new pgfleet.Pool(fake.config({ max: 1 }));
    const controller = new AbortController();
    const query = failure(pool.query({ text: 'SELECT', signal: controller.signal }));
    await settled(heard, 'the query on the server');
    const removed = once(pool, 'remove');
    controller.abort();
    assert.equal(await settled(query, 'the query'), controller.signal.reason);
    await settled(removed, 'the end of its client');
    await new Promise(setImmediate);
    process.off('warning', note);
    assert.deepEqual(warnings, []);
    await fake.close();
  });

  test('closes a connection on which the stopped query had opened a transaction', async () => {
    open();
    const pid = await pidOf(pool);
    const marker = unique();
    const controller = new AbortController();
    const query = failure(pool.query({ text: `BEGIN; ${endless(marker)}`, signal: controller.signal }));
    await untilRunning(server, marker);
    controller.abort();
    await query;
    assert.notEqual(await pidOf(pool), pid);
  });

  test('takes a query that waits for a client out of the queue', async () => {
    open();
    const client = await pool.connect();
    const controller = new AbortController();
    const query = failure(pool.query({ text: 'SELECT 1', signal: controller.signal }));
    assert.equal(pool.waitingCount, 1);
    controller.abort();
    assert.equal(await query, controller.signal.reason);
    assert.equal(pool.waitingCount, 0);
    client.release();
  });

  test('gives up the wait for a client, and those behind move up', async () => {
    open();
    const held = await pool.connect();
    const controller = new AbortController();
    const second = failure(pool.connect({ signal: controller.signal }));
    const third = pool.connect();
    assert.equal(pool.waitingCount, 2);
    controller.abort();
    assert.equal(await second, controller.signal.reason);
    assert.equal(pool.waitingCount, 1);
    held.release();
    assert.equal(await settled(third, 'the third'), held);
    held.release();
    assert.equal(pool.idleCount, 1);
  });

  test('that aborts between the tick of the request and its client leaves the client to others', async () => {
    open();
    await pool.query('SELECT 1');
    const controller = new AbortController();
    const wanted = failure(pool.connect({ signal: controller.signal }));
    controller.abort();
    assert.equal(await wanted, controller.signal.reason);
    const client = await settled(pool.connect(), 'connect');
    client.release();
    assert.equal(pool.totalCount, 1);
  });

  test('that gives up a new connection leaves it to the next, which gets it as a new one', async () => {
    const introduced = [];
    open({ onConnect: (client) => introduced.push(client) });
    const controller = new AbortController();
    const wanted = failure(pool.connect({ signal: controller.signal }));
    // Before the event loop turns, so that no server can be faster.
    queueMicrotask(() => controller.abort());
    assert.equal(await wanted, controller.signal.reason);
    const client = await pool.connect();
    assert.deepEqual(introduced, [client]);
    client.release();
  });

  test('reaches callbacks', async () => {
    open();
    const controller = new AbortController();
    const queried = new Promise((resolve) =>
      pool.query({ text: endless('x'), signal: controller.signal }, (...all) => resolve(all)),
    );
    const connected = new Promise((resolve) =>
      pool.connect({ signal: controller.signal }, (...all) => resolve(all)),
    );
    controller.abort();
    assert.equal((await settled(queried, 'the query'))[0], controller.signal.reason);
    const [error, client, release] = await settled(connected, 'connect');
    assert.equal(error, controller.signal.reason);
    assert.equal(client, undefined);
    release();
  });

  test('brings results and errors of the server as ever when it doesn’t abort', async () => {
    open();
    const { signal } = new AbortController();
    assert.deepEqual((await pool.query({ text: 'SELECT $1::int4 AS n', signal }, [7])).rows, [{ n: 7 }]);
    assert.equal((await failure(pool.query({ text: 'SELECT nothing', signal }))).code, '42703');
    const error = await failure(pool.query({ text: 'SELECT 1', signal: 7 }));
    assert.ok(error instanceof TypeError);
    assert.equal(pool.idleCount, 1);
  });

  test('works through a Client class of the program’s own', async () => {
    class Own extends pgfleet.Client {}
    open({ Client: Own });
    const marker = unique();
    const controller = new AbortController();
    const query = failure(pool.query({ text: endless(marker), signal: controller.signal }));
    await untilRunning(server, marker);
    const waiting = failure(pool.connect({ signal: controller.signal }));
    controller.abort();
    assert.equal(await settled(query, 'the query'), controller.signal.reason);
    assert.equal(await settled(waiting, 'the wait'), controller.signal.reason);
    await untilStopped(server, marker);
    assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
  });

  test('a client that is released while its stopped query still runs is handed out after it', async () => {
    open();
    const client = await pool.connect();
    const marker = unique();
    const controller = new AbortController();
    const query = failure(client.query({ text: endless(marker), signal: controller.signal }));
    await untilRunning(server, marker);
    controller.abort();
    await query;
    client.release();
    assert.equal((await pool.query('SELECT pg_sleep(0.05), 2 AS n')).rows[0].n, 2);
    assert.equal(await running(server, marker), 0);
  });

  test('query_timeout stops the work on the server', async () => {
    open();
    const marker = unique();
    const error = await failure(pool.query({ text: endless(marker), query_timeout: 50 }));
    assert.equal(error.message, 'Query read timeout');
    await untilStopped(server, marker);
    assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
  });

  test('fifty aborted queries leave no session at work and a pool that works', async () => {
    open({ max: 5 });
    const marker = unique();
    const controller = new AbortController();
    const { signal } = controller;
    const queries = Array.from({ length: 50 }, () => failure(pool.query({ text: endless(marker), signal })));
    await untilRunning(server, marker);
    controller.abort();
    for (const error of await settled(Promise.all(queries), 'the queries'))
      assert.equal(error, signal.reason);
    await untilStopped(server, marker);
    const { rows } = await pool.query('SELECT 1 AS n');
    assert.deepEqual(rows, [{ n: 1 }]);
    await eventually(() => pool.idleCount === pool.totalCount, 'every client idle');
  });
});
