import { guideClass } from './guide-class.mjs';
import { nodePostgres } from './node-postgres.mjs';
import { peerVersion, requirePeer } from './peers.mjs';

const pg = requirePeer('pg');

export const version = peerVersion('pg');

export const adapter = nodePostgres({
  pg,
  Manager: guideClass(pg),
  Cursor: requirePeer('pg-cursor'),
  copy: requirePeer('pg-copy-streams'),
});
