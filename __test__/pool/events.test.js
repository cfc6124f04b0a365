'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

const NAMES = ['connect', 'acquire', 'release', 'remove', 'error'];

// node-postgres's end resolves without waiting for the sockets, and remove comes when they have closed.
const endAndRemove = async (pool, count = 1) => {
  let removed = 0;
  const all = new Promise((resolve) => {
    pool.on('remove', () => {
      removed += 1;
      if (removed === count) resolve();
    });
  });
  await pool.end();
  await all;
};

describe('events of a pool', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });

    const watched = (options) => {
      const pool = new pg.Pool(server.config(options));
      const log = [];
      for (const name of NAMES) pool.on(name, () => log.push(name));
      return { pool, log };
    };

    test('come in the order connect, acquire, release, remove', async () => {
      const { pool, log } = watched();
      const client = await pool.connect();
      assert.deepEqual(log, ['connect', 'acquire']);
      client.release();
      assert.deepEqual(log, ['connect', 'acquire', 'release']);
      const again = await pool.connect();
      assert.equal(again, client);
      assert.deepEqual(log, ['connect', 'acquire', 'release', 'acquire']);
      again.release();
      await endAndRemove(pool);
      assert.deepEqual(log, ['connect', 'acquire', 'release', 'acquire', 'release', 'remove']);
    });

    test('come for pool.query too', async () => {
      const { pool, log } = watched();
      await pool.query('SELECT 1');
      assert.deepEqual(log, ['connect', 'acquire', 'release']);
      await pool.query('SELECT $1::int4', [1]);
      assert.deepEqual(log, ['connect', 'acquire', 'release', 'acquire', 'release']);
      await endAndRemove(pool);
      assert.equal(log.at(-1), 'remove');
    });

    test('bring the client', async () => {
      const pool = new pg.Pool(server.config());
      const seen = {};
      pool.on('connect', (...values) => (seen.connect = values));
      pool.on('acquire', (...values) => (seen.acquire = values));
      pool.on('release', (...values) => (seen.release = values));
      pool.on('remove', (...values) => (seen.remove = values));
      const client = await pool.connect();
      assert.ok(client instanceof pg.Client);
      assert.deepEqual([seen.connect.length, seen.acquire.length], [1, 1]);
      assert.equal(seen.connect[0], client);
      assert.equal(seen.acquire[0], client);
      client.release();
      assert.equal(seen.release[0], undefined);
      assert.equal(seen.release[1], client);
      await endAndRemove(pool);
      assert.equal(seen.remove[0], client);
    });

    test('release brings the error that the client was released with', async () => {
      const pool = new pg.Pool(server.config());
      const reasons = [];
      pool.on('release', (reason) => reasons.push(reason));
      const boom = new Error('boom');
      (await pool.connect()).release(boom);
      (await pool.connect()).release(true);
      (await pool.connect()).release();
      assert.equal(reasons[0], boom);
      assert.deepEqual(reasons.slice(1), [true, undefined]);
      await pool.end();
    });

    test('release brings the error of a query of the pool', async () => {
      const pool = new pg.Pool(server.config());
      const released = once(pool, 'release');
      await assert.rejects(pool.query('SELECT 1 / 0'), { code: '22012' });
      const [reason] = await released;
      assert.equal(reason.code, '22012');
      await pool.end();
    });

    test('connect comes once for each client', async () => {
      const { pool, log } = watched({ max: 3 });
      const clients = await Promise.all([1, 2, 3].map(() => pool.connect()));
      assert.equal(new Set(clients).size, 3);
      assert.equal(log.filter((name) => name === 'connect').length, 3);
      for (const client of clients) client.release();
      await endAndRemove(pool, 3);
      assert.equal(log.filter((name) => name === 'remove').length, 3);
    });

    test('a listener of connect that starts a query has it run before any other', async () => {
      const pool = new pg.Pool(server.config({ max: 2 }));
      pool.on('connect', (client) => {
        client.query("SET application_name = 'set at connect'");
      });
      const names = await Promise.all(
        [1, 2, 3, 4].map(async () => (await pool.query('SHOW application_name')).rows[0].application_name),
      );
      assert.deepEqual(names, Array(4).fill('set at connect'));
      await pool.end();
    });

    test('a listener of connect may set parsers of the client', async () => {
      const pool = new pg.Pool(server.config());
      pool.on('connect', (client) => client.setTypeParser(23, (text) => `<${text}>`));
      assert.deepEqual((await pool.query('SELECT 5 AS n')).rows, [{ n: '<5>' }]);
      await pool.end();
    });

    test('a listener of acquire may listen for notices of the client', async () => {
      const pool = new pg.Pool(server.config());
      const notices = [];
      pool.once('acquire', (client) => client.on('notice', ({ message }) => notices.push(message)));
      await pool.query("DO $$ BEGIN RAISE NOTICE 'heard'; END $$");
      assert.deepEqual(notices, ['heard']);
      await pool.end();
    });

    test('error brings the error and the client when an idle client dies, which has left the pool then', async () => {
      const pool = new pg.Pool(server.config());
      const client = await pool.connect();
      const { processID } = client;
      client.release();
      const seen = new Promise((resolve) =>
        pool.on('error', (error, idle) => resolve({ error, idle, total: pool.totalCount })),
      );
      await server.asSuperuser((other) => other.query('SELECT pg_terminate_backend($1)', [processID]));
      const { error, idle, total } = await seen;
      assert.equal(error.code, '57P01');
      assert.equal(idle, client);
      assert.equal(error.client, client);
      assert.equal(total, 0);
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      await pool.end();
    });

    test('a client that cannot connect emits nothing', async () => {
      const { pool, log } = watched({ database: 'no_such_database' });
      await assert.rejects(pool.connect(), { code: '3D000' });
      await assert.rejects(pool.query('SELECT 1'), { code: '3D000' });
      assert.deepEqual(log, []);
      await pool.end();
    });
  });
});
