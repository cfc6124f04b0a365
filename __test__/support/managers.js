'use strict';

const { randomBytes } = require('node:crypto');
const { describe, before, after } = require('node:test');
const { forBoth } = require('./both.js');
const { postgres } = require('./server.js');

/** What the guide calls the parts of an address. */
function guideConfig(server, { database = server.database, ...overrides } = {}) {
  return {
    dbHost: server.host,
    dbPort: server.port,
    dbUser: server.user,
    dbPassword: server.password,
    dbName: database,
    ...overrides,
  };
}

/** Ends whatever a manager of either kind holds. */
async function closeManager(manager) {
  if (typeof manager.close === 'function') return manager.close();
  for (const { pool } of manager.connections.values()) await pool.end();
}

/**
 * Runs a body of tests once on the guide's class over npm's `pg`, and once on this package's.
 *
 * @param {(contender: { DatabaseManager: any, pg: typeof import('pg'), ours: boolean }) => void} body
 */
function forManagers(body) {
  forBoth(({ pg, ours }) => {
    body({ DatabaseManager: ours ? pg : require('./guide-manager.js'), pg, ours });
  });
}

/**
 * A suite of tests on this package's DatabaseManager alone, with a database of its own.
 * It is left out when PGFLEET_CONTENDER asks for `pg` only.
 *
 * @param {string} title
 * @param {(bench: { DatabaseManager: any, pgfleet: any, server: import('./server.js').TestServer,
 *   database: string, manager: (overrides?: object) => Promise<any>, config: (overrides?: object) => object,
 *   look: (sql: string) => Promise<any[]>, sockets: (name: string) => Promise<number> }) => void} body
 */
function ofOurManager(title, body) {
  if (process.env.PGFLEET_CONTENDER === 'pg') return;
  describe(title, () => {
    const DatabaseManager = require('../..');
    const made = new Set();
    const bench = {
      DatabaseManager,
      server: null,
      database: null,
      /** A manager's config for the suite's database, without TLS so that proxies can read along. */
      config: (overrides) =>
        guideConfig(bench.server, { database: bench.database, ssl: false, ...overrides }),
      /** A manager that is connected to the suite's database as `main`, and closed after the suite. */
      async manager(overrides) {
        const manager = bench.keep(new DatabaseManager());
        await manager.addConnection('main', bench.config(overrides));
        return manager;
      },
      /** Has a manager closed after the suite. */
      keep(manager) {
        made.add(manager);
        return manager;
      },
      /** Rows of a query, asked from outside. */
      look: (sql, values) =>
        bench.server.asSuperuser(async (client) => (await client.query(sql, values)).rows, bench.database),
      /** How many connections with that application_name the server has. */
      async sockets(applicationName) {
        const rows = await bench.look(
          'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1',
          [applicationName],
        );
        return rows[0].count;
      },
      /** Which of these tables are there, asked from outside. */
      async tables(...names) {
        const rows = await bench.look(
          'SELECT tablename FROM pg_tables WHERE tablename = ANY ($1) ORDER BY tablename',
          [names],
        );
        return rows.map(({ tablename }) => tablename);
      },
      /** A name that no other test uses. */
      unique: (prefix = 't') => `${prefix}_${randomBytes(5).toString('hex')}`,
    };
    before(async () => {
      bench.server = await postgres();
      bench.database = await bench.server.createDatabase();
    });
    after(async () => {
      for (const manager of made) await closeManager(manager);
    });
    body(bench);
  });
}

module.exports = { closeManager, forManagers, guideConfig, ofOurManager };
