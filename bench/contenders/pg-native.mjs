// node-postgres on libpq. Cursors and COPY streams need node-postgres's own protocol code, so it has none.

import { guideClass } from './guide-class.mjs';
import { nodePostgres } from './node-postgres.mjs';
import { peerVersion, requirePeer } from './peers.mjs';

// Left to itself, libpq prefers TLS, also where the others are told to go without.
process.env.PGSSLMODE = 'disable';

requirePeer('pg-native'); // fails with the reason, where pg's getter would only give null
const pg = requirePeer('pg').native;
const ssl = { sslmode: 'require' };

export const version = `${peerVersion('pg-native')} with pg ${peerVersion('pg')}`;

export const adapter = nodePostgres({ pg, Manager: guideClass(pg, { ssl }), ssl });
