// This package, from the checkout. Cursors and COPY streams are its own where it has them, and otherwise
// npm's pg-cursor and pg-copy-streams, which run on it as they do on pg.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import { nodePostgres } from './node-postgres.mjs';
import { requirePeer } from './peers.mjs';

const require = createRequire(import.meta.url);
const pgfleet = require('../..');
const { Cursor = requirePeer('pg-cursor'), copyFrom, copyTo } = pgfleet;

export const version = JSON.parse(
  fs.readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version;

export const adapter = {
  ...nodePostgres({
    pg: pgfleet,
    Manager: pgfleet,
    Cursor,
    copy: copyFrom && copyTo ? { from: copyFrom, to: copyTo } : requirePeer('pg-copy-streams'),
  }),
  sharesPools: true,
};
