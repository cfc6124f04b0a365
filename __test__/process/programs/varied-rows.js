'use strict';

// Prints the rows of queries of many shapes, so that two ways of building them can be compared.

const { pg, target } = require('./target.js');

const QUERIES = [
  `SELECT i, i::int8 AS big, 'row ' || i AS text, i % 2 = 0 AS even, i / 3.0::float8 AS float, NULL AS nothing,
          '2024-01-02 03:04:05+00'::timestamptz + i * interval '1 day' AS at, i::numeric / 7 AS exact,
          jsonb_build_object('i', i, 'list', ARRAY[i, NULL], 'deep', jsonb_build_object('"', E'\\\\n')) AS doc,
          ARRAY[i, i + 1] AS ints, md5(i::text)::uuid AS id, decode(md5(i::text), 'hex') AS bytes
   FROM generate_series(1, 300) AS i`,
  `SELECT 1 AS "__proto__", 2 AS "constructor", 3 AS "a b", 4 AS "x\"\"y\\z", 5 AS "\u2028"`,
  'SELECT 1 AS a, 2 AS a',
  'SELECT WHERE false',
  `SELECT CASE WHEN i % 3 = 0 THEN '[1, {"a": null}]' WHEN i % 3 = 1 THEN '"text"' ELSE '{}' END::json AS odd
   FROM generate_series(1, 30) AS i`,
];

async function main() {
  const client = new pg.Client(target);
  await client.connect();
  for (const text of QUERIES) {
    for (const rowMode of [undefined, 'array']) {
      const { rows } = await client.query({ text, rowMode });
      console.log(JSON.stringify(rows.map((row) => (rowMode ? row : Object.entries(row)))));
    }
  }
  const named = { name: 'named', text: 'SELECT $1::int AS i, $2::jsonb AS doc' };
  for (let i = 0; i < 3; i += 1) {
    console.log(JSON.stringify((await client.query({ ...named, values: [i, { i }] })).rows));
  }
  await client.end();
}

main();
