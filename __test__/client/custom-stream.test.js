'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('a stream of the caller', () => {
  forBoth(({ pg }) => {
    for (const [what, option] of Object.entries({
      'a socket': (socket) => socket,
      'a function that gives a socket': (socket) => () => socket,
    })) {
      test(`${what} carries the connection`, async () => {
        const socket = new net.Socket();
        const client = new pg.Client((await postgres()).config({ stream: option(socket) }));
        await client.connect();
        const { rows } = await client.query('SELECT $1::text AS word', ['é']);
        await client.end();
        assert.deepEqual(rows, [{ word: 'é' }]);
        assert.ok(socket.bytesRead > 0);
        assert.ok(socket.bytesWritten > 0);
      });
    }

    const onOwnSocket = async (context, config) => {
      const server = await postgres();
      const client = new pg.Client({ ...server.config(config(server)), stream: () => new net.Socket() });
      await client.connect();
      context.after(() => client.end());
      return client;
    };
    const LOGINS = {
      'a password that is kept as MD5': () => ({ user: 'md5_user', password: 'secret' }),
      'a password in clear text, from a function': () => ({
        user: 'clear_user',
        password: async () => 'secret',
      }),
      TLS: ({ caPath }) => ({ host: 'localhost', ssl: { ca: fs.readFileSync(caPath, 'utf8') } }),
    };
    for (const [what, config] of Object.entries(LOGINS)) {
      test(`logs in with ${what}`, async (context) => {
        const client = await onOwnSocket(context, config);
        assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
      });
    }

    test('runs every kind of query', async (context) => {
      const client = await onOwnSocket(context, () => ({}));
      const several = await client.query('SELECT 1 AS n; SELECT 2 AS n');
      assert.deepEqual(
        several.map(({ rows }) => rows[0].n),
        [1, 2],
      );
      await assert.rejects(client.query('SELECT 1 / 0'), { code: '22012' });
      for (const n of [3, 4]) {
        const { rows } = await client.query({ name: 'n', text: 'SELECT $1::int AS n', values: [n] });
        assert.deepEqual(rows, [{ n }]);
      }
      const query = client.query(new pg.Query('SELECT generate_series(1, 3) AS n'));
      const numbers = [];
      query.on('row', ({ n }) => numbers.push(n));
      await once(query, 'end');
      assert.deepEqual(numbers, [1, 2, 3]);
    });

    test('ends with an error event when the server ends it', async (context) => {
      const client = await onOwnSocket(context, () => ({}));
      const errors = [];
      client.on('error', (error) => errors.push(error.message));
      const ended = new Promise((resolve) => client.once('end', resolve));
      await assert.rejects(client.query('SELECT pg_terminate_backend(pg_backend_pid())'), { code: '57P01' });
      await ended;
      assert.deepEqual(errors, ['Connection terminated unexpectedly']);
    });

    test('serves a pool', async () => {
      const pool = new pg.Pool({ ...(await postgres()).config(), stream: () => new net.Socket() });
      const answers = await Promise.all([1, 2, 3].map((n) => pool.query('SELECT $1::int AS n', [n])));
      assert.deepEqual(
        answers.map(({ rows }) => rows[0].n),
        [1, 2, 3],
      );
      await pool.end();
    });
  });
});
