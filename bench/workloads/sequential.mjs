// One query after the other on one connection.

import { checksum } from '../checksum.mjs';
import { onSession } from './session.mjs';

export const QUERY = 'SELECT $1::int4 AS id, $2::text AS label';
const BATCH = 100;

function sequential(named) {
  return {
    ...onSession,
    name: `sequential-${named ? 'named' : 'unnamed'}`,
    title: `one query after the other, ${named ? 'named' : 'unnamed'}`,
    unit: 'query',
    headline: true,
    chart: 'queries',
    modes: ['pinned', 'free'],
    named,
    async batch(session) {
      for (let i = 0; i < BATCH; i += 1) await session.query(QUERY, [i, 'some label']);
      return BATCH;
    },
    async check(session) {
      const rows = session.rowsOf(await session.query(QUERY, [7, 'some label']));
      return { rows: rows.length, checksum: checksum(rows) };
    },
    program: { kind: 'query', sql: QUERY, values: ['7', 'some label'], named, pool: 1, inFlight: 1 },
  };
}

export const workloads = [sequential(false), sequential(true)];
