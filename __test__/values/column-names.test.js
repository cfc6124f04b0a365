'use strict';

const { before, after, describe, test } = require('node:test');
const { stage } = require('./stage');

const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'length',
  'then',
  'toJSON',
  'rows',
  'this',
  'class',
  'return',
  'null',
  'undefined',
  'arguments',
  '?column?',
  ' ',
  '  ',
  'with space',
  'with.dot',
  'with-dash',
  "it's",
  'a"b',
  'a`b${c}',
  'back\\slash',
  '\\u0041',
  'new\nline',
  'tab\t',
  '\u2028',
  '*/ comment /*',
  '// comment',
  '0',
  '1',
  '01',
  '-1',
  '1.5',
  '4294967294',
  '4294967295',
  '9007199254740993',
  'é',
  'e\u0301',
  '日本',
  '😀',
  'a'.repeat(63),
  '$1',
  '%s',
];

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;

describe('columns are named as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  const kinds = {
    number: '42',
    text: "'some text'",
    json: `'{"a": 1}'::json`,
    date: "'2024-01-01'::date",
    null: 'NULL',
    bytea: "'\\x00'::bytea",
    bigint: '1::int8',
  };
  for (const [kind, expression] of Object.entries(kinds)) {
    test(`odd names of a ${kind} column`, async () => {
      await duel.agree(names, (client, name) => client.query(`SELECT ${expression} AS ${quoted(name)}`));
      await duel.agree(names, (client, name) =>
        client.query(
          `SELECT ${expression} AS ${quoted(name)}, $1::int4 AS "between", 1 AS ${quoted(name)}`,
          [5],
        ),
      );
    });
  }

  test('all odd names together, in this order and in the other', async () => {
    const columns = names.map((name, index) => `${index} AS ${quoted(name)}`);
    await duel.agree([columns, columns.toReversed()], (client, list) =>
      client.query(`SELECT ${list.join(', ')} FROM generate_series(1, 3)`),
    );
  });

  test('odd names and keys in results that are worth a function of their own', async () => {
    const literal = (name) => `'${name.replaceAll("'", "''")}'`;
    await duel.agree(names, (client, name) =>
      client.query(
        `SELECT n AS ${quoted(name)}, json_build_object(${literal(name)}, n, 'list', json_build_array(n, 'x', '{}'::json)) AS document
         FROM generate_series(1, 200) n`,
      ),
    );
    const some = ['__proto__', 'constructor', '0', 'plain'].map((name) => `n AS ${quoted(name)}`);
    await duel.agree([200, 21_000], (client, rows) =>
      client.query(`SELECT ${some.join(', ')} FROM generate_series(1, ${rows}) n`),
    );
  });

  test('names used twice: the last value stays, at the place of the first', () =>
    duel.agree(
      [
        'SELECT 1 AS a, 2 AS b, 3 AS a',
        "SELECT 1 AS a, 'x' AS a, NULL AS a",
        "SELECT NULL AS a, 'x' AS b, 2 AS a, '{}'::json AS b FROM generate_series(1, 3)",
        'SELECT * FROM (VALUES (1, 2)) l(id, x), (VALUES (3, 4)) r(id, x)',
        'SELECT 1, 2, 3',
        'SELECT 1 AS "__proto__", \'{"a": 1}\'::json AS "__proto__"',
      ],
      (client, text) => client.query(text),
    ));

  test('names used twice in rows as arrays: every value stays', () =>
    duel.agree(['SELECT 1 AS a, 2 AS b, 3 AS a', 'SELECT 1, 2, 3'], (client, text) =>
      client.query({ text, rowMode: 'array' }),
    ));

  test('the same text with columns that changed in between', async () => {
    await duel.oracle.query('DROP TABLE IF EXISTS changing; CREATE TABLE changing (a int4, b text)');
    await duel.oracle.query("INSERT INTO changing VALUES (1, 'x')");
    const ask = (client, text) => client.query(text);
    await duel.agree(['SELECT * FROM changing'], ask);
    await duel.oracle.query('ALTER TABLE changing RENAME a TO z');
    await duel.agree(['SELECT * FROM changing'], ask);
    await duel.oracle.query('ALTER TABLE changing ALTER z TYPE text, ADD c jsonb DEFAULT \'{"k": 1}\'');
    await duel.agree(['SELECT * FROM changing'], ask);
    await duel.oracle.query('ALTER TABLE changing DROP b');
    await duel.agree(['SELECT * FROM changing'], ask);
  });
});
