import pg, { Client, type ClientConfig, type PoolConfig } from 'pg';
import * as everything from 'pg';

const { Pool, types, DatabaseError } = pg;
const settings: ClientConfig = { host: 'localhost', port: 5432, keepAlive: true, application_name: 'tool' };
const pool = new Pool({ ...settings, max: 1 } satisfies PoolConfig);
const other: pg.Pool = pool;
const client = new Client(settings);

await client.connect();
const { rows } = await client.query<{ now: Date }>('SELECT now()');
rows[0]?.now.toISOString();
try {
  await other.query('SELEKT');
} catch (error) {
  if (error instanceof DatabaseError) console.log(error.position, error.hint, error.routine);
}
const identifier: string = everything.escapeIdentifier('x');
const parse: (text: string) => unknown = types.getTypeParser(1114, 'text');
parse(identifier);
await client.end();
await pool.end();
