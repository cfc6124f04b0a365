// Rows of ten columns of different types.

import { resultSet } from './result-set.mjs';

const SET_UP = [
  `CREATE TABLE IF NOT EXISTS bench_mixed (
     id int4 PRIMARY KEY, big int8, name text, email text, active bool, score float8,
     created_at timestamptz, amount numeric(12, 2), payload jsonb, token uuid)`,
  `INSERT INTO bench_mixed
     SELECT i, i::int8 * 1000000007, 'name ' || i, 'user' || i || '@example.com', i % 3 = 0, i * 1.25,
       '2024-01-01 00:00:00+00'::timestamptz + i * interval '61 seconds', (i * 7 % 100000) / 100.0,
       jsonb_build_object('id', i, 'tags', jsonb_build_array('a', 'b', i % 10), 'flag', i % 2 = 0),
       md5(i::text)::uuid
     FROM generate_series(1, 100000) AS i
     ON CONFLICT DO NOTHING`,
  'VACUUM ANALYZE bench_mixed',
];

function mixedRows(count, named = false) {
  return resultSet({
    name: `rows-${count}${named ? '-named' : ''}`,
    title: `${count.toLocaleString('en')} rows of 10 mixed columns${named ? ', named' : ''}`,
    sql: `SELECT * FROM bench_mixed WHERE id <= ${count} ORDER BY id`,
    count,
    setUp: SET_UP,
    headline: !named,
    chart: named ? undefined : 'rows',
    named,
  });
}

export const workloads = [
  mixedRows(10_000),
  mixedRows(100_000),
  mixedRows(10_000, true),
  mixedRows(100_000, true),
];
