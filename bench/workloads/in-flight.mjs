// Many queries at once on a small pool, as a server's requests make them.

import { checksum } from '../checksum.mjs';
import { behindNetwork } from './behind-network.mjs';
import { QUERY } from './sequential.mjs';
import { onSession } from './session.mjs';

function inFlight(count, poolSize, named) {
  return {
    ...onSession,
    name: `in-flight-${count}-pool-${poolSize}-${named ? 'named' : 'unnamed'}`,
    title: `${count} queries in flight, pool of ${poolSize}, ${named ? 'named' : 'unnamed'}`,
    unit: 'query',
    headline: count === 1000,
    chart: count === 1000 && poolSize === 5 ? 'queries' : undefined,
    modes: ['pinned'],
    named,
    poolSize,
    async batch(session) {
      await burst(session, count);
      return count;
    },
    async check(session) {
      const results = await burst(session, count);
      const rows = results.map((answer) => session.rowsOf(answer)[0]);
      return { rows: rows.length, checksum: checksum(rows) };
    },
    program: {
      kind: 'query',
      sql: QUERY,
      values: ['7', 'some label'],
      named,
      pool: poolSize,
      inFlight: count,
    },
  };
}

function burst(session, count) {
  const pending = new Array(count);
  for (let i = 0; i < count; i += 1) pending[i] = session.query(QUERY, [i, 'some label']);
  return Promise.all(pending);
}

export const workloads = [
  ...[100, 1000].flatMap((count) =>
    [5, 10].flatMap((poolSize) => [false, true].map((named) => inFlight(count, poolSize, named))),
  ),
  ...[false, true].map((named) => behindNetwork(inFlight(1000, 10, named), 20)),
];
