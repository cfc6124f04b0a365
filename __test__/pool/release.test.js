'use strict';

const assert = require('node:assert/strict');
const { beforeEach, afterEach, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

const TWICE = 'Release called on client which has already been released to the pool.';

describe('giving a client back', () => {
  forBoth(({ pg, ours }) => {
    let pool;
    beforeEach(async () => {
      pool = new pg.Pool((await postgres()).config({ max: 2 }));
    });
    afterEach(() => pool.end());

    const pidOf = async (client) => (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;

    test('release returns nothing and the same client is handed out again', async () => {
      const client = await pool.connect();
      assert.equal(client.release(), undefined);
      const again = await pool.connect();
      assert.equal(again, client);
      again.release();
    });

    test('release twice throws, and the client is not given out twice', async () => {
      const client = await pool.connect();
      client.release();
      assert.throws(() => client.release(), { name: 'Error', message: TWICE });
      const [first, second] = await Promise.all([pool.connect(), pool.connect()]);
      assert.notEqual(first, second);
      first.release();
      second.release();
    });

    test('a release kept from before throws when the client has been handed out again', async () => {
      const client = await pool.connect();
      const { release } = client;
      client.release();
      const again = await pool.connect();
      assert.throws(() => release(), { message: TWICE });
      assert.equal(await pidOf(again), again.processID);
      again.release();
    });

    test('release can be called without its client', async () => {
      const { release } = await pool.connect();
      release();
      assert.equal(pool.idleCount, 1);
    });

    for (const [what, value] of Object.entries({
      'an error': new Error('broken'),
      true: true,
      'a text': 'broken',
    })) {
      test(`release with ${what} throws the connection away`, async () => {
        const client = await pool.connect();
        const pid = await pidOf(client);
        client.release(value);
        assert.equal(pool.totalCount, 0);
        const other = await pool.connect();
        assert.notEqual(other, client);
        assert.notEqual(await pidOf(other), pid);
        other.release();
      });
    }

    for (const [what, value] of Object.entries({ false: false, null: null, undefined, 0: 0 })) {
      test(`release with ${what} keeps the connection`, async () => {
        const client = await pool.connect();
        client.release(value);
        assert.equal(pool.idleCount, 1);
      });
    }

    test('a client that was thrown away is not usable any more', async () => {
      const client = await pool.connect();
      client.on('error', () => {});
      client.release(true);
      await assert.rejects(client.query('SELECT 1'), { message: 'Client was closed and is not queryable' });
    });

    test('a client that was ended by its user leaves the pool when it is released', async () => {
      const client = await pool.connect();
      await client.end();
      client.release();
      assert.equal(pool.totalCount, 0);
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('the last client given back is the first handed out', async () => {
      const [first, second] = await Promise.all([pool.connect(), pool.connect()]);
      first.release();
      second.release();
      const next = await pool.connect();
      assert.equal(next, second);
      next.release();
    });

    test('a client given back is still usable for what was asked before', async () => {
      const client = await pool.connect();
      const answer = client.query('SELECT 1 AS n');
      client.release();
      assert.deepEqual((await answer).rows, [{ n: 1 }]);
    });

    if (ours) {
      test('a client given back with a query under way is not handed out before the answer', async () => {
        const order = [];
        const single = new pg.Pool((await postgres()).config({ max: 1 }));
        const client = await single.connect();
        const answer = client.query('SELECT pg_sleep(0.1)').then(() => order.push('answer'));
        client.release();
        const next = await single.connect();
        order.push('next');
        next.release();
        await Promise.all([answer, single.end()]);
        assert.deepEqual(order, ['answer', 'next']);
      });
    }

    test('listeners of its user stay on a client', async () => {
      const client = await pool.connect();
      const messages = [];
      client.on('notice', ({ message }) => messages.push(message));
      client.release();
      await pool.query("DO $$ BEGIN RAISE NOTICE 'still heard'; END $$");
      assert.deepEqual(messages, ['still heard']);
    });

    test('a client whose backend dies while it is out rejects its query and leaves the pool', async () => {
      const server = await postgres();
      const client = await pool.connect();
      const seen = [];
      client.on('error', (error) => seen.push(error.message));
      const gone = new Promise((resolve) => client.once('end', resolve));
      const answer = assert.rejects(client.query('SELECT pg_sleep(600)'), { code: '57P01' });
      await server.asSuperuser(async (other) => {
        let rows = [];
        const text =
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%'";
        while (rows.length === 0) ({ rows } = await other.query(text, [client.processID]));
      });
      await answer;
      await gone;
      assert.deepEqual(seen, ['Connection terminated unexpectedly']);
      client.release();
      assert.equal(pool.totalCount, 0);
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });
  });
});
