'use strict';

const { Backend } = require('./backend.js');
const { Refusal } = require('./refusal.js');
const { ScriptedBackend } = require('./scripted-backend.js');

/** The pools of one tenant: one for each user, database, mode, search_path and kind of connection. */
class Pools {
  /** @type {Map<string, Pool>} */
  #pools = new Map();
  #tenant;
  #cluster;

  /** @param {import('./tenants.js').Tenant} tenant @param {import('./index.js').Supavisor} cluster */
  constructor(tenant, cluster) {
    this.#tenant = tenant;
    this.#cluster = cluster;
  }

  /** Refuses a client that there is no room for; this is asked before the password. */
  check(startup, { mode, encrypted }) {
    const { tenant, older } = this.#context();
    const clients = this.#pools.get(keyOf(startup, mode, encrypted))?.clients.size ?? 0;
    if (mode === 'session' && clients >= tenant.poolSize) {
      throw Refusal.of('EMAXCONNSESSION', { limit: tenant.poolSize }, { older });
    }
    if (clients >= tenant.maxClients) throw Refusal.of('EMAXCONN', { limit: tenant.maxClients }, { older });
  }

  /** @returns {Pool} that the client may join */
  of(startup, entry) {
    const { tenant, older } = this.#context();
    const key = keyOf(startup, entry.mode, entry.encrypted);
    if (!this.#pools.has(key) && this.#pools.size >= tenant.maxPools) {
      throw Refusal.of('EMAXPOOLSREACHED', {}, { older });
    }
    this.check(startup, entry);
    const existing = this.#pools.get(key);
    if (existing) return existing;
    const pool = new Pool(tenant, startup, entry.mode, this.#cluster);
    this.#pools.set(key, pool);
    return pool;
  }

  /** Closes all backends. */
  end() {
    for (const pool of this.#pools.values()) pool.end();
    this.#pools.clear();
  }

  #context() {
    return { tenant: this.#tenant, older: this.#cluster.older };
  }
}

function keyOf({ role, database, searchPath }, mode, encrypted) {
  return JSON.stringify([role, database, mode, searchPath, encrypted]);
}

/** Backends that are equal but for what clients left in them. */
class Pool {
  /** Those who are connected, whether they hold a backend or not. */
  clients = new Set();
  /** @type {Record<string, string> | undefined} what its first backend reported */
  parameters;
  #idle = [];
  #all = new Set();
  #opening = 0;
  #waiting = [];
  #tenant;
  #startup;
  #mode;
  #cluster;

  constructor(tenant, startup, mode, cluster) {
    this.#tenant = tenant;
    this.#startup = startup;
    this.#mode = mode;
    this.#cluster = cluster;
  }

  /**
   * @param {unknown} [last] the backend that the client had before: it gets another one when there may be several
   * @returns {Promise<Backend | ScriptedBackend>} throws a Refusal
   */
  async take(last) {
    const other = this.#idle.find((backend) => backend !== last);
    if (other) return this.#lend(other);
    if (this.#all.size + this.#opening < this.#tenant.poolSize) return this.#open();
    if (this.#idle.length > 0) return this.#lend(this.#idle[0]);
    return this.#wait();
  }

  /** Takes a backend back. */
  give(backend) {
    if (!backend.isOpen) return;
    const waiting = this.#waiting.shift();
    if (waiting) waiting(backend);
    else this.#idle.push(backend);
  }

  /** Takes a backend back whose session has to be forgotten first. */
  async clean(backend) {
    if (await backend.run('DISCARD ALL')) this.#reclaim(backend);
    else this.drop(backend);
  }

  /** Closes a backend. */
  drop(backend) {
    this.#forget(backend);
    backend.end();
  }

  end() {
    for (const backend of this.#all) backend.end();
    this.#all.clear();
    this.#idle = [];
  }

  /** How many backends there are. */
  get size() {
    return this.#all.size;
  }

  #reclaim(backend) {
    backend.onMessage = () => {};
    backend.onClose = () => this.#forget(backend);
    this.give(backend);
  }

  #lend(backend) {
    this.#idle = this.#idle.filter((other) => other !== backend);
    return backend;
  }

  async #open() {
    this.#opening += 1;
    try {
      const backend = await this.#connect();
      this.#all.add(backend);
      this.parameters ??= { ...backend.parameters };
      return backend;
    } finally {
      this.#opening -= 1;
    }
  }

  #connect() {
    const { database, searchPath } = this.#startup;
    if (!this.#tenant.server) return new ScriptedBackend();
    return Backend.open(this.#tenant.server, {
      database: this.#tenant.databases[database] ?? database,
      application_name: 'Supavisor',
      ...(searchPath === undefined ? {} : { search_path: searchPath }),
    });
  }

  #wait() {
    const millis = this.#cluster.millis.checkout;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        const { older } = this.#cluster;
        reject(Refusal.of('ECHECKOUTTIMEOUT', { millis, mode: this.#mode }, { older }));
      }, millis);
      const waiting = (backend) => {
        clearTimeout(timer);
        resolve(backend);
      };
      this.#waiting.push(waiting);
    });
  }

  #forget(backend) {
    this.#all.delete(backend);
    this.#idle = this.#idle.filter((other) => other !== backend);
  }
}

module.exports = { Pools };
