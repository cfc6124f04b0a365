'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { settled } = require('../support/failure');
const { postgres } = require('../support/server');

describe('a client with pipeline: true', () => {
  forBoth(({ pg }) => {
    const opened = async (context) => {
      const client = new pg.Client((await postgres()).config({ pipeline: true }));
      context.after(() => client.end());
      await client.connect();
      return client;
    };

    test('answers many queries asked at once, each with its own', async (context) => {
      const client = await opened(context);
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, n) =>
          n % 2 ? client.query('SELECT $1::int4 AS n', [n]) : client.query(`SELECT ${n} AS n`),
        ),
      );
      answers.forEach(({ rows }, n) => assert.deepEqual(rows, [{ n }]));
    });

    test('keeps errors apart', async (context) => {
      const client = await opened(context);
      const outcomes = await Promise.allSettled([
        client.query('SELECT 1 AS n'),
        client.query('SELECT 1 / 0'),
        client.query('SELECT $1::int4 AS n', ['x']),
        client.query('SELECT $1::int4 AS n', [4]),
        client.query({ name: 'piped', text: 'SELECT $1::int4 AS n', values: [5] }),
        client.query({ name: 'piped', text: 'SELECT $1::int4 AS n', values: [6] }),
      ]);
      assert.deepEqual(
        outcomes.map(({ value, reason }) => reason?.code ?? value.rows[0].n),
        [1, '22012', '22P02', 4, 5, 6],
      );
    });

    test('refuses what cannot be pipelined', async (context) => {
      const client = await opened(context);
      await assert.rejects(client.query({ text: 'SELECT 1', rows: 1 }), {
        message: 'The `rows` option is not supported in pipeline mode',
      });
      const error = await new Promise((resolve) => {
        client.query({ submit: () => assert.fail('submitted'), handleError: resolve });
      });
      assert.equal(
        error.message,
        'Custom query classes such as pg-cursor and pg-query-stream are not supported in pipeline mode',
      );
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('keeps the order of what is written', async (context) => {
      const client = await opened(context);
      await client.query('CREATE TEMP TABLE piped (place serial, n int4)');
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => client.query('INSERT INTO piped (n) VALUES ($1)', [n])),
      );
      const { rows } = await client.query('SELECT n FROM piped ORDER BY place');
      assert.deepEqual(
        rows.map(({ n }) => n),
        Array.from({ length: 100 }, (_, n) => n),
      );
    });

    test('ends when all have been answered', async () => {
      const client = new pg.Client((await postgres()).config({ pipeline: true }));
      await client.connect();
      const answers = Promise.all([1, 2, 3].map((n) => client.query('SELECT $1::int4 AS n', [n])));
      await client.end();
      assert.deepEqual(
        (await answers).map(({ rows }) => rows[0].n),
        [1, 2, 3],
      );
    });
  });

  test('ends when one of its queries could not be sent', async () => {
    const { Client } = require('../..');
    const client = new Client((await postgres()).config({ pipeline: true }));
    await client.connect();
    const outcomes = Promise.allSettled(
      ['SELECT 1 AS n', 'SELECT \0', 'SELECT 2 AS n'].map((text) => client.query(text)),
    );
    await settled(client.end(), 'ending');
    assert.deepEqual(
      (await outcomes).map(({ value, reason }) => reason?.message ?? value.rows[0].n),
      [1, 'The query cannot be sent: string contains embedded null.', 2],
    );
  });
});
