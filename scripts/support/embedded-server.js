'use strict';

const path = require('node:path');
const { once } = require('node:events');

/**
 * What it takes to reach a running server. It survives JSON, so that one process can start a server and
 * others use it.
 *
 * @typedef {object} ServerDescription
 * @property {number} version major version
 * @property {string} host
 * @property {number} port
 * @property {string} user the superuser
 * @property {string} password
 * @property {string} database
 * @property {string} socketDirectory where the Unix socket is
 * @property {string | null} certificateDirectory ca.pem, server.pem, client.pem, client.key and so on; null
 *   when the server has no TLS
 */

/** A running PostgreSQL server, started by this process or by the one that ran it. */
class EmbeddedServer {
  #keeper;

  /**
   * @param {ServerDescription} description
   * @param {import('node:child_process').ChildProcess} [keeper] the process that keeps the server; left out
   *   when another process started it
   */
  constructor(description, keeper) {
    /** @type {number} */ this.version = description.version;
    /** @type {string} */ this.host = description.host;
    /** @type {number} */ this.port = description.port;
    /** @type {string} */ this.user = description.user;
    /** @type {string} */ this.password = description.password;
    /** @type {string} */ this.database = description.database;
    /** @type {string} */ this.socketDirectory = description.socketDirectory;
    /** @type {string | null} */ this.certificateDirectory = description.certificateDirectory;
    this.#keeper = keeper;
  }

  /** The file with the authority's certificate; null when the server has no TLS. */
  get caPath() {
    return this.certificateDirectory && this.certificatePath('ca.pem');
  }

  /** @param {string} name a file that writeCertificates made */
  certificatePath(name) {
    if (!this.certificateDirectory) throw new Error('This server was started without TLS');
    return path.join(this.certificateDirectory, name);
  }

  /** @param {string} [database] @returns {string} a connection string for the superuser */
  url(database = this.database) {
    const part = encodeURIComponent;
    return `postgresql://${part(this.user)}:${part(this.password)}@${this.host}:${this.port}/${part(database)}`;
  }

  /**
   * @param {object} [overrides]
   * @returns {{ host: string, port: number, user: string, password: string, database: string }} what
   *   node-postgres's Client and Pool take
   */
  config(overrides = {}) {
    const { host, port, user, password, database } = this;
    return { host, port, user, password, database, ...overrides };
  }

  /**
   * Stops the server and starts it again at the same port. Only for the process that started it.
   *
   * @param {'fast' | 'immediate'} how 'fast' ends every connection and shuts down, 'immediate' crashes
   * @returns {Promise<void>} when the server takes connections again
   */
  async restart(how) {
    const keeper = this.#keeper;
    if (!keeper) throw new Error('Another process started this server, or it was stopped');
    keeper.stdin.write(`${how}\n`);
    const [state] = await once(keeper.stdout, 'data');
    if (String(state) !== 'ready\n')
      throw new Error(`PostgreSQL didn't start again (${String(state).trim()})`);
  }

  /** Stops the server and removes its directory; nothing happens when another process started it. */
  async stop() {
    const keeper = this.#keeper;
    this.#keeper = undefined;
    if (!keeper || keeper.exitCode !== null || keeper.signalCode !== null) return;
    keeper.ref();
    keeper.stdin.end();
    await once(keeper, 'exit');
  }
}

module.exports = { EmbeddedServer };
