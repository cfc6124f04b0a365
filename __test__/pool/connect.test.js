'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('taking a client from a pool', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });
    const poolOf = (options) => new pg.Pool(server.config(options));

    test('by callback brings no error, the client and its release, and returns nothing', async () => {
      const pool = poolOf();
      let returned = 'nothing yet';
      const values = await new Promise((resolve) => {
        returned = pool.connect((...all) => resolve(all));
      });
      assert.equal(returned, undefined);
      assert.equal(values.length, 3);
      const [error, client, release] = values;
      assert.equal(error, undefined);
      assert.ok(client instanceof pg.Client);
      assert.equal(release, client.release);
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      release();
      assert.equal(pool.idleCount, 1);
      await pool.end();
    });

    test('by callback brings the error and a release that does nothing', async () => {
      const pool = poolOf({ database: 'no_such_database' });
      const [error, client, release] = await new Promise((resolve) => pool.connect((...all) => resolve(all)));
      assert.equal(error.code, '3D000');
      assert.equal(client, undefined);
      assert.equal(typeof release, 'function');
      release();
      release();
      await pool.end();
    });

    test('requests are served in the order in which they were made', async () => {
      const pool = poolOf({ max: 1 });
      const held = await pool.connect();
      const order = [];
      const waiting = Array.from({ length: 20 }, async (_, index) => {
        if (index % 2) {
          await pool.query('SELECT 1');
        } else {
          const client = await pool.connect();
          await client.query('SELECT 1');
          client.release();
        }
        order.push(index);
      });
      held.release();
      await Promise.all(waiting);
      assert.deepEqual(
        order,
        waiting.map((_, index) => index),
      );
      await pool.end();
    });

    test('a transaction is alone on its client', async () => {
      const pool = poolOf({ max: 3 });
      await pool.query('DROP TABLE IF EXISTS alone; CREATE TABLE alone (n int4)');
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query('INSERT INTO alone VALUES (1)');
      const outside = await Promise.all(Array.from({ length: 20 }, () => pool.query('SELECT n FROM alone')));
      assert.ok(outside.every(({ rows }) => rows.length === 0));
      assert.deepEqual((await client.query('SELECT n FROM alone')).rows, [{ n: 1 }]);
      await client.query('ROLLBACK');
      client.release();
      await pool.query('DROP TABLE alone');
      await pool.end();
    });

    test('never more than max connections are open', async () => {
      const pool = poolOf({ max: 4 });
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => pool.query('SELECT pg_backend_pid() AS pid, pg_sleep(0.002)')),
      );
      const pids = new Set(answers.map(({ rows }) => rows[0].pid));
      assert.ok(pids.size <= 4);
      assert.equal(pool.totalCount, pids.size);
      await pool.end();
    });

    test('a place that a failed connection leaves is used by the next request that waits', async () => {
      let fail = true;
      const pool = poolOf({ max: 1, password: () => (fail ? 'wrong' : server.password) });
      const first = pool.query('SELECT 1').catch((error) => error.code);
      const second = pool.query('SELECT 2 AS n').then(
        ({ rows }) => rows[0].n,
        (error) => error.code,
      );
      assert.equal(await first, '28P01');
      fail = false;
      assert.ok([2, '28P01'].includes(await second));
      assert.deepEqual((await pool.query('SELECT 3 AS n')).rows, [{ n: 3 }]);
      await pool.end();
    });

    describe('with connectionTimeoutMillis', () => {
      test('gives up waiting for a client, by promise, by callback and by query', async () => {
        // The first client has to connect in this time, on a machine that has a lot to do.
        const pool = poolOf({ max: 1, connectionTimeoutMillis: 1000 });
        const held = await pool.connect();
        const message = 'timeout exceeded when trying to connect';
        const [[error, client]] = await Promise.all([
          new Promise((resolve) => pool.connect((...all) => resolve(all))),
          assert.rejects(pool.connect(), { name: 'Error', message }),
          assert.rejects(pool.query('SELECT 1'), { message }),
        ]);
        assert.equal(error.message, message);
        assert.equal(client, undefined);
        assert.equal(pool.waitingCount, 0);
        held.release();
        assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
        await pool.end();
      });

      test('gives up connecting to a server that says nothing', async (context) => {
        const sockets = [];
        const silent = net.createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
        await once(silent, 'listening');
        context.after(() => {
          for (const socket of sockets) socket.destroy();
          silent.close();
        });
        const pool = new pg.Pool({
          ...server.config(),
          port: silent.address().port,
          connectionTimeoutMillis: 100,
        });
        await assert.rejects(pool.connect(), (error) => {
          assert.match(error.message, /^(Connection terminated due to connection timeout|timeout expired)$/);
          return true;
        });
        assert.equal(pool.totalCount, 0);
        await pool.end();
      });
    });
  });
});
