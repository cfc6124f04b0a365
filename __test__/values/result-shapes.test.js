'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const { stage } = require('./stage');

const range = (count) => Array.from({ length: count }, (_, index) => index);

describe('results of odd shapes are the same as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
    await duel.oracle.query(`
      CREATE TABLE no_columns ();
      INSERT INTO no_columns DEFAULT VALUES;
      INSERT INTO no_columns DEFAULT VALUES;
      CREATE TABLE shapes (id serial PRIMARY KEY, small int2, word varchar(20), price numeric(10, 2), day timestamptz(3));
      INSERT INTO shapes (small, word, price, day) VALUES (1, 'a', 1.5, '2024-01-01'), (2, NULL, NULL, NULL);
    `);
  });

  const texts = {
    'no columns and no rows': 'SELECT FROM no_columns WHERE false',
    'no columns and two rows': 'SELECT FROM no_columns',
    'no columns at all': 'SELECT',
    'columns and no rows': 'SELECT * FROM shapes WHERE false',
    'columns that know their table':
      'SELECT id, small, word, price, day, 1 + small AS more FROM shapes ORDER BY id',
    'system columns': 'SELECT tableoid = 0 AS never, ctid FROM shapes ORDER BY id',
    'one row of nulls only': 'SELECT NULL AS a, NULL::int4 AS b, NULL::json AS c',
    'a thousand rows of nothing but null':
      'SELECT NULL::int4 AS a, NULL::text AS b FROM generate_series(1, 1000)',
    'a command without rows': 'CREATE TEMP TABLE IF NOT EXISTS without_rows (a int4)',
    'an empty text': '',
    'a text of white space': ' \n\t ',
    'a comment': '-- nothing',
    'a single semicolon': ';',
    'many semicolons': ';;;SELECT 1;;;',
    'a row of 1600 columns': `SELECT ${range(1600).map((index) => `${index} AS column_${index}`)}`,
    'a row of 1664 columns, the most there can be': `SELECT ${range(1664).map((index) => `'v${index}'::text AS c${index}`)}`,
    'a hundred rows of 1600 columns': `SELECT ${range(1600).map(
      (index) =>
        [`n + ${index} AS column_${index}`, `'text ' || n AS column_${index}`, `NULL AS column_${index}`][
          index % 3
        ],
    )} FROM generate_series(1, 100) n`,
    'one value of 20 million characters': "SELECT repeat('0123456789', 2000000) AS value, 1 AS after",
    'one value of 20 million bytes': "SELECT decode(repeat('00ff', 10000000), 'hex') AS value, 1 AS after",
    'one document of 10 million characters':
      "SELECT json_build_array(repeat('0123456789', 1000000), 1) AS value, 1 AS after",
    'fifty thousand rows of one column': 'SELECT n FROM generate_series(1, 50000) n',
  };

  for (const [shape, text] of Object.entries(texts)) {
    test(`${shape}, by a simple query`, () => duel.agree([text], (client) => client.query(text)));
    test(`${shape}, by the extended protocol`, () =>
      duel.agree([text], (client) => client.query({ text, queryMode: 'extended' })));
    test(`${shape}, as arrays`, () =>
      duel.agree([text], (client) => client.query({ text, rowMode: 'array' })));
  }

  test('rows are plain objects that a program may change without changing others', async () => {
    const { rows } = await duel.contender.query(
      'SELECT \'{"a": {"b": 1}}\'::jsonb AS doc, 1 AS n FROM generate_series(1, 3)',
    );
    assert.equal(Object.getPrototypeOf(rows[0]), Object.prototype);
    rows[0].doc.a.b = 'changed';
    rows[0].n = 'changed';
    delete rows[1].n;
    rows[1].more = true;
    assert.deepEqual(rows[2], { doc: { a: { b: 1 } }, n: 1 });
    const again = await duel.contender.query(
      'SELECT \'{"a": {"b": 1}}\'::jsonb AS doc, 1 AS n FROM generate_series(1, 3)',
    );
    assert.deepEqual(again.rows[0], { doc: { a: { b: 1 } }, n: 1 });
  });

  test('the fields of a result may be changed without changing those of the next', async () => {
    const text = 'SELECT id, word FROM shapes ORDER BY id';
    const { fields } = await duel.contender.query(text);
    fields[0].name = 'changed';
    fields.length = 1;
    await duel.agree([text], (client) => client.query(text));
  });

  test('fields look the same when they are printed', async () => {
    const { inspect } = require('node:util');
    const text = 'SELECT id, word FROM shapes ORDER BY id';
    const expected = await duel.oracle.query(text);
    const got = await duel.contender.query(text);
    assert.equal(inspect(got.fields), inspect(expected.fields));
    assert.equal(JSON.stringify(got.fields), JSON.stringify(expected.fields));
  });
});
