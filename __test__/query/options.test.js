'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('options of a query', () => {
  forBoth(({ pg, ours }) => {
    let client;
    before(async () => {
      client = new pg.Client((await postgres()).config());
      await client.connect();
    });
    after(() => client.end());

    test("rowMode 'array' gives rows as arrays, with values of columns of the same name side by side", async () => {
      const { rows, fields } = await client.query({
        text: "SELECT 1 AS a, 'x' AS a, NULL AS b",
        rowMode: 'array',
      });
      assert.deepEqual(rows, [[1, 'x', null]]);
      assert.ok(Array.isArray(rows[0]));
      assert.deepEqual(
        fields.map(({ name }) => name),
        ['a', 'a', 'b'],
      );
    });

    test('another rowMode gives objects', async () => {
      const { rows } = await client.query({ text: 'SELECT 1 AS a', rowMode: 'object' });
      assert.deepEqual(rows, [{ a: 1 }]);
    });

    test("queryMode 'extended' takes one statement only", async () => {
      const single = await client.query({ text: 'SELECT 1 AS a', queryMode: 'extended' });
      assert.deepEqual(single.rows, [{ a: 1 }]);
      await assert.rejects(client.query({ text: 'SELECT 1; SELECT 2', queryMode: 'extended' }), {
        code: '42601',
      });
      assert.ok(Array.isArray(await client.query({ text: 'SELECT 1; SELECT 2', queryMode: 'simple' })));
    });

    test('an empty array of values does not make a query extended', async () => {
      assert.ok(Array.isArray(await client.query('SELECT 1; SELECT 2', [])));
    });

    for (const rows of [1, 2, 3, 7, 10, 11, 5000]) {
      test(`rows: ${rows} fetches a portal in steps and gives all of it`, async () => {
        const result = await client.query({ text: 'SELECT n FROM generate_series(1, 10) n', rows });
        assert.deepEqual(
          result.rows.map(({ n }) => n),
          [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        );
        assert.equal(result.command, 'SELECT');
        // each step has a tag of its own, and the last one stays
        assert.equal(result.rowCount, 10 % rows);
        assert.equal(result.fields.length, 1);
      });
    }

    test('rows with values, a name, a portal and rows as arrays', async () => {
      const query = {
        text: 'SELECT n FROM generate_series(1, $1::int4) n',
        values: [5],
        rows: 2,
        name: 'in steps',
        portal: 'step by step',
        rowMode: 'array',
      };
      assert.deepEqual((await client.query(query)).rows, [[1], [2], [3], [4], [5]]);
      assert.deepEqual((await client.query({ ...query, values: [1] })).rows, [[1]]);
    });

    test('rows for a command without any and for an empty text', async () => {
      const created = await client.query({ text: 'CREATE TEMP TABLE in_steps (a int4)', rows: 2 });
      assert.equal(created.command, 'CREATE');
      const inserted = await client.query({
        text: 'INSERT INTO in_steps VALUES (1), (2), (3) RETURNING a',
        rows: 2,
      });
      assert.deepEqual(
        inserted.rows.map(({ a }) => a),
        [1, 2, 3],
      );
      assert.deepEqual((await client.query({ text: '', rows: 2 })).rows, []);
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    // node-postgres never sends the Sync that the server waits for after such an error, and hangs.
    if (ours) {
      test('rows for a text with an error leave the client usable', async () => {
        const failing = { text: 'SELECT 1 / (3 - n) FROM generate_series(1, 9) n', rows: 2 };
        await assert.rejects(client.query(failing), { code: '22012' });
        await assert.rejects(client.query({ text: 'SELEC', rows: 2 }), { code: '42601' });
        assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      });
    }

    test('a portal has the name it was given', async () => {
      const { rows } = await client.query({
        text: 'SELECT name FROM pg_cursors',
        portal: 'a named portal',
        queryMode: 'extended',
      });
      assert.deepEqual(rows, [{ name: 'a named portal' }]);
    });

    test('binary asks for binary results, and the fields say so', async () => {
      const { rows, fields } = await client.query({
        text: 'SELECT $1::int4 AS n',
        values: [5],
        binary: true,
      });
      assert.deepEqual(rows, [{ n: 5 }]);
      assert.equal(fields[0].format, 'binary');
    });

    test('binary does nothing to a simple query', async () => {
      const { rows, fields } = await client.query({ text: 'SELECT 5 AS n', binary: true });
      assert.deepEqual(rows, [{ n: 5 }]);
      assert.equal(fields[0].format, 'text');
    });
  });
});
