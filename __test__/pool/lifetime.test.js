'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { eventually } = require('../support/failure');
const { postgres } = require('../support/server');

describe('how long a pool keeps its clients', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });
    const poolOf = (options) => new pg.Pool(server.config(options));
    const pidOf = async (pool) => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;

    test('idleTimeoutMillis closes a client that was idle for that long', async () => {
      const pool = poolOf({ idleTimeoutMillis: 50 });
      const client = await pool.connect();
      const removed = once(pool, 'remove');
      client.release();
      const [gone] = await removed;
      assert.equal(gone, client);
      assert.equal(pool.totalCount, 0);
      await pool.end();
    });

    test('idleTimeoutMillis leaves min clients', async () => {
      const pool = poolOf({ idleTimeoutMillis: 50, min: 1, max: 3 });
      const clients = await Promise.all([1, 2, 3].map(() => pool.connect()));
      let removals = 0;
      const two = new Promise((resolve) => {
        pool.on('remove', () => {
          removals += 1;
          if (removals === 2) resolve();
        });
      });
      for (const client of clients) client.release();
      await two;
      assert.equal(pool.totalCount, 1);
      await pool.end();
    });

    test('idleTimeoutMillis: 0 never closes', async () => {
      const pool = poolOf({ idleTimeoutMillis: 0 });
      const pid = await pidOf(pool);
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(pool.idleCount, 1);
      assert.equal(await pidOf(pool), pid);
      await pool.end();
    });

    test('maxUses closes a client that was used that often', async () => {
      const pool = poolOf({ maxUses: 2, max: 1 });
      const pids = [];
      for (let index = 0; index < 5; index += 1) pids.push(await pidOf(pool));
      assert.equal(pids[0], pids[1]);
      assert.equal(pids[2], pids[3]);
      assert.equal(new Set(pids).size, 3);
      await pool.end();
    });

    test('maxUses counts connect and release', async () => {
      const pool = poolOf({ maxUses: 1 });
      const client = await pool.connect();
      client.release();
      assert.equal(pool.totalCount, 0);
      await pool.end();
    });

    test('maxLifetimeSeconds closes an idle client when its time has come', async () => {
      const pool = poolOf({ maxLifetimeSeconds: 1, idleTimeoutMillis: 0 });
      const removed = once(pool, 'remove');
      await pool.query('SELECT 1');
      await removed;
      assert.equal(pool.totalCount, 0);
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      await pool.end();
    });

    test('maxLifetimeSeconds lets a client that is out finish, counts it as expired, and closes it then', async () => {
      const pool = poolOf({ maxLifetimeSeconds: 1, idleTimeoutMillis: 0 });
      const client = await pool.connect();
      assert.equal(pool.expiredCount, 0);
      await eventually(() => pool.expiredCount === 1, 'a client that has expired');
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      assert.equal(pool.totalCount, 1);
      client.release();
      assert.equal(pool.expiredCount, 0);
      assert.equal(pool.totalCount, 0);
      await pool.end();
    });
  });
});
