// A million rows through a cursor, a thousand at a time.

import { MILLION, SET_UP, SQL } from './million.mjs';
import { onSession } from './session.mjs';

const BATCH_SIZE = 1000;

async function read(session) {
  let rows = 0;
  let sum = 0;
  await session.cursor(SQL, BATCH_SIZE, (batch) => {
    rows += batch.length;
    for (const row of batch) sum += row.value;
  });
  return { rows, checksum: String(sum) };
}

export const workloads = [
  {
    ...onSession,
    name: 'cursor-1000000',
    title: 'cursor over 1,000,000 rows, 1,000 at a time',
    unit: 'row',
    headline: true,
    chart: 'rows',
    modes: ['pinned'],
    once: true,
    warmUp: false,
    needs: 'cursor',
    setUp: SET_UP,
    async batch(session) {
      const { rows } = await read(session);
      if (rows !== MILLION) throw new Error(`${rows} rows came instead of ${MILLION}`);
      return rows;
    },
    check: read,
  },
];
