'use strict';

const { AppState } = require('./app-state');
const { AppVocabulary, NO_DATABASE } = require('./app-vocabulary');
const { checkOptionNames } = require('../config/keys-check');
const { checkLabels } = require('../config/labels');
const { Configured } = require('./configured');
const { runDdl } = require('./ddl');
const { toOrder } = require('./ddl-order');
const { checkOptions: checkDiagnosis, diagnoseAll, explained } = require('./diagnosis');
const { LazyEntry, makeEntry } = require('./entry');
const { GUIDE_RULES } = require('./pool-rules');
const { NOT_APPLIED, withFate } = require('../pg/query/script-outcome');
const { shownWithoutText } = require('../pg/settings/option');
const { hide, isLikeConnectionString, printedSafely } = require('../pg/settings/secret');
const { isLikeUrl, shown } = require('../pg/settings/settings');

/** @typedef {import('../pg/pool/pool')} Pool */
/** @typedef {import('./ddl-order').DdlOptions} DdlOptions */
/** @typedef {import('./database-config').DatabaseConfig} DatabaseConfig */
/** @typedef {import('./pool-rules').PoolRules} PoolRules */

/**
 * Several databases by name, one of them current. Programs know them in two vocabularies: that of the guide is here,
 * that of the app in {@link AppVocabulary}.
 */
class DatabaseManager {
  /** @param {Record<string, DatabaseConfig> | null} [configs] for `initialize` */
  constructor(configs) {
    /** @type {Map<string, import('./entry').Entry>} */
    this.connections = new Map();
    /** @type {string | null} */
    this.currentConnection = null;
    /** Whether databases may be switched to in the app's words. */
    this.initialized = false;
    this._app = new AppState(this, configs);
    /** @type {Set<Promise<void>>} */
    this._ending = new Set();
    /** @type {Promise<void> | null} */
    this._closed = null;
    this._configured = new Configured(this);
    hide(this, '_app', '_ending', '_closed', '_configured');
  }

  /**
   * A manager with the databases that the environment describes. Nothing is opened.
   *
   * @param {{ env?: object, envFile?: string | false }} [options]
   */
  static async fromEnv(options = {}) {
    const { databasesOfEnvironment } = require('../config/environment');
    checkOptionNames(options, ['env', 'envFile'], 'fromEnv');
    const databases = databasesOfEnvironment(options);
    const manager = new this();
    for (const [name, config] of databases) manager._addLazily(name, config);
    manager.initialized = true;
    return manager;
  }

  /**
   * A manager with the databases of a configuration file. Nothing is opened.
   *
   * @param {string | object} [file] or what would stand in it; one is looked for when it isn't given
   */
  static async fromConfig(file) {
    const { readConfiguration } = require('../config/configuration');
    const configuration = await readConfiguration(file);
    const manager = new this();
    manager._configured.adopt(configuration);
    manager.initialized = true;
    return manager;
  }

  /**
   * The pool of the current database, made when it is asked for.
   *
   * @returns {Pool | null | undefined}
   */
  get currentPool() {
    return this._app.currentPool;
  }

  set currentPool(pool) {
    this._app.currentPool = pool;
  }

  /**
   * Connects to a database and keeps it under a name. The first one becomes the current one. A name that exists is
   * replaced once the new database has answered; when it doesn't, everything stays as it was.
   *
   * @param {string} name
   * @param {DatabaseConfig} config `dbHost`, `dbPort`, `dbUser`, `dbPassword`, `dbName`, `supabaseUrl`,
   *   `supabaseKey`, and every option of a pool
   * @returns {Promise<{ success: true, version: string }>}
   */
  async addConnection(name, config) {
    this._checkOpen();
    this._checkEntry(name, config);
    this._app.adopt();
    const { pool, version } = config.diagnose
      ? await explained(name, config, connect(config))
      : await connect(config);
    if (this._closed !== null) {
      await Promise.allSettled([pool.end()]);
      this._checkOpen();
    }
    const replaced = this.connections.get(name);
    this.connections.set(name, makeEntry(name, config, pool));
    this._app.configurations.note(name, config, GUIDE_RULES);
    this.initialized = true;
    if (!this.currentConnection || this.currentConnection === name) this._makeCurrent(name);
    if (replaced) this._retire(replaced);
    return { success: true, version };
  }

  /**
   * Refuses what can't be an entry.
   *
   * @param {string} name
   * @param {unknown} config
   */
  _checkEntry(name, config) {
    checkName(name);
    if (config === null || typeof config !== 'object' || Array.isArray(config)) {
      // If the name was left out, the first argument may be a connection string.
      const whose = isLikeUrl(name) ? 'a connection' : `connection ${quoted(name)}`;
      throw new TypeError(`The configuration of ${whose} must be an object, got ${shownWithoutText(config)}`);
    }
  }

  /**
   * Keeps a database under a name without connecting to it. The first one becomes the current one.
   *
   * @param {string} name that no other has
   * @param {DatabaseConfig} config as that of `addConnection`, which is looked at when it is used
   * @param {PoolRules} [rules] those of `addConnection` when they aren't given
   */
  _addLazily(name, config, rules = GUIDE_RULES) {
    this._checkOpen();
    checkName(name);
    if (this.connections.has(name)) throw new Error(`There is a connection ${quoted(name)} already`);
    this._keep(name, config, rules);
    this.currentConnection ??= name;
    this.initialized = true;
  }

