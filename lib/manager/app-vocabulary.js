'use strict';

const { loadConfigurations, supabaseHost } = require('./app-configurations');
const { LazyEntry } = require('./entry');
const { runMigrations } = require('./migration-run');
const { appliedMigrations } = require('./migration-table');
const { APP_RULES } = require('./pool-rules');
const { askSupabase } = require('./supabase-query');
const { tableDefinition } = require('./table-definition');
const { isLikeConnectionString } = require('../pg/settings/secret');

/**
 * @typedef {import('./database-config').DatabaseConfig} DatabaseConfig
 * @typedef {import('./database-manager')} DatabaseManager
 * @typedef {import('./entry').Entry} Entry
 * @typedef {import('./supabase-client').SupabaseClient} SupabaseClient
 * @typedef {DatabaseManager & AppVocabulary} Manager
 */

const NO_DATABASE = 'No active database. Call switchDatabase() first.';

const TABLES = `
  SELECT table_name FROM information_schema.tables
  WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
  ORDER BY table_name`;

const COLUMNS = `
  SELECT column_name, data_type, is_nullable FROM information_schema.columns
  WHERE table_schema = 'public' AND table_name = $1
  ORDER BY ordinal_position`;

const EXISTS = `
  SELECT EXISTS (
    SELECT FROM information_schema.tables WHERE table_schema = 'public' AND table_name = $1
  )`;

/**
 * What the app's class has besides the guide's: members of DatabaseManager, which has them as its own. They call each
 * other by `this`, so that those of a subclass, or of the program, are called.
 */
class AppVocabulary {
  // State.

  /** @this {Manager} */
  get configs() {
    return this._app.configurations.object;
  }

  /** @this {Manager} */
  set configs(configs) {
    this._app.configurations.object = configs;
  }

  /** @this {Manager} */
  get pools() {
    return this._app.pools;
  }

  /** @this {Manager} */
  set pools(pools) {
    this._app.replace(this._app.pools, pools);
  }

  /** @this {Manager} */
  get supabaseClients() {
    return this._app.clients;
  }

  /** @this {Manager} */
  set supabaseClients(clients) {
    this._app.replace(this._app.clients, clients);
  }

  /**
   * @this {Manager}
   * @returns {string | null}
   */
  get currentAppName() {
    return this.currentConnection;
  }

  /** @this {Manager} */
  set currentAppName(name) {
    Object.assign(this, { currentConnection: name });
  }

  /**
   * @this {Manager}
   * @returns {SupabaseClient | null | undefined}
   */
  get currentSupabaseClient() {
    return this._app.currentClient;
  }

  /** @this {Manager} */
  set currentSupabaseClient(client) {
    this._app.currentClient = client;
  }

  // Databases.

  /**
   * Keeps all databases of the configurations, without connecting to any. Opens the manager again after its end.
   *
   * @this {Manager}
   * @param {Record<string, DatabaseConfig> | null} [configs] in the place of those it has
   */
  async initialize(configs = null) {
    this._app.adopt();
    this._app.isSpoken = true;
    if (configs) this.configs = configs;
    this._reopen();
    const given = this.configs;
    for (const name in given) {
      const config = given[name];
      const rules = this._app.configurations.rulesOf(config);
      const entry = this.connections.get(name);
      if (entry?.config !== config || !stays(entry, rules)) this._keep(name, config, rules);
    }
    this._app.none = null;
  }

  /**
   * @this {Manager}
   * @returns {Promise<Record<string, DatabaseConfig>>} the new configurations
   */
  async loadConfigurations() {
    this._app.isSpoken = true;
    this.configs = await loadConfigurations((url) => this.extractHostFromUrl(url));
    return this.configs;
  }

  /**
   * @param {string | null | undefined} url of a Supabase project
   * @returns {string | null} its database server
   */
  extractHostFromUrl(url) {
    return supabaseHost(url);
  }

  /**
   * Keeps a database under a name without connecting to it, in the place of another of that name.
   *
   * @this {Manager}
   * @param {string} name
   * @param {DatabaseConfig} config
   * @returns {Promise<void>}
   */
  async addDatabase(name, config) {
    this._checkEntry(name, config);
    this._app.adopt();
    // As in the app, where it waits for the next initialize().
    if (this._closed !== null && this._app.isSpoken) return this._app.configurations.remember(name, config);
    this._checkOpen();
    this._app.isSpoken = true;
    this._keep(name, config, APP_RULES);
  }

  /**
   * Makes another database the current one, and asks whether it is there. It stays the current one if it isn't.
   *
   * @this {Manager}
   * @param {string} name
   * @returns {Promise<true>}
   */
  async switchDatabase(name) {
    this._app.adopt();
    if (!this.initialized) throw new Error('DatabaseManager not initialized. Call initialize() first.');
    if (!this._app.isUsable(name)) {
      const told = isLikeConnectionString(name) ? '[hidden]' : name;
      throw new Error(`No database configuration found for: ${told}`);
    }
    const pool = this._makeCurrent(name);
    if (pool) {
      await probe(pool);
    }
    return true;
  }

