// One query with a large result, read in full.

import { checksum } from '../checksum.mjs';
import { onSession } from './session.mjs';

/**
 * @param {object} shape
 * @param {string} shape.name
 * @param {string} shape.title
 * @param {string} shape.sql
 * @param {number} shape.count rows it gives
 * @param {string[]} [shape.setUp]
 * @param {boolean} [shape.headline]
 * @param {boolean} [shape.named] as a prepared statement
 * @returns {import('./index.mjs').Workload}
 */
export function resultSet({ sql, count, ...shape }) {
  return {
    ...onSession,
    unit: 'row',
    modes: ['pinned'],
    async batch(session) {
      const rows = session.rowsOf(await session.query(sql));
      if (rows.length !== count) throw new Error(`${rows.length} rows came instead of ${count}`);
      return count;
    },
    async check(session) {
      const rows = session.rowsOf(await session.query(sql));
      return { rows: rows.length, checksum: checksum(rows) };
    },
    program: { kind: 'rows', sql, values: [], named: Boolean(shape.named), pool: 1, inFlight: 1 },
    ...shape,
  };
}
