// A value of one megabyte.

import { resultSet } from './result-set.mjs';

export const workloads = [
  {
    ...resultSet({
      name: 'bytea-1mb',
      title: 'a bytea of 1 MB',
      sql: 'SELECT id, body FROM bench_bytes',
      count: 1,
      setUp: [
        'CREATE TABLE IF NOT EXISTS bench_bytes (id int4 PRIMARY KEY, body bytea)',
        'ALTER TABLE bench_bytes ALTER COLUMN body SET STORAGE EXTERNAL',
        `INSERT INTO bench_bytes
           SELECT 1, decode(string_agg(md5(i::text), '' ORDER BY i), 'hex') FROM generate_series(1, 65536) AS i
           ON CONFLICT DO NOTHING`,
      ],
    }),
    unit: 'value',
  },
];
