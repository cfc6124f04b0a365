// This package, from the checkout, with its own cursors and COPY streams.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import { nodePostgres } from './node-postgres.mjs';

const require = createRequire(import.meta.url);
const pgfleet = require('../..');

export const version = JSON.parse(
  fs.readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version;

export const adapter = {
  ...nodePostgres({
    pg: pgfleet,
    Manager: pgfleet,
    Cursor: pgfleet.Cursor,
    copy: pgfleet.copyStreams,
  }),
  sharesPools: true,
};
