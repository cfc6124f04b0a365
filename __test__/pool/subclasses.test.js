'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('classes of the caller around a pool', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });

    test('a subclass of Pool', async () => {
      class Counting extends pg.Pool {
        constructor(...values) {
          super(...values);
          this.count = 0;
        }
        query(...values) {
          this.count += 1;
          return super.query(...values);
        }
      }
      const pool = new Counting(server.config());
      assert.ok(pool instanceof pg.Pool);
      assert.ok(pool instanceof require('node:events').EventEmitter);
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      assert.equal(pool.count, 1);
      await pool.end();
    });

    test('a subclass whose connect is its own is asked by pool.query as well', async () => {
      let connects = 0;
      class Watching extends pg.Pool {
        connect(callback) {
          connects += 1;
          return super.connect(callback);
        }
      }
      const pool = new Watching(server.config());
      (await pool.connect()).release();
      await pool.query('SELECT 1');
      assert.equal(connects, 2);
      await pool.end();
    });

    test('a subclass whose steps are its own takes them', async () => {
      const steps = [];
      const base = pg.Pool.prototype;
      class Stepping extends pg.Pool {}
      for (const name of [
        ...['newClient', '_afterConnect', '_acquireClient', '_releaseOnce', '_release', '_remove'],
        ...['_pulseQueue', '_isFull', '_isAboveMin'],
      ]) {
        Stepping.prototype[name] = function (...values) {
          steps.push(name);
          return base[name].apply(this, values);
        };
      }
      const pool = new Stepping(server.config({ max: 1 }));
      await pool.query('SELECT 1');
      assert.deepEqual(steps.splice(0), [
        ...['_isFull', 'newClient', '_afterConnect', '_acquireClient', '_releaseOnce'],
        ...['_release', '_isAboveMin', '_pulseQueue'],
      ]);
      const client = await pool.connect();
      client.release(true);
      assert.deepEqual(steps.splice(0), [
        ...['_isFull', '_pulseQueue', '_acquireClient', '_releaseOnce', '_release', '_remove'],
      ]);
      await new Promise((resolve) => client.once('end', resolve));
      await pool.end();
    });

    test('a step put on a pool is taken, and one that is called before the first use makes its client', async () => {
      const pool = new pg.Pool(server.config());
      let removed = 0;
      pool._remove = (...values) => {
        removed += 1;
        pg.Pool.prototype._remove.apply(pool, values);
      };
      const client = await new Promise((resolve, reject) => {
        pool.newClient({ callback: (error, made) => (error ? reject(error) : resolve(made)) });
      });
      assert.deepEqual([pool.totalCount, pool.idleCount, pool._clients[0]], [1, 0, client]);
      client.release();
      assert.equal(pool.idleCount, 1);
      assert.equal(await pool.connect(), client);
      client.release(true);
      assert.deepEqual([removed, pool.totalCount], [1, 0]);
      await pool.end();
    });

    test('a method put on a pool is used', async () => {
      const pool = new pg.Pool(server.config());
      const texts = [];
      const query = pool.query.bind(pool);
      pool.query = (text, ...rest) => {
        texts.push(text);
        return query(text, ...rest);
      };
      await pool.query('SELECT 1');
      assert.deepEqual(texts, ['SELECT 1']);
      await pool.end();
    });

    test('a Client of the caller is what the pool hands out and queries with', async () => {
      const texts = [];
      class Watched extends pg.Client {
        query(text, ...rest) {
          texts.push(typeof text === 'string' ? text : text.text);
          return super.query(text, ...rest);
        }
      }
      const pool = new pg.Pool(server.config({ Client: Watched, max: 2 }));
      const client = await pool.connect();
      assert.ok(client instanceof Watched);
      await client.query('SELECT 1');
      client.release();
      assert.deepEqual((await pool.query('SELECT 2 AS n')).rows, [{ n: 2 }]);
      assert.deepEqual((await pool.query('SELECT $1::int4 AS n', [3])).rows, [{ n: 3 }]);
      assert.deepEqual(texts, ['SELECT 1', 'SELECT 2 AS n', 'SELECT $1::int4 AS n']);
      assert.deepEqual([pool.totalCount, pool.idleCount], [1, 1]);
      await pool.end();
    });

    test('a query method put on Client.prototype is used by pools', async () => {
      const texts = [];
      const { query } = pg.Client.prototype;
      pg.Client.prototype.query = function watched(text, ...rest) {
        texts.push(text);
        return query.call(this, text, ...rest);
      };
      try {
        const pool = new pg.Pool(server.config());
        await pool.query('SELECT 1');
        await pool.end();
      } finally {
        pg.Client.prototype.query = query;
      }
      assert.deepEqual(texts, ['SELECT 1']);
    });

    test('a custom Promise is what the methods of a pool return', async () => {
      class Vow extends Promise {}
      const pool = new pg.Pool(server.config({ Promise: Vow }));
      const query = pool.query('SELECT 1');
      assert.ok(query instanceof Vow);
      await query;
      const connect = pool.connect();
      assert.ok(connect instanceof Vow);
      (await connect).release();
      const end = pool.end();
      assert.ok(end instanceof Vow);
      await end;
    });
  });
});
