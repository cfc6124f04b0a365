import DatabaseManager = require('pgfleet');
import pg = require('pgfleet/pg');

async function main(): Promise<string> {
  const manager: DatabaseManager = new DatabaseManager();
  const config: DatabaseManager.DatabaseConfig = {
    dbPassword: 'secret',
    connectionString: 'postgres://localhost/app',
  };
  const { version } = await manager.addConnection('main', config);
  const client: pg.PoolClient = await manager.currentPool!.connect();
  client.release();
  const pool: DatabaseManager.Pool = new DatabaseManager.Pool();
  const row: DatabaseManager.QueryResult<{ one: number }> = await pool.query('SELECT 1 AS one');
  await new DatabaseManager.default().shutdown();
  return version + row.rows[0]!.one.toFixed() + DatabaseManager.escapeLiteral('x');
}
main().catch(console.error);
