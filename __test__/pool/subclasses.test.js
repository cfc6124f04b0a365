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
