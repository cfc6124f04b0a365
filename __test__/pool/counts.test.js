'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

const counts = ({ totalCount, idleCount, waitingCount, expiredCount }) => ({
  totalCount,
  idleCount,
  waitingCount,
  expiredCount,
});
const of = (totalCount, idleCount, waitingCount, expiredCount = 0) => ({
  totalCount,
  idleCount,
  waitingCount,
  expiredCount,
});

describe('counts of a pool', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });

    test('follow a client that is taken and given back, step by step', async () => {
      const pool = new pg.Pool(server.config({ max: 2 }));
      assert.deepEqual(counts(pool), of(0, 0, 0));
      const connecting = pool.connect();
      assert.deepEqual(counts(pool), of(1, 0, 0));
      const client = await connecting;
      assert.deepEqual(counts(pool), of(1, 0, 0));
      client.release();
      assert.deepEqual(counts(pool), of(1, 1, 0));
      const again = pool.connect();
      await again;
      assert.deepEqual(counts(pool), of(1, 0, 0));
      (await again).release(true);
      assert.deepEqual(counts(pool), of(0, 0, 0));
      await pool.end();
      assert.deepEqual(counts(pool), of(0, 0, 0));
    });

    test('show the requests that wait when all clients are taken', async () => {
      const pool = new pg.Pool(server.config({ max: 1 }));
      const first = await pool.connect();
      const second = pool.connect();
      assert.deepEqual(counts(pool), of(1, 0, 1));
      const third = pool.connect();
      const query = pool.query('SELECT 1');
      assert.deepEqual(counts(pool), of(1, 0, 3));
      first.release();
      (await second).release();
      (await third).release();
      await query;
      assert.deepEqual(counts(pool), of(1, 1, 0));
      await pool.end();
    });

    test('show clients that are being connected as taken, up to max', async () => {
      const pool = new pg.Pool(server.config({ max: 2 }));
      const asked = [1, 2, 3, 4, 5].map(() => pool.connect());
      assert.deepEqual(counts(pool), of(2, 0, 3));
      for (const connecting of asked) (await connecting).release();
      assert.equal(pool.totalCount, 2);
      assert.equal(pool.waitingCount, 0);
      await pool.end();
    });

    test('follow pool.query', async () => {
      const pool = new pg.Pool(server.config({ max: 1 }));
      // One that isn't answered before the counts are read, however long this thread is kept from it.
      const query = pool.query('SELECT pg_sleep(0.2)');
      assert.deepEqual(counts(pool), of(1, 0, 0));
      const waiting = pool.query('SELECT 2');
      assert.deepEqual(counts(pool), of(1, 0, 1));
      await query;
      await waiting;
      assert.deepEqual(counts(pool), of(1, 1, 0));
      await pool.end();
    });

    test('are those of the pool after the callback of pool.query has been called', async () => {
      const pool = new pg.Pool(server.config({ max: 1 }));
      const inside = await new Promise((resolve) => pool.query('SELECT 1', () => resolve(counts(pool))));
      assert.deepEqual(inside, of(1, 1, 0));
      await pool.end();
    });

    test('leave out a client that could not connect', async () => {
      const pool = new pg.Pool(server.config({ database: 'no_such_database' }));
      await assert.rejects(pool.connect(), { code: '3D000' });
      assert.deepEqual(counts(pool), of(0, 0, 0));
      await pool.end();
    });

    test('leave out the client of a failed pool.query, which is thrown away', async () => {
      const pool = new pg.Pool(server.config());
      await assert.rejects(pool.query('SELECT 1 / 0'), { code: '22012' });
      assert.deepEqual(counts(pool), of(0, 0, 0));
      await pool.end();
    });

    test('keep the client of a failed client.query', async () => {
      const pool = new pg.Pool(server.config());
      const client = await pool.connect();
      await assert.rejects(client.query('SELECT 1 / 0'), { code: '22012' });
      assert.deepEqual(counts(pool), of(1, 0, 0));
      client.release();
      assert.deepEqual(counts(pool), of(1, 1, 0));
      await pool.end();
    });

    test('ending and ended say where the pool is', async () => {
      const pool = new pg.Pool(server.config());
      const client = await pool.connect();
      assert.deepEqual([pool.ending, pool.ended], [false, false]);
      const end = pool.end();
      assert.deepEqual([pool.ending, pool.ended], [true, false]);
      client.release();
      await end;
      assert.deepEqual([pool.ending, pool.ended], [true, true]);
    });

    test('options are those that were given, with defaults', async () => {
      const given = server.config({ max: 3, application_name: 'mine', ownKey: 'kept' });
      const pool = new pg.Pool(given);
      const {
        max,
        min,
        maxUses,
        allowExitOnIdle,
        maxLifetimeSeconds,
        idleTimeoutMillis,
        application_name: name,
        ownKey,
      } = pool.options;
      assert.deepEqual(
        { max, min, maxUses, allowExitOnIdle, maxLifetimeSeconds, idleTimeoutMillis, name, ownKey },
        {
          max: 3,
          min: 0,
          maxUses: Infinity,
          allowExitOnIdle: false,
          maxLifetimeSeconds: 0,
          idleTimeoutMillis: 10000,
          name: 'mine',
          ownKey: 'kept',
        },
      );
      assert.equal(pool.options.password, given.password);
      assert.equal(Object.keys(pool.options).includes('password'), false);
      assert.equal(new pg.Pool().options.max, 10);
      assert.equal(new pg.Pool({ poolSize: 4 }).options.max, 4);
      assert.deepEqual(given, server.config({ max: 3, application_name: 'mine', ownKey: 'kept' }));
      await pool.end();
    });
  });
});
