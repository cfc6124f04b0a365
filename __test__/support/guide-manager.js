'use strict';

const { Pool } = require('pg');

/**
 * The manager of the guide on npm's `pg`, as programs have it today: what it does is what this package's
 * DatabaseManager has to do. Only what the guide spells out is here.
 */
class GuideManager {
  constructor() {
    this.connections = new Map();
    this.currentConnection = null;
  }

  async addConnection(name, config) {
    const pool = new Pool({
      host: config.dbHost || 'aws-1-us-east-1.pooler.supabase.com',
      port: config.dbPort || 5432,
      user: config.dbUser,
      password: config.dbPassword,
      database: config.dbName || 'postgres',
      ssl: { rejectUnauthorized: false },
      max: 5,
      idleTimeoutMillis: 30000,
      connectionTimeoutMillis: 10000,
    });
    const client = await pool.connect();
    const { rows } = await client.query('SELECT version()');
    client.release();
    const { supabaseUrl, supabaseKey } = config;
    this.connections.set(name, { name, config, pool, supabaseUrl, supabaseKey });
    if (!this.currentConnection) {
      this.currentConnection = name;
      this.currentPool = pool;
    }
    return { success: true, version: rows[0].version };
  }

  async executeDDL(sql, useTransaction = true) {
    const client = await this.currentPool.connect();
    try {
      if (useTransaction) await client.query('BEGIN');
      const result = await client.query(sql);
      if (useTransaction) await client.query('COMMIT');
      return result;
    } catch (error) {
      if (useTransaction) await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }
}

module.exports = GuideManager;
