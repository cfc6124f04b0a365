// Many updates at once on a small pool: writes, which have a connection for themselves.

import { onSession } from './session.mjs';

const COUNT = 1000;
const STATEMENT = 'UPDATE bench_updates SET count = count + 1 WHERE id = $1';
const SET_UP = [
  'DROP TABLE IF EXISTS bench_updates',
  'CREATE UNLOGGED TABLE bench_updates (id int4 PRIMARY KEY, count int4 NOT NULL) WITH (fillfactor = 50)',
  `INSERT INTO bench_updates SELECT n, 0 FROM generate_series(0, ${COUNT - 1}) n`,
];
const RESET = 'UPDATE bench_updates SET count = 0';
const CHECK = 'SELECT count(*)::int4 AS rows, sum(count)::text AS sum FROM bench_updates';

/** Each updates a row of its own, so that none waits for another's lock. */
function burst(session) {
  return Promise.all(Array.from({ length: COUNT }, (_, id) => session.query(STATEMENT, [id])));
}

export const workloads = [5, 10].map((poolSize) => ({
  ...onSession,
  name: `updates-in-flight-1000-pool-${poolSize}`,
  title: `1000 updates in flight, pool of ${poolSize}`,
  unit: 'query',
  modes: ['pinned'],
  poolSize,
  setUp: SET_UP,
  async batch(session) {
    await burst(session);
    return COUNT;
  },
  async check(session) {
    await session.query(RESET);
    await burst(session);
    const [found] = session.rowsOf(await session.query(CHECK));
    return { rows: Number(found.rows), checksum: found.sum };
  },
}));
