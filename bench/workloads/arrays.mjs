// Rows of arrays.

import { resultSet } from './result-set.mjs';

export const workloads = [
  resultSet({
    name: 'arrays',
    title: '2,000 rows of three arrays of 20',
    sql: 'SELECT id, counts, labels, weights FROM bench_arrays ORDER BY id',
    count: 2000,
    setUp: [
      'CREATE TABLE IF NOT EXISTS bench_arrays (id int4 PRIMARY KEY, counts int4[], labels text[], weights float8[])',
      `INSERT INTO bench_arrays
         SELECT i, ARRAY(SELECT i + g FROM generate_series(1, 20) AS g),
           ARRAY(SELECT 'label ' || (i + g) FROM generate_series(1, 20) AS g),
           ARRAY(SELECT (i + g) * 0.5 FROM generate_series(1, 20) AS g)::float8[]
         FROM generate_series(1, 2000) AS i ON CONFLICT DO NOTHING`,
      'VACUUM ANALYZE bench_arrays',
    ],
  }),
];
