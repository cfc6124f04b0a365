'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { failure, settled } = require('../support/failure');
const { postgres } = require('../support/server');

const ENDED = 'Cannot use a pool after calling end on the pool';
const TWICE = 'Called end on pool more than once';

describe('ending a pool', () => {
  forBoth(({ pg, ours }) => {
    let server;
    before(async () => {
      server = await postgres();
    });
    const poolOf = (options) => new pg.Pool(server.config(options));
    const called = (start) => new Promise((resolve) => start((...values) => resolve(values)));

    test('that was never used', async () => {
      assert.equal(await poolOf().end(), undefined);
      await called((callback) => poolOf().end(callback));
    });

    test('by callback returns nothing', async () => {
      const pool = poolOf();
      await pool.query('SELECT 1');
      let returned = 'nothing yet';
      const values = await called((callback) => {
        returned = pool.end(callback);
      });
      assert.equal(returned, undefined);
      assert.deepEqual(values.filter(Boolean), []);
    });

    test('twice is refused the second time, by promise and by callback', async () => {
      const pool = poolOf();
      const first = pool.end();
      await assert.rejects(pool.end(), { name: 'Error', message: TWICE });
      const [error] = await called((callback) => pool.end(callback));
      assert.equal(error.message, TWICE);
      await first;
      await assert.rejects(pool.end(), { message: TWICE });
    });

    test('refuses what is asked afterwards, by promise and by callback', async () => {
      const pool = poolOf();
      const end = pool.end();
      await assert.rejects(pool.connect(), { name: 'Error', message: ENDED });
      await assert.rejects(pool.query('SELECT 1'), { message: ENDED });
      const [connectError] = await called((callback) => pool.connect(callback));
      assert.equal(connectError.message, ENDED);
      const [queryError] = await called((callback) => pool.query('SELECT 1', callback));
      assert.equal(queryError.message, ENDED);
      await end;
    });

    test('waits for the clients that are out, which stay usable', async () => {
      const pool = poolOf();
      const client = await pool.connect();
      let ended = false;
      const end = pool.end().then(() => {
        ended = true;
      });
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      await new Promise(setImmediate);
      assert.equal(ended, false);
      client.release();
      await end;
      assert.equal(ended, true);
      assert.equal(pool.totalCount, 0);
    });

    if (ours) {
      // With node-postgres it never settles.
      test('does not wait for a client that was lost and never came back', async () => {
        const pool = poolOf();
        const client = await pool.connect();
        await client.end();
        await settled(pool.end(), 'the end');
        client.release();
      });

      test('does not wait for requests that have timed out', async () => {
        const pool = poolOf({ max: 1, connectionTimeoutMillis: 200 });
        const client = await pool.connect();
        await client.end();
        const waiting = [failure(pool.query('SELECT 1')), failure(pool.connect())];
        await settled(pool.end(), 'the end');
        for (const error of await Promise.all(waiting)) {
          assert.equal(error.message, 'timeout exceeded when trying to connect');
        }
        client.release();
      });

      test('does not wait for requests that were aborted', async () => {
        const pool = poolOf({ max: 1 });
        const client = await pool.connect();
        await client.end();
        const controller = new AbortController();
        const waiting = failure(pool.connect({ signal: controller.signal }));
        const end = pool.end();
        controller.abort();
        assert.equal((await waiting).name, 'AbortError');
        await settled(end, 'the end');
        client.release();
      });
    }

    test('closes idle clients at once', async () => {
      const pool = poolOf({ max: 3 });
      const clients = await Promise.all([1, 2, 3].map(() => pool.connect()));
      clients[0].release();
      clients[1].release();
      const end = pool.end();
      assert.equal(pool.idleCount, 0);
      clients[2].release();
      await end;
    });

    test('waits for queries of the pool that are running', async () => {
      const pool = poolOf();
      const acquired = new Promise((resolve) => pool.once('acquire', resolve));
      const answer = pool.query('SELECT 1 AS n, pg_sleep(0.2)');
      await acquired;
      await pool.end();
      assert.equal((await answer).rows[0].n, 1);
    });

    if (ours) {
      for (const [what, options] of Object.entries({
        'without hooks': {},
        'with hooks': { log: () => undefined },
      })) {
        test(`serves the waiting requests first, in a pool ${what}`, async () => {
          const pool = poolOf({ max: 1, ...options });
          const client = await pool.connect();
          const waiting = pool.connect();
          const answer = pool.query('SELECT 1 AS n');
          const end = pool.end();
          client.release();
          (await waiting).release();
          assert.deepEqual((await answer).rows, [{ n: 1 }]);
          await end;
          assert.equal(pool.totalCount, 0);
        });
      }
    }

    test('closes the connections on the server', async () => {
      const name = `ending ${process.pid}`;
      const pool = poolOf({ max: 3, application_name: name });
      await Promise.all([1, 2, 3].map(() => pool.query('SELECT 1')));
      await pool.end();
      await server.asSuperuser(async (observer) => {
        let count = 1;
        const text = 'SELECT count(*)::int4 AS count FROM pg_stat_activity WHERE application_name = $1';
        while (count > 0) ({ rows: [{ count }] } = await observer.query(text, [name])); // prettier-ignore
        assert.equal(count, 0);
      });
    });
  });
});
