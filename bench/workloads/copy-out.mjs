// COPY to the client: a million rows of text.

import { MILLION, SET_UP } from './million.mjs';
import { onSession } from './session.mjs';

const STATEMENT = 'COPY bench_million TO STDOUT';

export const workloads = [
  {
    ...onSession,
    name: 'copy-out-1000000',
    title: 'COPY of 1,000,000 rows to the client',
    unit: 'row',
    headline: true,
    chart: 'rows',
    modes: ['pinned'],
    once: true,
    warmUp: false,
    needs: 'copyOut',
    setUp: SET_UP,
    async batch(session) {
      await session.copyOut(STATEMENT);
      return MILLION;
    },
    async check(session) {
      return { checksum: String(await session.copyOut(STATEMENT)) }; // the bytes that came
    },
    program: { kind: 'copyOut', sql: STATEMENT, values: [], named: false, pool: 1, inFlight: 1 },
  },
];
