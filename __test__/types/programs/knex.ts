import { knex } from 'knex';
import { type PoolClient, type QueryResult } from 'pg';

const db = knex({
  client: 'pg',
  connection: { host: 'localhost', user: 'app' },
  pool: {
    afterCreate(connection: PoolClient, done: (error: Error | null, connection: PoolClient) => void) {
      connection.query('SET timezone = UTC', (error) => done(error, connection));
    },
  },
});

export async function names(): Promise<string[]> {
  const raw: QueryResult<{ name: string }> = await db.raw('SELECT name FROM person');
  return raw.rows.map(({ name }) => name);
}
