'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('what programs look at inside a pool', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });
    const poolOf = (options) => new pg.Pool(server.config(options));
    const sizes = (pool) => [pool._clients.length, pool._idle.length, pool._pendingQueue.length];

    test('the lists of clients, of idle ones and of pending requests', async () => {
      const pool = poolOf({ max: 2 });
      assert.deepEqual(sizes(pool), [0, 0, 0]);
      const first = await pool.connect();
      const second = await pool.connect();
      const third = pool.connect();
      assert.deepEqual(sizes(pool), [2, 0, 1]);
      assert.deepEqual(new Set(pool._clients), new Set([first, second]));
      first.release();
      (await third).release();
      assert.deepEqual(sizes(pool), [2, 1, 0]);
      assert.equal(pool._idle[0].client, first);
      second.release();
      await pool.end();
      assert.deepEqual(sizes(pool), [0, 0, 0]);
    });

    test('the clients that only queries of the pool have used', async () => {
      const pool = poolOf({ max: 2 });
      const { pid } = (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0];
      assert.deepEqual(sizes(pool), [1, 1, 0]);
      const [known] = pool._clients;
      assert.ok(known instanceof pg.Client);
      assert.equal(known.processID, pid);
      assert.equal(pool._idle[0].client, known);
      const client = await pool.connect();
      assert.equal(client, known);
      client.release();
      await pool.end();
    });

    test('whether it is full and has more than it keeps', async () => {
      const pool = poolOf({ max: 2, min: 1 });
      const [first, second] = [await pool.connect(), await pool.connect()];
      assert.deepEqual([pool._isFull(), pool._isAboveMin()], [true, true]);
      first.release(true);
      assert.deepEqual([pool._isFull(), pool._isAboveMin()], [false, false]);
      second.release();
      await pool.end();
    });

    test('a client that is ended behind the back of a query of the pool', async () => {
      const pool = poolOf({ max: 1 });
      pool.on('error', () => undefined);
      await pool.query('SELECT 1');
      const running = assert.rejects(pool.query('SELECT pg_sleep(60)'), /Connection terminated/);
      await new Promise((resolve) => setTimeout(resolve, 50));
      pool._clients[0].end();
      await running;
      assert.equal((await pool.query('SELECT 1 AS one')).rows[0].one, 1);
      await pool.end();
    });

    test('an error that is emitted on an idle client takes it out of the pool', async () => {
      const pool = poolOf();
      const client = await pool.connect();
      client.release();
      const told = [];
      pool.on('error', (error, of) => told.push(error.message, of));
      client.emit('error', new Error('made up'));
      assert.deepEqual(told, ['made up', client]);
      assert.deepEqual([pool.totalCount, pool.idleCount], [0, 0]);
      await pool.query('SELECT 1');
      await pool.end();
    });

    test('an error that is emitted on a client in use leaves it in the pool', async () => {
      const pool = poolOf();
      const client = await pool.connect();
      client.on('error', () => undefined);
      client.emit('error', new Error('made up'));
      assert.deepEqual([pool.totalCount, pool.idleCount], [1, 0]);
      client.release();
      assert.deepEqual([pool.totalCount, pool.idleCount], [1, 1]);
      await pool.end();
    });

    test('a connect method put on Client.prototype is used by pools', async () => {
      const { connect } = pg.Client.prototype;
      const pool = poolOf({ max: 1 });
      let failures = 1;
      pg.Client.prototype.connect = function (callback) {
        if (failures-- > 0) setImmediate(callback, new Error('not this time'));
        else connect.call(this, callback);
      };
      try {
        const first = assert.rejects(pool.connect(), { message: 'not this time' });
        (await pool.connect()).release();
        await first;
      } finally {
        pg.Client.prototype.connect = connect;
      }
      await pool.end();
    });

    test('a password that is changed counts for the next connection', async () => {
      const pool = poolOf({ max: 2 });
      const { password } = pool.options;
      const client = await pool.connect();
      pool.options.password = 'expired';
      await assert.rejects(pool.connect(), { code: '28P01' });
      pool.options.password = password;
      (await pool.connect()).release();
      client.release();
      await pool.end();
    });
  });
});
