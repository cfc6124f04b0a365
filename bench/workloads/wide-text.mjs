// Few rows of long text, not all of it ASCII.

import { resultSet } from './result-set.mjs';

export const workloads = [
  resultSet({
    name: 'wide-text',
    title: '1,000 rows of 8 KB of text',
    sql: 'SELECT id, body FROM bench_wide ORDER BY id',
    count: 1000,
    setUp: [
      'CREATE TABLE IF NOT EXISTS bench_wide (id int4 PRIMARY KEY, body text)',
      'ALTER TABLE bench_wide ALTER COLUMN body SET STORAGE EXTERNAL', // uncompressed: the client is measured
      `INSERT INTO bench_wide
         SELECT i, repeat(CASE WHEN i % 2 = 0 THEN 'plain words and figures 0123456789 ' ELSE 'naïve café – übergroß € 漢字 ' END, 240)
         FROM generate_series(1, 1000) AS i ON CONFLICT DO NOTHING`,
      'VACUUM ANALYZE bench_wide',
    ],
  }),
];
