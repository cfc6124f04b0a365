'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

const turn = () => new Promise((resolve) => setImmediate(resolve));
const counts = ({ totalCount, idleCount, waitingCount }) => `${totalCount} ${idleCount} ${waitingCount}`;

describe('the steps of a pool that its program watches', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });
    const poolOf = (options) => new pg.Pool(server.config(options));
    const watch = (pool, names) => {
      const steps = [];
      for (const name of names) pool.on(name, () => steps.push(`${name} ${counts(pool)}`));
      return steps;
    };

    test('a log function is told of each', async () => {
      const steps = [];
      const pool = poolOf({ max: 1, log: (text) => steps.push(text) });
      const client = await pool.connect();
      assert.deepEqual(steps.splice(0), [
        'checking client timeout',
        'connecting new client',
        'new client connected',
      ]);
      client.release();
      await pool.query('SELECT 1');
      assert.deepEqual(steps.splice(0), [
        'pulse queue',
        'no queued requests',
        'pulse queue',
        'dispatching query',
        'query dispatched',
        'pulse queue',
        'no queued requests',
      ]);
      await pool.end();
      assert.deepEqual(steps.splice(0), ['ending', 'pulse queue', 'pulse queue on ending']);
    });

    test('the counts at each event', async () => {
      const pool = poolOf({ max: 1 });
      const steps = watch(pool, ['connect', 'acquire', 'release', 'remove']);
      const client = await pool.connect();
      const waiting = pool.connect();
      client.release(new Error('broken'));
      assert.equal(counts(pool), '0 0 1');
      (await waiting).release();
      assert.deepEqual(steps, [
        'connect 1 0 0',
        'acquire 1 0 0',
        'release 1 0 1',
        'remove 0 0 1',
        'connect 1 0 0',
        'acquire 1 0 0',
        'release 1 0 0',
      ]);
      await pool.end();
    });

    test('the end is told before the last client has gone', async () => {
      const pool = poolOf();
      const steps = watch(pool, ['remove']);
      const removed = new Promise((resolve) => pool.on('remove', resolve));
      await pool.query('SELECT 1');
      const ended = pool.end();
      assert.equal(pool.ended, true);
      await ended;
      assert.deepEqual(steps, []);
      await removed;
    });

    test('a client of onConnect has the idle listener, and leaves without an event when it is refused', async () => {
      const listeners = [];
      const pool = poolOf({
        onConnect: (client) => {
          listeners.push(client.listenerCount('error'));
          throw new Error('refused');
        },
      });
      const steps = watch(pool, ['connect', 'acquire', 'release', 'remove']);
      await assert.rejects(pool.connect(), { message: 'refused' });
      await turn();
      assert.deepEqual(listeners, [1]);
      assert.deepEqual(steps, []);
      await pool.end();
    });

    test('a client that has become too old while it was idle is acquired and released to leave', async () => {
      const pool = poolOf({ maxLifetimeSeconds: 0.05 });
      const steps = [];
      const gone = new Promise((resolve) => pool.on('remove', resolve));
      for (const name of ['acquire', 'release', 'remove']) pool.on(name, () => steps.push(name));
      (await pool.connect()).release();
      await gone;
      assert.deepEqual(steps, ['acquire', 'release', 'acquire', 'release', 'remove']);
      await pool.end();
    });

    test('idle clients that are closed for their time are no errors', async () => {
      const pool = poolOf({ max: 3, min: 1, idleTimeoutMillis: 20 });
      const errors = [];
      pool.on('error', (error) => errors.push(error));
      const clients = await Promise.all([1, 2, 3].map(() => pool.connect()));
      let ended = 0;
      const twoEnded = new Promise((resolve) => {
        for (const client of clients) client.once('end', () => ++ended === 2 && resolve());
      });
      for (const client of clients) client.release();
      await twoEnded;
      await pool.end();
      assert.deepEqual(errors, []);
    });

    test('a callback of end gets nothing, one that has waited too long only the error', async () => {
      const pool = poolOf({ max: 1, connectionTimeoutMillis: 2000 });
      const client = await pool.connect();
      const late = await new Promise((resolve) => pool.connect((...values) => resolve(values)));
      assert.deepEqual(
        late.map((value) => value.message),
        ['timeout exceeded when trying to connect'],
      );
      client.release();
      assert.deepEqual(await new Promise((resolve) => pool.end((...values) => resolve(values))), []);
    });
  });
});
