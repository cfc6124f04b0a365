// The DatabaseManager of the guide, as an application has it today, on a node-postgres Pool: what the
// executeDDL and addConnection workloads measure for the peers. Three round trips a DDL, one pool a name.

/** @param {{ Pool: new (config: object) => any }} pg @param {object} [poolOptions] */
export function guideClass({ Pool }, poolOptions = {}) {
  return class DatabaseManager {
    constructor() {
      this.connections = new Map();
      this.currentConnection = null;
    }

    async addConnection(name, config) {
      const pool = new Pool({
        host: config.dbHost,
        port: config.dbPort,
        user: config.dbUser,
        password: config.dbPassword,
        database: config.dbName,
        ssl: config.ssl ?? { rejectUnauthorized: false },
        max: 5,
        idleTimeoutMillis: 30000,
        connectionTimeoutMillis: 10000,
        ...poolOptions,
      });
      const client = await pool.connect();
      const { rows } = await client.query('SELECT version()');
      client.release();
      this.connections.set(name, { name, config, pool });
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

    async close() {
      await Promise.all([...this.connections.values()].map(({ pool }) => pool.end()));
    }
  };
}

/**
 * The same class for a client whose own way is a pool that is a function, with `reserve`d connections.
 *
 * @param {(config: object) => any} connect gives a pool for the class's config
 * @param {(pool: any) => Promise<void>} end
 */
export function guideClassOnReserve(connect, end) {
  return class DatabaseManager {
    constructor() {
      this.connections = new Map();
      this.currentConnection = null;
    }

    async addConnection(name, config) {
      const pool = connect(config);
      const [row] = await pool.unsafe('SELECT version()');
      this.connections.set(name, { name, config, pool });
      if (!this.currentConnection) {
        this.currentConnection = name;
        this.currentPool = pool;
      }
      return { success: true, version: row.version };
    }

    async executeDDL(sql, useTransaction = true) {
      const client = await this.currentPool.reserve();
      try {
        if (useTransaction) await client.unsafe('BEGIN');
        const result = await client.unsafe(sql);
        if (useTransaction) await client.unsafe('COMMIT');
        return result;
      } catch (error) {
        if (useTransaction) await client.unsafe('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    }

    async close() {
      await Promise.all([...this.connections.values()].map(({ pool }) => end(pool)));
    }
  };
}
