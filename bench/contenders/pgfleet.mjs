// This package, from the checkout, with its own cursors and COPY streams.

import { createRequire } from 'node:module';
import { nodePostgres } from './node-postgres.mjs';

const require = createRequire(import.meta.url);

/** @param {any} pgfleet what `require` gave for the package */
export function adapterOf(pgfleet) {
  return {
    ...nodePostgres({
      pg: pgfleet,
      Manager: pgfleet,
      Cursor: pgfleet.Cursor,
      copy: pgfleet.copyStreams,
    }),
    sharesPools: true,
  };
}

export const { version } = require('../../package.json');
export const adapter = adapterOf(require('../..'));
