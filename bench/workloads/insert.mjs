// 5,000 rows into a table: a placeholder for every value, an array for every column, or COPY.

import { onSession } from './session.mjs';

const ROWS = 5000;
const COLUMNS = 4;

const rows = Array.from({ length: ROWS }, (_, i) => [i, `name ${i}`, i * 0.5, i % 7]);
const flat = rows.flat();
const columns = Array.from({ length: COLUMNS }, (_, column) => rows.map((row) => row[column]));

const tuples = rows.map(
  (_, i) => `(${Array.from({ length: COLUMNS }, (_, j) => `$${i * COLUMNS + j + 1}`)})`,
);
const BY_PLACEHOLDERS = `INSERT INTO bench_insert (id, name, score, kind) VALUES ${tuples}`;
const BY_UNNEST = `INSERT INTO bench_insert (id, name, score, kind)
  SELECT * FROM unnest($1::int4[], $2::text[], $3::float8[], $4::int2[])`;
const BY_COPY = 'COPY bench_insert (id, name, score, kind) FROM STDIN';

const SET_UP = [
  'DROP TABLE IF EXISTS bench_insert',
  'CREATE UNLOGGED TABLE bench_insert (id int4, name text, score float8, kind int2)',
];
const CHECK =
  'SELECT count(*)::int4 AS rows, sum(id)::text AS ids, sum(score)::text AS scores FROM bench_insert';

/** Rows in a chunk of COPY data. */
const CHUNK = 500;
/** About 10 KB each, as a file stream would give them. Made once: what that takes isn't the client's. */
const chunks = Array.from({ length: ROWS / CHUNK }, (_, i) => {
  const lines = rows.slice(i * CHUNK, (i + 1) * CHUNK).map((row) => `${row.join('\t')}\n`);
  return Buffer.from(lines.join(''));
});

function insert(name, title, work, rest = {}) {
  return {
    ...onSession,
    name: `insert-${name}`,
    title: `insert of 5,000 rows ${title}`,
    unit: 'row',
    modes: ['pinned'],
    setUp: SET_UP,
    async open(context) {
      const session = await onSession.open(context);
      await session.query('TRUNCATE bench_insert');
      return session;
    },
    async batch(session) {
      await work(session);
      return ROWS;
    },
    async check(session) {
      await session.query('TRUNCATE bench_insert');
      await work(session);
      const [found] = session.rowsOf(await session.query(CHECK));
      return { rows: Number(found.rows), checksum: `${found.ids}/${found.scores}` };
    },
    ...rest,
  };
}

export const workloads = [
  insert('placeholders', 'by placeholders', (session) => session.query(BY_PLACEHOLDERS, flat)),
  insert('unnest', 'by unnest', (session) => session.query(BY_UNNEST, columns)),
  insert('copy', 'by COPY', (session) => session.copyIn(BY_COPY, chunks), {
    needs: 'copyIn',
    headline: true,
    chart: 'rows',
  }),
];