  /**
   * Keeps a database under a name, in the place of another of that name, without connecting to it: nothing but the
   * entry is there before its first use.
   *
   * @param {string} name
   * @param {DatabaseConfig} config
   * @param {PoolRules} rules
   */
  _keep(name, config, rules) {
    const replaced = this.connections.get(name);
    this.connections.set(name, new LazyEntry(name, config, rules));
    this._app.configurations.note(name, config, rules);
    if (this.currentConnection === name) this._setCurrent(name, undefined);
    if (replaced) this._retire(replaced);
  }

  /**
   * Adds the databases that a query gives, and takes out those that it no longer gives. When anything is wrong, nothing
   * changes.
   *
   * @param {import('./tenants').Discovery} options
   * @returns {Promise<{ added: string[], changed: string[], removed: string[] }>} names
   */
  async discover(options) {
    this._checkOpen();
    return await this._configured.discover(options);
  }

  /**
   * The databases that are meant. Where a configuration says how they are found, they are looked for first.
   *
   * @param {import('./selection').Selection} selection
   * @returns {Promise<string[]>} names, at least one
   */
  async _select(selection) {
    this._checkOpen();
    return await this._configured.select(selection);
  }

  /**
   * Looks at databases' connections, layer by layer, and says what is wrong, what was seen and what to change. Nothing
   * is changed, and no pool is opened.
   *
   * @param {import('../../index').DiagnoseOptions} [options]
   * @returns {Promise<import('../../index').Diagnosis[]>} one for each database, in their order
   */
  async diagnose(options = undefined) {
    const { databases: selection, ...limits } = checkDiagnosis(options);
    this._checkOpen();
    const names =
      selection === undefined
        ? [...this.connections.keys()]
        : await this._select(/** @type {import('./selection').Selection} */ (selection));
    const databases = names.flatMap((name) => {
      const entry = this.connections.get(name);
      // Another call may have taken it out meanwhile.
      return entry === undefined ? [] : [{ name, entry }];
    });
    return await diagnoseAll(databases, limits);
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
      if (!this._app.isSpoken) this._checkOpen();
      const order = toOrder(sql, useTransaction, options);
      const { database } = order;
      return await runDdl(database === undefined ? this._requirePool() : this._poolOf(database), order);
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
    checkOptionNames(options, ['onGap'], 'listen');
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
    this._entry(name);
    this._app.adopt();
    this._makeCurrent(name);
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
    await this._retire(this._forget(name));
    return true;
  }

  /**
   * @param {string} name
   * @returns {import('./entry').Entry} what was kept under it
   */
  _forget(name) {
    const entry = this._entry(name);
    this.connections.delete(name);
    this._app.configurations.forget(name);
    if (this.currentConnection === name) this._setCurrent(null, undefined);
    return entry;
  }

  /**
   * Closes every connection once what is in flight is finished. The manager can't be used afterwards, until
   * `initialize` opens it again.
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
    this._app.clear();
    this.connections.clear();
    this._setCurrent(null, undefined);
    this.initialized = false;
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

  /** Has a manager that was closed take databases again. */
  _reopen() {
    this._closed = null;
    this.initialized = true;
  }

  /**
   * @param {string | null} name
   * @param {Pool | undefined} pool undefined for that of the entry, which is made when it is asked for
   */
  _setCurrent(name, pool) {
    this.currentConnection = name;
    this._app.currentClient = undefined;
    this.currentPool = pool;
  }

  /**
   * @param {string} name of an entry
   * @returns {Pool | undefined} its pool
   */
  _makeCurrent(name) {
    // Should its pool not be made, the failure is told at each use.
    this._setCurrent(name, undefined);
    const pool = this.connections.get(name)?.pool;
    this.currentPool = pool;
    return pool;
  }

  /** @param {string} name */
  _entry(name) {
    checkName(name);
    const entry = this.connections.get(name);
    if (entry === undefined) throw new Error(`Unknown connection ${quoted(name)}. ${this._knownNames()}`);
    return entry;
  }

  /**
   * The pool of a database by name.
   *
   * @param {string} name
   */
  _poolOf(name) {
    const { pool } = this._entry(name);
    if (pool) return pool;
    throw new Error(`Database ${quoted(name)} has no pool: its configuration has no host and password`);
  }

  _requirePool() {
    const { currentConnection } = this;
    if (!this.currentPool && currentConnection) {
      this.currentPool = this.connections.get(currentConnection)?.pool;
    }
    const pool = this.currentPool;
    if (pool) return pool;
    if (this._app.isSpoken) throw new Error(NO_DATABASE);
    if (currentConnection && this.connections.has(currentConnection)) return this._poolOf(currentConnection);
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

// The app's members are the class's own, so that a program may replace them one by one.
const { constructor: _, ...members } = Object.getOwnPropertyDescriptors(AppVocabulary.prototype);
Object.defineProperties(DatabaseManager.prototype, members);
// `configs` is the program's own object, with its secrets.
printedSafely(DatabaseManager.prototype);

/** @param {string} name that may be a connection string in the wrong place */
function quoted(name) {
  return isLikeConnectionString(name) ? '[hidden]' : `"${name}"`;
}

/**
 * @param {DatabaseConfig} config
 * @returns {Promise<{ pool: Pool, version: string }>} a pool that has connected once
 */
async function connect(config) {
  checkLabels(config);
  const pool = GUIDE_RULES.makePool(config);
  try {
    return { pool, version: await pool._version() };
  } catch (error) {
    await Promise.allSettled([pool.end()]);
    throw error;
  }
}

/** @param {unknown} name */
function checkName(name) {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(`The name of a connection must be a string that isn't empty, got ${shown(name)}`);
  }
}

module.exports = DatabaseManager;
