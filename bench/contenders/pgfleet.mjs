// This package, from the checkout, with its own cursors and COPY streams.

import { createRequire } from 'node:module';
import { nodePostgres } from './node-postgres.mjs';

const require = createRequire(import.meta.url);

/**
 * @param {any} pgfleet what `require` gave for the package
 * @param {any} [native] its side of the addon
 * @returns {import('./index.mjs').Adapter}
 */
export function adapterOf(pgfleet, native) {
  const adapter = nodePostgres({
    pg: pgfleet,
    Manager: pgfleet,
    Cursor: pgfleet.Cursor,
    copy: pgfleet.copyStreams,
  });
  return {
    ...adapter,
    sharesPools: true,
    async open(target, options) {
      const session = await adapter.open(target, options);
      return { ...session, analyzeSql: pgfleet.analyzeSql, statementCount: native?.statementCount };
    },
  };
}

export const { version } = require('../../package.json');
export const adapter = adapterOf(require('../..'), require('../../lib/native/binding').native);
