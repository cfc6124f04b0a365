'use strict';

const { toPoolConfig } = require('./database-config');
const { runDdl } = require('./ddl');
const { toOrder } = require('./ddl-order');
const { LazyEntry, makeEntry } = require('./entry');
const Pool = require('../pg/pool/pool');
const { NOT_APPLIED, withFate } = require('../pg/query/script-outcome');
const { hide, isLikeConnectionString } = require('../pg/settings/secret');
const { isLikeUrl, shown } = require('../pg/settings/settings');

/** @typedef {import('./ddl-order').DdlOptions} DdlOptions */

/** Several databases by name, one of them current. */
class DatabaseManager {
  constructor() {
    /** @type {Map<string, import('./entry').Entry>} */
    this.connections = new Map();
    /** @type {string | null} */
    this.currentConnection = null;
    /** @type {Set<Promise<void>>} */
    this._ending = new Set();
    /** @type {Promise<void> | null} */
    this._closed = null;
    hide(this, '_ending', '_closed');
  }

  /**
   * Connects to a database and keeps it under a name. The first one becomes the current one. A name that exists is
   * replaced once the new database has answered; when it doesn't, everything stays as it was.
   *
   * @param {string} name
   * @param {import('./database-config').DatabaseConfig} config `dbHost`, `dbPort`, `dbUser`, `dbPassword`, `dbName`, `supabaseUrl`,
   *   `supabaseKey`, and every option of a pool
   * @returns {Promise<{ success: true, version: string }>}
   */
  async addConnection(name, config) {
    this._checkOpen();
    checkName(name);
    if (config === null || typeof config !== 'object' || Array.isArray(config)) {
      // If the name was left out, the first argument may be a connection string.
      const whose = isLikeUrl(name) ? 'a connection' : `connection ${quoted(name)}`;
      throw new TypeError(`The configuration of ${whose} must be an object, got ${shown(config)}`);
    }
    const pool = makePool(config);
    let version;
    try {
      version = await pool._version();
      this._checkOpen();
    } catch (error) {
      await Promise.allSettled([pool.end()]);
      throw error;
    }
    const replaced = this.connections.get(name);
    this.connections.set(name, makeEntry(name, config, pool));
    if (!this.currentConnection || this.currentConnection === name) {
      this.currentConnection = name;
      this.currentPool = pool;
    }
    if (replaced) this._retire(replaced);
    return { success: true, version };
  }

  /**
   * Keeps a database under a name without connecting to it: nothing but the entry is there before its first use. The
   * first one becomes the current one.
   *
   * @param {string} name that no other has
   * @param {import('./database-config').DatabaseConfig} config as that of `addConnection`, which is looked at when it is used
   */
  _addLazily(name, config) {
    this._checkOpen();
    checkName(name);
    if (this.connections.has(name)) throw new Error(`There is a connection ${quoted(name)} already`);
    this.connections.set(name, new LazyEntry(name, config, makePool));
    this.currentConnection ??= name;
  }

  /**
   * Runs a script on the database that is current now.
   *
   * @param {string | String | import('../pg/query/query-config').QueryConfig} sql what `client.query` takes
   * @param {boolean | DdlOptions} [useTransaction] false for what can't run in a transaction (CREATE DATABASE,
   *   VACUUM, …); or all options as an object
   * @param {DdlOptions} [options]
   * @returns {Promise<unknown>} a Result, or an array of them when the script has several statements; every error has an
   *   `outcome`
   */
  async executeDDL(sql, useTransaction = undefined, options = undefined) {
    try {
      this._checkOpen();
      const order = toOrder(sql, useTransaction, options);
      const { database } = order;
      return await runDdl(database === undefined ? this._requirePool() : this._entry(database).pool, order);
    } catch (error) {
      const { outcome } = /** @type {import('../errors').PgError} */ (Object(error));
      throw outcome ? error : withFate(error, NOT_APPLIED);
    }
  }

