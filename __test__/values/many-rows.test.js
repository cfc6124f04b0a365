'use strict';

const { before, after, describe, test } = require('node:test');
const { stage } = require('./stage');

// Sizes on both sides of where a driver may cut: short strings, chunks of 4, 16 and 64 KiB.
const SIZES = [0, 1, 11, 12, 13, 14, 4095, 4096, 4097, 16383, 16384, 16385, 65534, 65535, 65536, 65537];

const mixed = (rows) => `
  SELECT
    n AS id,
    (n * 7919) % 1000 - 500 AS small,
    n::int8 * 1234567890123 AS large,
    n::float8 / 7 AS fraction,
    (n::numeric / 7)::numeric(20, 10) AS exact,
    n % 2 = 0 AS even,
    CASE WHEN n % 5 <> 0 THEN 'row ' || n END AS label,
    repeat(chr(97 + n % 26), n % 40) AS letters,
    CASE n % 4 WHEN 0 THEN 'é' WHEN 1 THEN '日本' WHEN 2 THEN '😀' ELSE 'ascii' END || n AS script,
    '2024-01-01 00:00:00+00'::timestamptz + n * interval '1 hour 1 millisecond' AS moment,
    '2024-01-01'::date + n AS day,
    CASE WHEN n % 3 = 0 THEN NULL ELSE jsonb_build_object('n', n, 'tags', jsonb_build_array('a', n % 7), 'deep', jsonb_build_object('x', NULL)) END AS document,
    CASE n % 6
      WHEN 0 THEN '{"a": 1}' WHEN 1 THEN '{"a": "text"}' WHEN 2 THEN '{"b": [1, 2]}'
      WHEN 3 THEN '[1, {"c": 2}]' WHEN 4 THEN '"scalar"' ELSE 'null' END::json AS changing,
    md5(n::text)::uuid AS identity,
    decode(md5(n::text), 'hex') AS bytes,
    ARRAY[n, n + 1, NULL] AS numbers,
    ARRAY['a' || n, NULL, 'with "quotes"'] AS words,
    interval '1 minute' * n AS duration,
    point(n, -n) AS place
  FROM generate_series(1, ${rows}) n`;

const MIXED = mixed(5000);

describe('large results are the same as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  test('5000 rows of all kinds of columns by a simple query', () =>
    duel.agree(['mixed'], (client) => client.query(MIXED)));

  test('5000 rows of all kinds of columns by the extended protocol', () =>
    duel.agree(['mixed'], (client) => client.query({ text: MIXED, queryMode: 'extended' })));

  test('5000 rows of all kinds of columns as arrays', () =>
    duel.agree(['mixed'], (client) => client.query({ text: MIXED, rowMode: 'array' })));

  test('5000 rows of all kinds of columns with parsers of the caller', () =>
    duel.agree(['mixed'], (client) =>
      client.query({ text: MIXED, types: { getTypeParser: (oid) => (text) => `${oid}:${text}` } }),
    ));

  test('5000 rows of all kinds of columns twice in one query', () =>
    duel.agree(['mixed'], (client) => client.query(`${MIXED}; SELECT 1 AS between; ${MIXED}`)));

  test('more rows than those of which V8 is kept from allocating them in the old generation', () =>
    duel.agree([undefined, 'array'], (client, rowMode) => client.query({ text: mixed(21_000), rowMode })));

  for (const letter of ['x', 'é', '日', '😀']) {
    test(`texts of ${letter} of every size around the edges of chunks`, () => {
      const queries = SIZES.flatMap((size) => [
        `SELECT n, repeat('${letter}', ${size}) AS value, 'after' AS after FROM generate_series(1, 9) n`,
        `SELECT repeat('${letter}', ${size} - 1 + n) AS value, n FROM generate_series(1, 3) n`,
      ]);
      return duel.agree(queries, (client, text) => client.query(text));
    });
  }

  test('texts of changing scripts and sizes next to each other', () =>
    duel.agree(
      [
        `SELECT n, repeat(CASE WHEN n % 17 = 0 THEN 'é' WHEN n % 23 = 0 THEN '😀' ELSE 'x' END, (n * 37) % 500) AS a,
           repeat('y', (n * 53) % 90) AS b, CASE WHEN n % 7 = 0 THEN NULL ELSE 'end ' || n END AS c
         FROM generate_series(1, 3000) n`,
        `SELECT string_agg(chr(x), '') AS value FROM generate_series(32, 55000, 7) x`,
        `SELECT chr(x) AS value FROM generate_series(1, 2500) x`,
        `SELECT chr(x) AS value FROM generate_series(127900, 128600) x`,
      ],
      (client, text) => client.query(text),
    ));

  test('documents whose shape changes from row to row', () =>
    duel.agree(
      [
        `SELECT jsonb_object_agg('k' || k, k * n) AS value FROM generate_series(1, 400) n, generate_series(1, 1 + n % 30) k GROUP BY n ORDER BY n`,
        `SELECT ('{"n' || n || '": ' || n || '}')::json AS value FROM generate_series(1, 3000) n`,
        `SELECT ('{"a": ' || CASE n % 5 WHEN 0 THEN '1' WHEN 1 THEN '"1"' WHEN 2 THEN '[1]' WHEN 3 THEN '{"a": 1}' ELSE 'null' END || '}')::json AS value FROM generate_series(1, 3000) n`,
        `SELECT json_build_object('text', repeat('é', n * 10), 'n', n) AS value FROM generate_series(1, 500) n`,
        `SELECT ('[' || repeat('1,', n) || '1]')::jsonb AS value FROM generate_series(1, 300) n`,
      ],
      (client, text) => client.query(text),
    ));

  test('bytea of every size around the edges of chunks', () =>
    duel.agree(SIZES, (client, size) =>
      client.query(
        `SELECT n, decode(repeat(lpad(to_hex(n), 2, '0'), ${size}), 'hex') AS value FROM generate_series(1, 5) n`,
      ),
    ));

  test('two large results of different columns asked for at once', () =>
    duel.agree(['both'], async (client) => {
      const [first, second] = await Promise.all([
        client.query(MIXED),
        client.query("SELECT n AS other, 'x' || n AS id FROM generate_series(1, 5000) n"),
      ]);
      return [first, second];
    }));
});
