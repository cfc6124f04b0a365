// The table of a million rows that cursors and COPY read.

export const MILLION = 1_000_000;
export const SQL = 'SELECT id, label, value FROM bench_million ORDER BY id';

export const SET_UP = [
  'CREATE TABLE IF NOT EXISTS bench_million (id int4 PRIMARY KEY, label text, value float8)',
  `INSERT INTO bench_million SELECT i, 'label ' || i, i * 0.25 FROM generate_series(1, ${MILLION}) AS i
     ON CONFLICT DO NOTHING`,
  'VACUUM ANALYZE bench_million',
];