  /**
   * Calls `handler` with each notification of a channel of the database that is current now.
   *
   * @param {string} channel
   * @param {import('../pg/pool/listener').Handler} handler
   * @param {import('../pg/pool/listener').ListenOptions} [options] `onGap` is told when a lost connection is back
   * @returns {ReturnType<Pool['listen']>} the subscription
   */
  async listen(channel, handler, options) {
    this._checkOpen();
    return await this._requirePool().listen(channel, handler, options);
  }

  /**
   * Makes another database the current one. Requests that were made before stay on their database.
   *
   * @param {string} name
   * @returns {Promise<true>}
   */
  async switchConnection(name) {
    this._checkOpen();
    const entry = this._entry(name);
    this.currentConnection = name;
    this.currentPool = entry.pool;
    return true;
  }

  /**
   * Forgets a database and closes its connections once what is in flight is finished. When it was the current one, no
   * database is current afterwards.
   *
   * @param {string} name
   * @returns {Promise<true>}
   */
  async removeConnection(name) {
    this._checkOpen();
    const entry = this._entry(name);
    this.connections.delete(name);
    if (this.currentConnection === name) {
      this.currentConnection = null;
      this.currentPool = undefined;
    }
    await this._retire(entry);
    return true;
  }

  /**
   * Closes every connection once what is in flight is finished. The manager can't be used afterwards.
   *
   * @returns {Promise<void>} the same one for every call
   */
  close() {
    if (this._closed === null) this._closed = this._closeAll();
    return this._closed;
  }

  /** @returns {Promise<void>} */
  shutdown() {
    return this.close();
  }

  /** @returns {Promise<void>} */
  [Symbol.asyncDispose]() {
    return this.close();
  }

  async _closeAll() {
    for (const entry of this.connections.values()) this._retire(entry);
    this.connections.clear();
    this.currentConnection = null;
    this.currentPool = undefined;
    await Promise.all(this._ending);
  }

  /**
   * Ends the pool of an entry that was removed, if it has one, and lets `close` wait for it too.
   *
   * @param {import('./entry').Entry} entry
   * @returns {Promise<void>}
   */
  _retire(entry) {
    const pool = LazyEntry.openedPool(entry);
    if (!pool) return Promise.resolve();
    // There is nothing to wait for if the program has ended the pool already.
    /** @type {Promise<void>} */
    const ended = new Promise((resolve) => resolve(pool.ending ? undefined : pool.end()));
    this._ending.add(ended);
    const forget = () => this._ending.delete(ended);
    ended.then(forget, forget);
    return ended;
  }

  /** @param {string} name */
  _entry(name) {
    checkName(name);
    const entry = this.connections.get(name);
    if (entry === undefined) throw new Error(`Unknown connection ${quoted(name)}. ${this._knownNames()}`);
    return entry;
  }

  _requirePool() {
    const { currentConnection } = this;
    if (!this.currentPool && currentConnection) {
      this.currentPool = this.connections.get(currentConnection)?.pool;
    }
    const pool = this.currentPool;
    if (pool) return pool;
    throw new Error(
      this.connections.size === 0
        ? 'There is no connection yet: call addConnection(name, config) first'
        : `No connection is current: call switchConnection(name) first. ${this._knownNames()}`,
    );
  }

  _knownNames() {
    const names = [...this.connections.keys()].map(quoted);
    return names.length === 0 ? 'No connections are known.' : `Known connections: ${names.join(', ')}.`;
  }

  _checkOpen() {
    if (this._closed !== null) throw new Error('The DatabaseManager is closed');
  }
}

/** @param {import('./database-config').DatabaseConfig} config */
function makePool(config) {
  return new Pool(toPoolConfig(config));
}

/** @param {string} name that may be a connection string in the wrong place */
function quoted(name) {
  return isLikeConnectionString(name) ? '[hidden]' : `"${name}"`;
}

/** @param {unknown} name */
function checkName(name) {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(`The name of a connection must be a string that isn't empty, got ${shown(name)}`);
  }
}

module.exports = DatabaseManager;
