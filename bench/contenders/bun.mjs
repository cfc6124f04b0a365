// Bun's own SQL client; runs on Bun only. It has neither cursors nor COPY.

import { SQL } from 'bun';
import { guideClassOnReserve } from './guide-class.mjs';

function options({ host, port, user, password, database }, tls) {
  const base = { adapter: 'postgres', hostname: host, port, username: user, password, database };
  return { ...base, tls: tls ? { rejectUnauthorized: false } : false };
}

const Manager = guideClassOnReserve(
  ({ dbHost, dbPort, dbUser, dbPassword, dbName, ssl }) =>
    new SQL({
      ...options(
        { host: dbHost, port: dbPort, user: dbUser, password: dbPassword, database: dbName },
        ssl ?? true,
      ),
      max: 5,
      idleTimeout: 30,
      connectionTimeout: 10,
    }),
  (sql) => sql.close(),
);

export const version = Bun.version;

export const adapter = {
  Manager,

  async open(target, { size = 1, named = false, tls = false } = {}) {
    const sql = new SQL({ ...options(target, tls), max: size, prepare: named });
    return {
      query: (text, values = []) => sql.unsafe(text, values),
      rowsOf: (rows) => rows,
      close: () => sql.close(),
    };
  },

  async connectOnce(target, { tls }) {
    const sql = new SQL({ ...options(target, tls), max: 1 });
    await sql.connect();
    await sql.close();
  },
};
