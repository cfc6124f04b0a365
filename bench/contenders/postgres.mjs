// postgres.js. Its pools connect at the first query.

import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { guideClassOnReserve } from './guide-class.mjs';
import { peerVersion, requirePeer } from './peers.mjs';

const postgres = requirePeer('postgres');
const ignoreNotices = () => {};

function options({ host, port, user, password, database }, tls) {
  const ssl = tls ? { rejectUnauthorized: false } : false;
  return { host, port, username: user, password, database, ssl, onnotice: ignoreNotices };
}

const Manager = guideClassOnReserve(
  (config) =>
    postgres({
      ...options({
        host: config.dbHost,
        port: config.dbPort,
        user: config.dbUser,
        password: config.dbPassword,
      }),
      database: config.dbName,
      ssl: config.ssl ?? { rejectUnauthorized: false },
      max: 5,
      idle_timeout: 30,
      connect_timeout: 10,
    }),
  (sql) => sql.end(),
);

export const version = peerVersion('postgres');

export const adapter = {
  Manager,

  async open(target, { size = 1, named = false, tls = false } = {}) {
    const sql = postgres({ ...options(target, tls), max: size });
    const prepare = { prepare: named };
    return {
      query: (text, values = []) => sql.unsafe(text, values, prepare),
      rowsOf: (rows) => rows,
      close: () => sql.end(),
      cursor: (text, batchSize, onRows) => sql.unsafe(text, [], prepare).cursor(batchSize, onRows),
      async copyIn(statement, chunks) {
        await pipeline(Readable.from(chunks), await sql.unsafe(statement).writable());
      },
      async copyOut(statement) {
        const stream = await sql.unsafe(statement).readable();
        let bytes = 0;
        stream.on('data', (chunk) => (bytes += chunk.length));
        await once(stream, 'end');
        return bytes;
      },
    };
  },

  // There is no connect(): the smallest query stands for it, without the query for array types before it.
  async connectOnce(target, { tls }) {
    const sql = postgres({ ...options(target, tls), max: 1, fetch_types: false });
    await sql.unsafe('');
    await sql.end();
  },
};