  // Queries.

  /**
   * @this {Manager}
   * @param {string} sql
   * @param {unknown[]} [params]
   * @returns {Promise<unknown[]>} rows
   */
  async query(sql, params = []) {
    const result = await this._requireActivePool().query(sql, params);
    return /** @type {{ rows: unknown[] }} */ (result).rows;
  }

  /**
   * Runs a query on each of several databases, one after the other. The last one stays current.
   *
   * @this {Manager}
   * @param {Record<string, { sql: string, params?: unknown[] }>} plan by names of databases; `join` is no database
   * @returns {Promise<Record<string, unknown[]>>} rows by names
   */
  async crossDatabaseQuery(plan) {
    /** @type {[name: string, rows: unknown[]][]} */
    const results = [];
    for (const [name, { sql, params }] of Object.entries(plan)) {
      if (name === 'join') continue;
      await this.switchDatabase(name);
      // Somebody else may have switched while the database was asked.
      if (this.currentAppName !== name) this._makeCurrent(name);
      results.push([name, await this.query(sql, params || [])]);
    }
    return Object.fromEntries(results);
  }

  /**
   * Asks the API of the current project.
   *
   * @this {Manager}
   * @param {string} table
   * @param {import('./supabase-query').SupabaseQuery} [query]
   * @returns {Promise<unknown>} its data
   */
  async supabaseQuery(table, query = {}) {
    const client = this.currentSupabaseClient;
    if (!client) throw new Error('No active Supabase client. Call switchDatabase() first.');
    return await askSupabase(client, table, query);
  }

  // Schema.

  /**
   * @this {Manager}
   * @param {string} name `schema.table`, or a table
   * @param {Record<string, string>} columns definitions by names
   */
  async createTable(name, columns) {
    return await this.executeDDL(tableDefinition(name, columns));
  }

  /**
   * @this {Manager}
   * @param {string} name of a table of schema public
   * @returns {Promise<boolean>}
   */
  async tableExists(name) {
    const [row] = /** @type {{ exists: boolean }[]} */ (await this.query(EXISTS, [name]));
    return row?.exists || false;
  }

  /**
   * @this {Manager}
   * @param {string | null} [table] of schema public
   * @returns {Promise<unknown[]>} its columns; without it the tables
   */
  async getSchema(table = null) {
    return table ? await this.query(COLUMNS, [table]) : await this.query(TABLES, []);
  }

  // Migrations.

  /**
   * Runs the files in `migrations/` of the working directory.
   *
   * @this {Manager}
   * @param {'up' | 'down'} [direction]
   * @param {number} [count] at most
   */
  async runMigration(direction = 'up', count = Infinity) {
    const pool = /** @type {unknown} */ (this._requireActivePool());
    return await runMigrations(/** @type {import('./ddl').ForeignPool} */ (pool), direction, count);
  }

  /**
   * @this {Manager}
   * @returns {Promise<unknown[]>} what is applied, the newest first
   */
  async getMigrationStatus() {
    const pool = /** @type {import('./migration-table').Querying} */ (this._requireActivePool());
    return await appliedMigrations(pool);
  }

  async isMigrationAvailable() {
    return true;
  }

  // The pool.

  /**
   * @this {Manager}
   * @returns {{ totalCount: number, idleCount: number, waitingCount: number } | null}
   */
  getPoolStatus() {
    const pool = this.currentPool;
    if (!pool) return null;
    const { totalCount, idleCount, waitingCount } = pool;
    return { totalCount, idleCount, waitingCount };
  }

  /** @this {Manager} */
  _requireActivePool() {
    const pool = this.currentPool;
    if (!pool) throw new Error(NO_DATABASE);
    return pool;
  }
}

/**
 * Whether `initialize` leaves a database with the same configuration as it is: one that came by `addConnection` or from
 * a file, or whose pool is the program's own.
 *
 * @param {Entry} entry
 * @param {import('./pool-rules').PoolRules} rules
 */
function stays(entry, rules) {
  if (rules !== APP_RULES || !(entry instanceof LazyEntry)) return true;
  return LazyEntry.hasPool(entry) && !rules.hasPool(entry.config);
}

/**
 * Fails when a database doesn't answer.
 *
 * @param {{ connect: () => unknown }} pool
 */
async function probe(pool) {
  const client = /** @type {import('./ddl').PooledClient} */ (await pool.connect());
  try {
    await client.query('SELECT NOW()');
  } finally {
    client.release();
  }
}

module.exports = { AppVocabulary, NO_DATABASE };
