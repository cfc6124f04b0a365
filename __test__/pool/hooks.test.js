'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('hooks of a pool', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });
    const poolOf = (options) => new pg.Pool(server.config(options));

    test('onConnect is awaited before a new client is handed out', async () => {
      const pool = poolOf({
        max: 2,
        onConnect: async (client) => {
          await client.query("SET application_name = 'from onConnect'");
        },
      });
      const names = await Promise.all(
        [1, 2, 3].map(async () => (await pool.query('SHOW application_name')).rows[0].application_name),
      );
      assert.deepEqual(names, Array(3).fill('from onConnect'));
      const client = await pool.connect();
      assert.equal((await client.query('SHOW application_name')).rows[0].application_name, 'from onConnect');
      client.release();
      await pool.end();
    });

    test('onConnect is called once for each client, before the event connect', async () => {
      const order = [];
      const pool = poolOf({ onConnect: () => order.push('onConnect') });
      pool.on('connect', () => order.push('connect'));
      await pool.query('SELECT 1');
      await pool.query('SELECT 1');
      assert.deepEqual(order, ['onConnect', 'connect']);
      await pool.end();
    });

    for (const [what, onConnect] of Object.entries({
      throws: () => {
        throw new RangeError('refused by onConnect');
      },
      rejects: async () => {
        throw new RangeError('refused by onConnect');
      },
    })) {
      test(`onConnect that ${what} rejects the request, and its client is closed`, async () => {
        const pool = poolOf({ onConnect });
        await assert.rejects(pool.connect(), { name: 'RangeError', message: 'refused by onConnect' });
        await assert.rejects(pool.query('SELECT 1'), { message: 'refused by onConnect' });
        assert.equal(pool.totalCount, 0);
        await pool.end();
      });
    }

    test('verify is called with a new client before it is handed out', async () => {
      const seen = [];
      const pool = poolOf({
        verify: (client, callback) => {
          seen.push(client);
          client.query('SELECT 1', (error) => callback(error));
        },
      });
      const client = await pool.connect();
      assert.deepEqual(seen.length, 1);
      assert.equal(seen[0], client);
      client.release();
      await pool.query('SELECT 1');
      assert.equal(seen.length, 1);
      await pool.end();
    });

    test('verify that fails rejects the request, and its client is closed', async () => {
      const boom = new Error('not verified');
      const pool = poolOf({ verify: (client, callback) => callback(boom) });
      await assert.rejects(pool.connect(), (error) => error === boom);
      await assert.rejects(pool.query('SELECT 1'), { message: 'not verified' });
      assert.equal(pool.totalCount, 0);
      await pool.end();
    });

    test('log is told what the pool does', async () => {
      const lines = [];
      const pool = poolOf({ log: (...words) => lines.push(words[0]) });
      const client = await pool.connect();
      client.release();
      await pool.end();
      assert.ok(lines.length > 0);
      assert.ok(lines.every((line) => typeof line === 'string'));
    });

    test('password as an async function is asked for each connection', async () => {
      let asked = 0;
      const pool = poolOf({
        max: 2,
        password: async () => {
          asked += 1;
          return server.password;
        },
      });
      const clients = await Promise.all([pool.connect(), pool.connect()]);
      for (const client of clients) client.release();
      assert.equal(asked, 2);
      await pool.end();
    });
  });
});
