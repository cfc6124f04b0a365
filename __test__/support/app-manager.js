'use strict';

const fs = require('node:fs/promises');
const { createRequire } = require('node:module');
const path = require('node:path');
const { Pool } = require('pg');
const GuideManager = require('./guide-manager');

/**
 * The app's own manager on npm's `pg`, as far as its callers see it: what it does is what this package's
 * DatabaseManager has to do. It prints nothing.
 */
class AppManager {
  constructor(configs) {
    this.configs = configs ?? {};
    this.pools = {};
    this.supabaseClients = {};
    this.currentAppName = null;
    this.currentPool = null;
    this.currentSupabaseClient = null;
    this.initialized = false;
  }

  async initialize(configs) {
    if (configs) this.configs = configs;
    for (const name of Object.keys(this.configs)) this._open(name, this.configs[name]);
    this.initialized = true;
  }

  async addDatabase(name, config) {
    this.configs[name] = config;
    this._open(name, config);
  }

  _open(name, config) {
    const { dbHost, dbPort = 5432, dbUser = 'postgres', dbPassword, dbName = 'postgres' } = config;
    const { projectUrl, anonKey } = config;
    if (projectUrl && anonKey) {
      const { createClient } = createRequire(path.join(process.cwd(), 'app.js'))('@supabase/supabase-js');
      this.supabaseClients[name] = createClient(projectUrl, anonKey);
    }
    if (!dbHost || !dbPassword) return;
    const pool = new Pool({
      host: dbHost,
      port: dbPort,
      user: dbUser,
      password: dbPassword,
      database: dbName,
      ssl: { rejectUnauthorized: false },
      max: 10,
      idleTimeoutMillis: 30000,
      connectionTimeoutMillis: 5000,
    });
    pool.on('error', () => {});
    this.pools[name] = pool;
  }

  async loadConfigurations() {
    const { env } = process;
    const projectUrl = env.SUPABASE_URL || env.NEXT_PUBLIC_SUPABASE_URL;
    const configs = {
      ehg_engineer: {
        projectUrl,
        anonKey: env.SUPABASE_ANON_KEY || env.NEXT_PUBLIC_SUPABASE_ANON_KEY,
        serviceRoleKey: env.SUPABASE_SERVICE_ROLE_KEY,
        dbHost: this.extractHostFromUrl(projectUrl),
        dbPort: 5432,
        dbUser: 'postgres',
        dbPassword: env.SUPABASE_DB_PASSWORD,
        dbName: 'postgres',
      },
    };
    const file = path.join(process.cwd(), 'config', 'databases.json');
    const text = await fs.readFile(file, 'utf8').catch(() => '{}');
    try {
      Object.assign(configs, JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    this.configs = configs;
    return configs;
  }

  extractHostFromUrl(url) {
    const ref = /https:\/\/([^.]+)\.supabase\.co/.exec(url ?? '')?.[1];
    return ref ? `db.${ref}.supabase.co` : null;
  }

  async switchDatabase(name) {
    if (!this.initialized) throw new Error('DatabaseManager not initialized. Call initialize() first.');
    if (!this.pools[name] && !this.supabaseClients[name]) {
      throw new Error(`No database configuration found for: ${name}`);
    }
    this.currentAppName = name;
    this.currentPool = this.pools[name] ?? null;
    this.currentSupabaseClient = this.supabaseClients[name] ?? null;
    if (this.currentPool) {
      const client = await this.currentPool.connect();
      try {
        await client.query('SELECT NOW()');
      } finally {
        client.release();
      }
    }
    return true;
  }

  _active() {
    if (!this.currentPool) throw new Error('No active database. Call switchDatabase() first.');
    return this.currentPool;
  }

  async executeDDL(sql, useTransaction) {
    this._active();
    return await GuideManager.prototype.executeDDL.call(this, sql, useTransaction);
  }

  createTable(name, columns) {
    const list = Object.entries(columns).map(([column, definition]) => `${column} ${definition}`);
    return this.executeDDL(`CREATE TABLE IF NOT EXISTS ${name} (${list.join(', ')})`);
  }

  async query(sql, params = []) {
    return (await this._active().query(sql, params)).rows;
  }

  async tableExists(name) {
    const sql =
      "SELECT EXISTS (SELECT FROM information_schema.tables WHERE table_schema = 'public' AND table_name = $1)";
    return (await this.query(sql, [name]))[0]?.exists || false;
  }

  getSchema(table = null) {
    if (table) {
      const sql =
        'SELECT column_name, data_type, is_nullable FROM information_schema.columns ' +
        "WHERE table_name = $1 AND table_schema = 'public'";
      return this.query(sql, [table]);
    }
    const sql =
      "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    return this.query(sql, []);
  }

  async runMigration(direction = 'up', count = Infinity) {
    const client = await this._active().connect();
    const { runner } = await import('node-pg-migrate');
    const silent = () => {};
    try {
      return await runner({
        dbClient: client,
        direction,
        count,
        dir: path.join(process.cwd(), 'migrations'),
        migrationsTable: 'pgmigrations',
        singleTransaction: true,
        checkOrder: true,
        logger: { debug: silent, info: silent, warn: silent, error: silent },
      });
    } finally {
      client.release();
    }
  }

  async getMigrationStatus() {
    const pool = this._active();
    if (!(await this.tableExists('pgmigrations'))) return [];
    return (await pool.query('SELECT id, name, run_on FROM pgmigrations ORDER BY run_on DESC, id DESC')).rows;
  }

  async isMigrationAvailable() {
    return true;
  }

  getPoolStatus() {
    const pool = this.currentPool;
    if (!pool) return null;
    return {
      totalCount: pool.totalCount,
      idleCount: pool.idleCount,
      waitingCount: pool.waitingCount,
    };
  }

  async supabaseQuery(table, { select, filter = {}, order, limit } = {}) {
    if (!this.currentSupabaseClient) {
      throw new Error('No active Supabase client. Call switchDatabase() first.');
    }
    let request = this.currentSupabaseClient.from(table);
    if (select) request = request.select(select);
    for (const [column, value] of Object.entries(filter)) request = request.eq(column, value);
    if (order) request = request.order(order);
    if (limit) request = request.limit(limit);
    const { data, error } = await request;
    if (error) throw new Error(`Supabase query error: ${error.message}`);
    return data;
  }

  async crossDatabaseQuery(plan) {
    const results = {};
    for (const [name, { sql, params }] of Object.entries(plan)) {
      if (name === 'join') continue;
      await this.switchDatabase(name);
      results[name] = await this.query(sql, params || []);
    }
    return results;
  }

  async shutdown() {
    for (const pool of Object.values(this.pools)) if (!pool.ended) await pool.end();
    this.initialized = false;
  }
}

module.exports = AppManager;
