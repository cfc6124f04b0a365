'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

const summary = ({ command, rowCount, rows, fields }) => ({
  command,
  rowCount,
  rows,
  columns: fields.map(({ name }) => name),
});

describe('several statements in one text', () => {
  forBoth(({ pg }) => {
    let client;
    before(async () => {
      client = new pg.Client((await postgres()).config());
      await client.connect();
    });
    after(() => client.end());

    test('give an array with a result for each', async () => {
      const results = await client.query(
        "SELECT 1 AS a; SELECT 'x' AS b, 'y' AS c; SELECT 2 AS d WHERE false",
      );
      assert.ok(results.every((result) => result instanceof pg.Result));
      assert.deepEqual(results.map(summary), [
        { command: 'SELECT', rowCount: 1, rows: [{ a: 1 }], columns: ['a'] },
        { command: 'SELECT', rowCount: 1, rows: [{ b: 'x', c: 'y' }], columns: ['b', 'c'] },
        { command: 'SELECT', rowCount: 0, rows: [], columns: ['d'] },
      ]);
    });

    test('of which only one gives rows', async () => {
      const results = await client.query(
        'CREATE TEMP TABLE mixed (a int4); INSERT INTO mixed VALUES (1), (2); SELECT a FROM mixed; UPDATE mixed SET a = 3; DROP TABLE mixed',
      );
      assert.deepEqual(results.map(summary), [
        { command: 'CREATE', rowCount: null, rows: [], columns: [] },
        { command: 'INSERT', rowCount: 2, rows: [], columns: [] },
        { command: 'SELECT', rowCount: 2, rows: [{ a: 1 }, { a: 2 }], columns: ['a'] },
        { command: 'UPDATE', rowCount: 2, rows: [], columns: [] },
        { command: 'DROP', rowCount: null, rows: [], columns: [] },
      ]);
    });

    test('a single statement with semicolons around it gives one result', async () => {
      const result = await client.query(';; SELECT 1 AS a ;; ');
      assert.equal(Array.isArray(result), false);
      assert.deepEqual(result.rows, [{ a: 1 }]);
    });

    test('empty texts give one empty result', async () => {
      for (const text of ['', ' ', ';', ';;', '-- nothing', '/* nothing */']) {
        const result = await client.query(text);
        assert.ok(result instanceof pg.Result);
        assert.deepEqual(summary(result), { command: null, rowCount: null, rows: [], columns: [] });
      }
    });

    test('with rows as arrays', async () => {
      const results = await client.query({ text: 'SELECT 1 AS a; SELECT 2 AS b, 3 AS c', rowMode: 'array' });
      assert.deepEqual(
        results.map(({ rows }) => rows),
        [[[1]], [[2, 3]]],
      );
    });

    test('with types of the query', async () => {
      const types = { getTypeParser: () => (text) => `<${text}>` };
      const results = await client.query({ text: 'SELECT 1 AS a; SELECT 2 AS b', types });
      assert.deepEqual(
        results.map(({ rows }) => rows),
        [[{ a: '<1>' }], [{ b: '<2>' }]],
      );
    });

    test('through a callback', async () => {
      const results = await new Promise((resolve, reject) => {
        client.query('SELECT 1 AS a; SELECT 2 AS b', (error, answer) =>
          error ? reject(error) : resolve(answer),
        );
      });
      assert.deepEqual(
        results.map(({ rows }) => rows),
        [[{ a: 1 }], [{ b: 2 }]],
      );
    });

    test('an error in the middle fails the query and undoes the statements before it', async () => {
      await client.query('CREATE TEMP TABLE undone (a int4)');
      const answer = client.query(
        'INSERT INTO undone VALUES (1); SELECT 1 / 0; INSERT INTO undone VALUES (2)',
      );
      await assert.rejects(answer, { code: '22012' });
      assert.deepEqual((await client.query('SELECT a FROM undone')).rows, []);
    });

    test('an error after a COMMIT leaves what was committed', async () => {
      await client.query('CREATE TEMP TABLE committed (a int4)');
      const answer = client.query('BEGIN; INSERT INTO committed VALUES (1); COMMIT; SELECT 1 / 0');
      await assert.rejects(answer, { code: '22012' });
      assert.deepEqual((await client.query('SELECT a FROM committed')).rows, [{ a: 1 }]);
    });

    test('an error after rows came fails the query', async () => {
      await assert.rejects(client.query('SELECT n FROM generate_series(1, 1000) n; SELECT 1 / 0'), {
        code: '22012',
      });
      await assert.rejects(client.query('SELECT 1 / (500 - n) FROM generate_series(1, 1000) n'), {
        code: '22012',
      });
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('a syntax error anywhere keeps all of them from running', async () => {
      await client.query('CREATE TEMP TABLE untouched (a int4)');
      await assert.rejects(client.query('INSERT INTO untouched VALUES (1); SELEC 2'), { code: '42601' });
      assert.deepEqual((await client.query('SELECT a FROM untouched')).rows, []);
    });

    test('cannot have values', async () => {
      await assert.rejects(client.query('SELECT $1::int4; SELECT 2', [1]), { code: '42601' });
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('a thousand of them', async () => {
      const text = Array.from({ length: 1000 }, (_, index) => `SELECT ${index} AS n`).join(';');
      const results = await client.query(text);
      assert.equal(results.length, 1000);
      assert.ok(results.every(({ rows }, index) => rows[0].n === index));
    });
  });
});
