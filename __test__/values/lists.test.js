'use strict';

// Arrays of plain elements cross as their elements, in between those of JSON documents; all others as text.

const { before, after, describe, test } = require('node:test');
const { stage } = require('./stage');

/** Enough for the decoder to be generated on the way. */
const ROWS = 200;

const LISTS = {
  'int2[]': 'ARRAY[n, -n, n % 7]::int2[]',
  'int4[]': 'ARRAY[n, 2147483647, -2147483648]',
  'int8[]': 'ARRAY[n, 9223372036854775807]::int8[]',
  'oid[]': 'ARRAY[n, 4294967295]::oid[]',
  'float4[]': "ARRAY[n * 0.5, 'NaN', '-Infinity']::float4[]",
  'float8[]': "ARRAY[n / 3.0, 1e300, '-0']::float8[]",
  'numeric[]': "ARRAY[n * 1.10, 123456789012345678901234567890, 'NaN']::numeric[]",
  'text[]': "ARRAY['label ' || n, 'naïve', '漢字 🐘', '', 'NULL', 'a,b', E'line\\nline', n::text]",
  'varchar[]': "ARRAY['x' || n]::varchar[]",
  'bpchar[]': "ARRAY['x']::bpchar(3)[]",
  'uuid[]': 'ARRAY[md5(n::text)::uuid]',
  'quotes and backslashes': "ARRAY['a\"b', 'c\\d', '{', '}', n::text]",
  nulls: 'ARRAY[n, NULL, 3]',
  'nulls among texts': "ARRAY['a', NULL, 'NULL']",
  'several dimensions': 'ARRAY[[n, 1], [2, 3]]',
  'bounds of its own': "('[2:3]={' || n || ',1}')::int4[]",
  empty: "'{}'::text[]",
  'many numbers': 'ARRAY(SELECT g * n FROM generate_series(1, n * 11) g)',
  'many texts': "ARRAY(SELECT 'text ' || g FROM generate_series(1, n * 11) g)",
  'long texts': "ARRAY[repeat('x', n * 60), repeat('é', n * 30), 'short']",
  'every other one null': 'CASE WHEN n % 2 = 0 THEN ARRAY[n] END',
};

const ways = {
  'as it is': {},
  'as arrays': { rowMode: 'array' },
  'with a name': { name: 'lists' },
  'with parsers of the caller': { types: { getTypeParser: () => (text) => `<${text}>` } },
};

describe('lists come out as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  for (const [way, config] of Object.entries(ways)) {
    for (const [what, list] of Object.entries(LISTS)) {
      test(`${what} ${way}`, () =>
        duel.agree([list], async (client) => {
          const text = `SELECT n, (${list}) AS list, jsonb_build_object('n', n, 'tags', ARRAY['a', 'b']) AS document,
            ARRAY['behind', n::text] AS last FROM generate_series(1, ${ROWS}) n`;
          const query = { text, ...config, name: config.name && `${config.name} ${what}`.slice(0, 60) };
          await client.query(query);
          return client.query(query);
        }));
    }
  }

  test('all at once, and next to each other', () =>
    duel.agree([null], (client) =>
      client.query(
        `SELECT ${Object.values(LISTS).map((list, i) => `(${list}) AS c${i}`)} FROM generate_series(1, ${ROWS}) n`,
      ),
    ));

  test('rows in which a parser threw leave the next ones as they are', () =>
    duel.agree([null], async (client) => {
      const columns = Object.values(LISTS).map((list, i) => `(${list}) AS c${i}`);
      const throwing = (at) => {
        let calls = 0;
        return {
          getTypeParser: (oid, format) =>
            oid === 20
              ? () => {
                  calls += 1;
                  if (calls > at) throw new Error('no more');
                }
              : require('pg-types').getTypeParser(oid, format),
        };
      };
      const text = `SELECT n::int8, ${columns} FROM generate_series(1, 100) n`;
      const results = await Promise.allSettled([
        client.query({ text, types: throwing(0) }),
        client.query(text),
        client.query({ text, types: throwing(60) }),
        client.query(text),
      ]);
      const [first, second, third, fourth] = results;
      second.value.rows.push(first.reason.message, third.reason.message, ...fourth.value.rows);
      return second.value;
    }));
});
