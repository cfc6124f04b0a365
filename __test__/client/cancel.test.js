'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('client.cancel', () => {
  forBoth(({ pg }) => {
    const opened = async (context) => {
      const server = await postgres();
      const client = new pg.Client(server.config());
      context.after(() => client.end());
      await client.connect();
      return { server, client };
    };

    test('stops the query that a client is running, which stays usable', async (context) => {
      const { server, client } = await opened(context);
      const query = new pg.Query('SELECT pg_sleep(600)');
      const failed = new Promise((resolve) => query.on('error', resolve));
      client.query(query);
      const text =
        "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND query LIKE '%pg_sleep%'";
      await server.asSuperuser(async (observer) => {
        let rows = [];
        while (rows.length === 0) ({ rows } = await observer.query(text, [client.processID]));
      });
      const canceller = new pg.Client(server.config());
      canceller.cancel(client, query);
      const error = await failed;
      assert.equal(error.code, '57014');
      assert.equal(error.message, 'canceling statement due to user request');
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('takes a query that waits out of the queue', async (context) => {
      const { server, client } = await opened(context);
      await client.query('CREATE TEMP TABLE cancelled (n int4)');
      const slow = client.query('SELECT pg_sleep(0.2)');
      const waiting = new pg.Query('INSERT INTO cancelled VALUES (1)');
      client.query(waiting);
      new pg.Client(server.config()).cancel(client, waiting);
      await slow;
      assert.deepEqual((await client.query('SELECT n FROM cancelled')).rows, []);
    });
  });
});
