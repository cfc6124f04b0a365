'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

const FOREVER = 'SELECT pg_sleep(600)';

describe('timeouts of a query', () => {
  forBoth(({ pg }) => {
    const open = async (context, settings) => {
      const client = new pg.Client((await postgres()).config(settings));
      client.on('error', () => {}); // ending in the middle of a query may be reported here as well
      context.after(() => client.end());
      await client.connect();
      return client;
    };

    test('query_timeout of the client fails a query that takes longer', async (context) => {
      const client = await open(context, { query_timeout: 100 });
      await assert.rejects(client.query(FOREVER), { name: 'Error', message: 'Query read timeout' });
    });

    test('query_timeout of a query fails it and no other', async (context) => {
      const client = await open(context);
      await assert.rejects(client.query({ text: FOREVER, query_timeout: 100 }), {
        message: 'Query read timeout',
      });
      const other = await open(context);
      assert.deepEqual((await other.query({ text: 'SELECT 1 AS n', query_timeout: 60000 })).rows, [{ n: 1 }]);
    });

    test('query_timeout reaches a callback', async (context) => {
      const client = await open(context);
      const error = await new Promise((resolve) =>
        client.query({ text: FOREVER, query_timeout: 100 }, resolve),
      );
      assert.equal(error.message, 'Query read timeout');
    });

    test('query_timeout fails a query that is still waiting behind another', async (context) => {
      const client = await open(context);
      const other = await open(context);
      await other.query('SELECT pg_advisory_lock(816)');
      const slow = client.query('SELECT pg_advisory_lock(816)');
      await assert.rejects(client.query({ text: 'SELECT 1', query_timeout: 50 }), {
        message: 'Query read timeout',
      });
      await other.query('SELECT pg_advisory_unlock(816)');
      await slow;
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('query_timeout lets pass what is in time, again and again', async (context) => {
      const client = await open(context, { query_timeout: 60000 });
      for (let index = 0; index < 5; index += 1) {
        assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      }
    });

    test('statement_timeout is told to the server, which cancels', async (context) => {
      // Long enough for SHOW on a machine that has a lot to do.
      const client = await open(context, { statement_timeout: 500 });
      await assert.rejects(client.query(FOREVER), {
        code: '57014',
        message: 'canceling statement due to statement timeout',
      });
      assert.deepEqual((await client.query('SHOW statement_timeout')).rows, [{ statement_timeout: '500ms' }]);
    });

    test('lock_timeout is told to the server', async (context) => {
      const client = await open(context, { lock_timeout: 100 });
      const other = await open(context);
      await other.query('SELECT pg_advisory_lock(815)');
      await assert.rejects(client.query('SELECT pg_advisory_lock(815)'), { code: '55P03' });
    });

    test('idle_in_transaction_session_timeout is told to the server', async (context) => {
      const client = await open(context, { idle_in_transaction_session_timeout: 12345 });
      const { rows } = await client.query('SHOW idle_in_transaction_session_timeout');
      assert.deepEqual(rows, [{ idle_in_transaction_session_timeout: '12345ms' }]);
    });
  });
});
