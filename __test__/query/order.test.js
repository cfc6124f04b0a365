'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('the order of queries', () => {
  forBoth(({ pg }) => {
    const connected = async (context) => {
      const client = new pg.Client((await postgres()).config());
      context.after(() => client.end());
      await client.connect();
      return client;
    };

    test('of one client is the order in which they were asked', async (context) => {
      const client = await connected(context);
      await client.query('CREATE TEMP TABLE asked (place serial, n int4)');
      const settled = [];
      await Promise.all(
        Array.from({ length: 500 }, (_, n) =>
          client
            .query(
              ...(n % 2
                ? ['INSERT INTO asked (n) VALUES ($1)', [n]]
                : [`INSERT INTO asked (n) VALUES (${n})`]),
            )
            .then(() => settled.push(n)),
        ),
      );
      const { rows } = await client.query('SELECT n FROM asked ORDER BY place');
      const expected = Array.from({ length: 500 }, (_, n) => n);
      assert.deepEqual(
        rows.map(({ n }) => n),
        expected,
      );
      assert.deepEqual(settled, expected);
    });

    test('queries asked before connect has begun or ended are done after it', async (context) => {
      const client = new pg.Client((await postgres()).config());
      context.after(() => client.end());
      const order = [];
      const early = client.query('SELECT 1 AS n').then(({ rows }) => order.push(rows[0].n));
      const connect = client.connect().then(() => order.push('connected'));
      const between = client.query('SELECT $1::int4 AS n', [2]).then(({ rows }) => order.push(rows[0].n));
      await Promise.all([early, connect, between]);
      assert.deepEqual(order, ['connected', 1, 2]);
    });

    test('queries asked before a connect that fails are rejected', async () => {
      const client = new pg.Client((await postgres()).config({ database: 'no_such_database' }));
      const early = client.query('SELECT 1').then(
        () => 'answered',
        () => 'rejected',
      );
      await assert.rejects(client.connect(), { code: '3D000' });
      assert.equal(await early, 'rejected');
    });

    test('an answer is given even while a slower one of another client is awaited', async (context) => {
      const [one, two] = [await connected(context), await connected(context)];
      const order = [];
      await one.query('SELECT pg_advisory_lock(4711)');
      const blocked = two.query('SELECT pg_advisory_lock(4711)').then(() => order.push('blocked'));
      await one.query('SELECT 1').then(() => order.push('free'));
      await one.query('SELECT pg_advisory_unlock(4711)');
      await blocked;
      assert.deepEqual(order, ['free', 'blocked']);
    });

    test('what follows an answer is done before the next answer is told', async (context) => {
      const client = await connected(context);
      for (let round = 0; round < 20; round++) {
        const order = [];
        const followed = client
          .query('SELECT 1')
          .then(() => order.push('first'))
          .then(() => order.push('after the first'));
        const called = new Promise((resolve) => {
          client.query('SELECT 2', () => {
            order.push('second');
            process.nextTick(() => order.push('after the second'));
          });
          client.query('SELECT 3', () => resolve(order.push('third')));
        });
        await Promise.all([followed, called]);
        assert.deepEqual(order, ['first', 'after the first', 'second', 'after the second', 'third']);
      }
    });

    test('answers asked in one tick by await and by callback come in order', async (context) => {
      const client = await connected(context);
      const order = [];
      await Promise.all([
        client.query('SELECT 1').then(() => order.push('promise')),
        new Promise((resolve) =>
          client.query('SELECT 2', () => {
            order.push('callback');
            resolve();
          }),
        ),
        client.query('SELECT 3').then(() => order.push('promise again')),
      ]);
      assert.deepEqual(order, ['promise', 'callback', 'promise again']);
    });
  });
});
