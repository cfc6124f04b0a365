'use strict';

const assert = require('node:assert/strict');
const { beforeEach, afterEach, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('named statements', () => {
  forBoth(({ pg, ours }) => {
    let client;
    beforeEach(async () => {
      client = new pg.Client((await postgres()).config());
      await client.connect();
    });
    afterEach(() => client.end());

    const value = async (query) => (await client.query(query)).rows[0]?.value;
    const preparedOnServer = async () => {
      const { rows } = await client.query('SELECT name, statement FROM pg_prepared_statements ORDER BY name');
      return rows;
    };

    test('are prepared once on their connection', async () => {
      const text = 'SELECT $1::int4 * 2 AS value';
      for (const number of [1, 2, 3]) {
        assert.equal(await value({ name: 'double', text, values: [number] }), number * 2);
      }
      const { rows } = await client.query(
        'SELECT name, statement, generic_plans + custom_plans AS runs FROM pg_prepared_statements',
      );
      assert.deepEqual(rows, [{ name: 'double', statement: text, runs: '3' }]);
    });

    test('may be used again without the text', async () => {
      await client.query({ name: 'double', text: 'SELECT $1::int4 * 2 AS value', values: [1] });
      assert.equal(await value({ name: 'double', values: [21] }), 42);
      assert.equal(await value({ name: 'double', text: '', values: [4] }), 8);
    });

    test('may have no values', async () => {
      assert.equal(await value({ name: 'constant', text: 'SELECT 5 AS value' }), 5);
      assert.equal(await value({ name: 'constant' }), 5);
      assert.deepEqual(await preparedOnServer(), [{ name: 'constant', statement: 'SELECT 5 AS value' }]);
    });

    test('refuse a second text under the same name and keep the first', async () => {
      await client.query({ name: 'double', text: 'SELECT $1::int4 * 2 AS value', values: [1] });
      await assert.rejects(
        client.query({ name: 'double', text: 'SELECT $1::int4 * 3 AS value', values: [1] }),
        {
          message: "Prepared statements must be unique - 'double' was used for a different statement",
        },
      );
      assert.equal(await value({ name: 'double', values: [21] }), 42);
    });

    test('refuse a second text also when the first is still on its way', async () => {
      const first = client.query({ name: 'double', text: 'SELECT $1::int4 * 2 AS value', values: [1] });
      const second = client.query({ name: 'double', text: 'SELECT $1::int4 * 3 AS value', values: [1] });
      const third = client.query({ name: 'double', text: 'SELECT $1::int4 * 2 AS value', values: [3] });
      await assert.rejects(second, { message: /^Prepared statements must be unique/ });
      assert.equal((await first).rows[0].value, 2);
      assert.equal((await third).rows[0].value, 6);
    });

    test('are prepared once when asked for many times at once', async () => {
      const text = 'SELECT $1::int4 AS value';
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => client.query({ name: 'same', text, values: [index] })),
      );
      assert.deepEqual(
        answers.map(({ rows }) => rows[0].value),
        answers.map((_, index) => index),
      );
      assert.deepEqual(await preparedOnServer(), [{ name: 'same', statement: text }]);
    });

    test('that could not be parsed leave the name free', async () => {
      await assert.rejects(client.query({ name: 'free', text: 'SELEC 1 AS value' }), { code: '42601' });
      assert.equal(await value({ name: 'free', text: 'SELECT 2 AS value' }), 2);
      assert.equal(await value({ name: 'free' }), 2);
    });

    test('whose values could not be bound at first can be used later', async () => {
      const query = { name: 'bound', text: 'SELECT $1::int4 AS value' };
      await assert.rejects(client.query({ ...query, values: ['no number'] }), { code: '22P02' });
      assert.equal(await value({ ...query, values: [1] }), 1);
      await assert.rejects(client.query({ ...query, values: ['no number'] }), { code: '22P02' });
      assert.equal(await value({ ...query, values: [2] }), 2);
    });

    test('that failed when they ran can be used again', async () => {
      const query = { name: 'division', text: 'SELECT 6 / $1::int4 AS value' };
      await assert.rejects(client.query({ ...query, values: [0] }), { code: '22012' });
      assert.equal(await value({ ...query, values: [2] }), 3);
      await assert.rejects(client.query({ ...query, values: [0] }), { code: '22012' });
      assert.equal(await value({ ...query, values: [3] }), 2);
    });

    test('with too few values fail and can be used again', async () => {
      const query = { name: 'few', text: 'SELECT $1::int4 + $2::int4 AS value' };
      await assert.rejects(client.query({ ...query, values: [1] }), { code: '08P01' });
      assert.equal(await value({ ...query, values: [1, 2] }), 3);
    });

    test('can be used in a transaction that failed and was rolled back', async () => {
      const query = { name: 'in transaction', text: 'SELECT $1::int4 AS value' };
      await client.query('BEGIN');
      await client.query({ ...query, values: [1] });
      await assert.rejects(client.query('SELECT 1 / 0'), { code: '22012' });
      await assert.rejects(client.query({ ...query, values: [1] }), { code: '25P02' });
      await client.query('ROLLBACK');
      assert.equal(await value({ ...query, values: [2] }), 2);
    });

    test('without text and never prepared are refused by the server', async () => {
      await assert.rejects(client.query({ name: 'unheard of', values: [1] }), { code: '08P01' });
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('of an empty text give an empty result', async () => {
      const result = await client.query({ name: 'empty', text: '' });
      assert.deepEqual(result.rows, []);
      assert.equal(result.command, null);
    });

    test('may have any name', async () => {
      // names of Object.prototype are statements that node-postgres believes to know
      const inherited = ours ? ['__proto__', 'constructor', 'toString'] : [];
      for (const name of [' ', 'é 日本', "it's", '"', 'x'.repeat(63), ...inherited]) {
        assert.equal(await value({ name, text: 'SELECT $1::text AS value', values: [name] }), name);
        assert.equal(await value({ name, text: 'SELECT $1::text AS value', values: ['again'] }), 'again');
      }
    });

    // node-postgres throws a TypeError, and its client is of no more use.
    test('whose name is no text are named by its text', { skip: !ours }, async () => {
      for (const n of [1, 2]) {
        assert.equal(await value({ name: 7, text: 'SELECT $1::int4 AS value', values: [n] }), n);
      }
      assert.equal(await value({ name: '7', values: [3] }), 3);
    });

    test('with an empty name are not kept', async () => {
      assert.equal(await value({ name: '', text: 'SELECT 1 AS value' }), 1);
      assert.equal(await value({ name: '', text: 'SELECT 2 AS value' }), 2);
      assert.deepEqual(await preparedOnServer(), []);
    });

    test('belong to their connection', async () => {
      const other = new pg.Client((await postgres()).config());
      await other.connect();
      await client.query({ name: 'mine', text: 'SELECT 1 AS value' });
      const { rows } = await other.query({ name: 'mine', text: 'SELECT 2 AS value' });
      await other.end();
      assert.deepEqual(rows, [{ value: 2 }]);
      assert.equal(await value({ name: 'mine' }), 1);
    });

    test('see the columns of a table change as the server allows', async () => {
      await client.query('CREATE TEMP TABLE changing (a int4)');
      const query = { name: 'all', text: 'SELECT * FROM changing' };
      assert.deepEqual(
        (await client.query(query)).fields.map(({ name }) => name),
        ['a'],
      );
      await client.query('ALTER TABLE changing ADD b int4');
      await assert.rejects(client.query(query), {
        code: '0A000',
        message: 'cached plan must not change result type',
      });
    });

    test('may be rows as arrays and with types of the query', async () => {
      const query = { name: 'shaped', text: 'SELECT $1::int4 AS value', values: [1] };
      const types = { getTypeParser: () => (text) => `<${text}>` };
      assert.deepEqual((await client.query(query)).rows, [{ value: 1 }]);
      assert.deepEqual((await client.query({ ...query, rowMode: 'array' })).rows, [[1]]);
      assert.deepEqual((await client.query({ ...query, types })).rows, [{ value: '<1>' }]);
      assert.deepEqual((await client.query(query)).rows, [{ value: 1 }]);
    });

    test('warn about a name that the server would cut', async () => {
      const lines = [];
      const { error } = console;
      console.error = (...values) => lines.push(values.join(' '));
      try {
        await client.query({ name: 'n'.repeat(64), text: 'SELECT 1' });
      } finally {
        console.error = error;
      }
      assert.match(lines.join('\n'), /Postgres only supports 63 characters for query names/);
    });

    // node-postgres closes the statement on the server and goes on as if it were there.
    if (ours) {
      test('survive a value that could not be prepared', async () => {
        const circle = {};
        circle.self = circle;
        const query = { name: 'survivor', text: 'SELECT $1::text AS value' };
        await assert.rejects(client.query({ ...query, values: [circle] }), TypeError);
        assert.equal(await value({ ...query, values: ['first'] }), 'first');
        await assert.rejects(client.query({ ...query, values: [circle] }), TypeError);
        assert.equal(await value({ ...query, values: ['second'] }), 'second');
      });
    }
  });
});
