'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('a query method that was put on a client of a pool', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });

    /** Has a client note the texts that it is asked. */
    const spyOn = (client) => {
      const { query } = client;
      const seen = [];
      client.query = function (...args) {
        seen.push(args[0].text ?? args[0]);
        return query.apply(this, args);
      };
      return seen;
    };

    test('is what queries of the pool go through, of every form', async () => {
      const pool = new pg.Pool(server.config({ max: 1 }));
      const client = await pool.connect();
      const seen = spyOn(client);
      client.release();
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      assert.deepEqual((await pool.query('SELECT $1::int4 AS n', [2])).rows, [{ n: 2 }]);
      assert.deepEqual((await pool.query({ text: 'SELECT 3 AS n' })).rows, [{ n: 3 }]);
      const called = await new Promise((resolve, reject) => {
        pool.query('SELECT 4 AS n', (error, result) => (error ? reject(error) : resolve(result)));
      });
      assert.deepEqual(called.rows, [{ n: 4 }]);
      assert.deepEqual(seen, ['SELECT 1 AS n', 'SELECT $1::int4 AS n', 'SELECT 3 AS n', 'SELECT 4 AS n']);
      await pool.end();
    });

    test('may answer by itself, and fail: then the client leaves the pool', async () => {
      const pool = new pg.Pool(server.config({ max: 1 }));
      const client = await pool.connect();
      client.query = (text, values, callback) => callback(null, { rows: ['made up'] });
      client.release();
      assert.deepEqual((await pool.query('SELECT 1')).rows, ['made up']);
      client.query = (text, values, callback) => callback(new Error('not today'));
      await assert.rejects(pool.query('SELECT 1'), { message: 'not today' });
      assert.equal(pool.totalCount, 0);
      assert.deepEqual((await pool.query('SELECT 5 AS n')).rows, [{ n: 5 }]);
      await pool.end();
    });

    test('counts also when it is put there while the client is idle, until it is taken away', async () => {
      const pool = new pg.Pool(server.config({ max: 1 }));
      await pool.query('SELECT 0');
      const [client] = pool._clients;
      const seen = spyOn(client);
      await pool.query('SELECT 1');
      delete client.query;
      await pool.query('SELECT 2');
      assert.deepEqual(seen, ['SELECT 1']);
      await pool.end();
    });

    test('sees the queries that its own client gets, and no others', async () => {
      const pool = new pg.Pool(server.config({ max: 2 }));
      const [spied, plain] = await Promise.all([pool.connect(), pool.connect()]);
      const seen = spyOn(spied);
      plain.release();
      const { rows } = await pool.query('SELECT pg_backend_pid() AS pid');
      assert.equal(rows[0].pid, plain.processID);
      assert.deepEqual(seen, []);
      spied.release();
      await Promise.all([1, 2, 3, 4].map((n) => pool.query(`SELECT ${n}`)));
      assert.ok(seen.length > 0 && seen.length < 4, seen.join());
      await pool.end();
    });

    test('of the prototype sees the queries of a pool that was used before', async () => {
      const pool = new pg.Pool(server.config({ max: 1 }));
      await pool.query('SELECT 0');
      const { query } = pg.Client.prototype;
      const seen = [];
      pg.Client.prototype.query = function (...args) {
        seen.push(args[0]);
        return query.apply(this, args);
      };
      try {
        await pool.query('SELECT 1');
      } finally {
        pg.Client.prototype.query = query;
      }
      await pool.query('SELECT 2');
      assert.deepEqual(seen, ['SELECT 1']);
      await pool.end();
    });
  });
});
