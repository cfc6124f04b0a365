// The PostgreSQL that is measured against: one made for the run, or the caller's.

import fs from 'node:fs';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { requirePeer } from './contenders/peers.mjs';

const require = createRequire(import.meta.url);

const SHOWN_SETTINGS = ['fsync', 'synchronous_commit', 'shared_buffers', 'jit', 'max_connections'];

export class Server {
  #embedded;
  #client;
  #postmaster;
  #target;

  /** @type {string[]} databases of the server, as many as were asked for */
  databases;
  /** @type {string} */ version;
  /** @type {boolean} */ hasTls;
  /** @type {Record<string, string>} */ settings;

  /**
   * @param {{ server?: string, version: number }} options
   * @param {number} databases how many databases the workloads want
   */
  static async start(options, databases) {
    const server = new Server();
    if (options.server) server.#useCallers(options.server, databases);
    else await server.#makeOwn(options.version, databases);
    await server.#look();
    return server;
  }

  #useCallers(url, count) {
    const { hostname, port, username, password, pathname } = new URL(url);
    const database = decodeURIComponent(pathname.slice(1)) || 'postgres';
    this.#target = {
      host: hostname,
      port: Number(port || 5432),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password) || process.env.PGPASSWORD || '',
      database,
    };
    // Databases are not ours to make here: the names that a manager gets all lead to the same one.
    this.databases = Array.from({ length: count }, () => database);
  }

  async #makeOwn(version, count) {
    const { startEmbedded } = require('../scripts/support/embedded.js');
    this.databases = Array.from({ length: count }, (_, i) => `bench_${i + 1}`);
    this.#embedded = await startEmbedded({
      version,
      databases: this.databases,
      settings: { shared_buffers: '256MB', max_wal_size: '4GB' },
    });
    this.#target = this.#embedded.config();
  }

  async #look() {
    const { Client } = requirePeer('pg');
    this.#client = new Client(this.#target);
    await this.#client.connect();
    const value = async (sql) => Object.values((await this.#client.query(sql)).rows[0])[0];
    this.version = await value('SHOW server_version');
    this.hasTls = (await value('SHOW ssl')) === 'on';
    this.settings = {};
    for (const name of SHOWN_SETTINGS) this.settings[name] = await value(`SHOW ${name}`);
    if (!this.#embedded) await this.#refuseForeignTables();
    this.#postmaster = this.#embedded && Number(await postmasterOf(this.#client));
  }

  /** @returns {import('./contenders/index.mjs').Target} */
  get target() {
    return { ...this.#target };
  }

  /** @returns {boolean} whether the server can be put on one CPU */
  get canBePinned() {
    return this.#postmaster !== undefined && process.platform === 'linux';
  }

  /** Puts the server, with what it has started and will start, on these CPUs (a list as taskset takes it). */
  pin(cpus) {
    for (const pid of [this.#postmaster, ...childrenOf(this.#postmaster)]) {
      try {
        execFileSync('taskset', ['-a', '-c', '-p', cpus, String(pid)], { stdio: 'pipe' });
      } catch (error) {
        if (fs.existsSync(`/proc/${pid}`)) throw error; // otherwise it has ended in the meantime
      }
    }
  }

  /** @param {string[]} statements */
  async run(statements) {
    for (const statement of statements) await this.#client.query(statement);
  }

  async stop() {
    if (!this.#embedded) {
      for (const table of await this.#benchTables()) {
        await this.#client.query(`DROP TABLE ${this.#client.escapeIdentifier(table)}`);
      }
    }
    await this.#client.end();
    await this.#embedded?.stop();
  }

  // Whatever is named bench_… at the end is dropped, so nothing of that name may be there before.
  async #refuseForeignTables() {
    const tables = await this.#benchTables();
    if (tables.length === 0) return;
    await this.#client.end();
    throw new RangeError(
      `${this.#target.database} has tables that the benchmark would use and drop: ${tables.join(', ')}`,
    );
  }

  async #benchTables() {
    const { rows } = await this.#client.query(
      "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename LIKE 'bench\\_%'",
    );
    return rows.map(({ tablename }) => tablename);
  }
}

async function postmasterOf(client) {
  const { rows } = await client.query("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid");
  return rows[0].pid;
}

function childrenOf(pid) {
  const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
