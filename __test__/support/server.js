'use strict';

const { randomBytes } = require('node:crypto');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const { EmbeddedServer } = require('../../scripts/support/embedded-server.js');

/** The password of every role of TEST_ROLES. */
const ROLE_PASSWORD = 'secret';

/** Roles of every test server besides the superuser: one for each authentication method. */
const TEST_ROLES = [
  { name: 'md5_user', password: ROLE_PASSWORD, method: 'md5' },
  { name: 'clear_user', password: ROLE_PASSWORD, method: 'password' },
  { name: 'trust_user', password: ROLE_PASSWORD, method: 'trust' },
  { name: 'postgres.abc123', password: ROLE_PASSWORD, method: 'scram-sha-256' },
  { name: 'cert_user', method: 'cert' },
];

/** How a test server is started, by this module or by the test run. */
const serverOptions = (version) => ({ version, tls: true, roles: TEST_ROLES });

class TestServer extends EmbeddedServer {
  /** @returns {Promise<string>} the name of a new, empty database */
  async createDatabase() {
    const name = `test_${randomBytes(6).toString('hex')}`;
    await this.asSuperuser((client) => client.query(`CREATE DATABASE ${name}`));
    return name;
  }

  /**
   * Runs `work` with a client of npm's `pg` that is connected as superuser, for arranging and for looking
   * at the server from outside.
   *
   * @template T
   * @param {(client: import('pg').Client) => Promise<T>} work
   * @param {string} [database]
   * @returns {Promise<T>}
   */
  async asSuperuser(work, database = this.database) {
    const { Client } = require('pg');
    const client = new Client(this.config({ database, application_name: 'pgfleet test observer' }));
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }
}

/** @type {Map<number, Promise<TestServer>>} */
const servers = new Map();

/**
 * The server of the test run, or one for this process alone, started at first use. It need not be stopped: it ends with
 * the process that started it.
 *
 * @param {number} [version] 15 or 17
 * @returns {Promise<TestServer>}
 */
function postgres(version = Number(process.env.PGFLEET_TEST_VERSION ?? 17)) {
  if (!servers.has(version)) servers.set(version, find(version));
  return servers.get(version);
}

async function find(version) {
  const running = JSON.parse(process.env.PGFLEET_TEST_SERVERS ?? '[]');
  const description = running.find((server) => server.version === version);
  if (description) return new TestServer(description);
  const embedded = await startEmbedded(serverOptions(version));
  return new TestServer(embedded);
}

module.exports = { postgres, serverOptions, ROLE_PASSWORD, TEST_ROLES };
