import { DatabaseError, Pool, types } from 'pg';
import type { FieldDef, PoolClient, PoolConfig, QueryArrayResult, QueryResult, QueryResultRow } from 'pg';

interface User {
  id: string;
  email: string;
  created_at: Date;
}

types.setTypeParser(types.builtins.INT8, (text) => BigInt(text));
types.setTypeParser(types.builtins.NUMERIC, 'text', parseFloat);

const config: PoolConfig = {
  connectionString: process.env.DATABASE_URL,
  ssl: process.env.CA ? { ca: process.env.CA, rejectUnauthorized: true } : false,
  max: 20,
  idleTimeoutMillis: 30_000,
  connectionTimeoutMillis: 2_000,
  allowExitOnIdle: true,
  statement_timeout: 5_000,
};
const pool = new Pool(config);

pool.on('error', (error: Error, client: PoolClient) => {
  console.error(error.message, client.listenerCount('error'));
});
pool.on('connect', (client) => {
  client.query('SET search_path TO app').catch(console.error);
});
pool.on('remove', (client) => void client.getTransactionStatus());

async function transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const value = await work(client);
    await client.query('COMMIT');
    return value;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

export async function createUser(email: string): Promise<User | undefined> {
  try {
    return await transaction(async (client) => {
      const { rows } = await client.query<User>('INSERT INTO users (email) VALUES ($1) RETURNING *', [email]);
      return rows[0];
    });
  } catch (error) {
    if (error instanceof DatabaseError && error.code === '23505' && error.constraint === 'users_email_key') {
      return undefined;
    }
    throw error;
  }
}

export async function typed(): Promise<void> {
  const result: QueryResult<User> = await pool.query<User>({
    name: 'user-by-id',
    text: 'SELECT * FROM users WHERE id = $1',
    values: ['1'],
  });
  const first: User | undefined = result.rows[0];
  const count: number = result.rowCount ?? 0;
  const fields: FieldDef[] = result.fields;
  const arrays: QueryArrayResult<[string, number]> = await pool.query<[string, number]>({
    text: 'SELECT email, 1 FROM users',
    rowMode: 'array',
  });
  const [email, one]: [string, number] = arrays.rows[0]!;
  const tuple = await pool.query<User, [string, number]>('SELECT $1::text, $2::int', ['a', 1]);
  const anything: string = (await pool.query('SELECT 1')).rows[0].whatever;
  void [first, count, fields, email.length, one.toFixed(), tuple.rows, anything];

  // @ts-expect-error the row type is kept
  result.rows[0].nonsense;
  // @ts-expect-error values are an array
  pool.query('SELECT $1', 1);
  // @ts-expect-error a name alone has no text
  const nameless: import('pg').QueryConfig = { name: 'only' };
  void nameless;
}

export function rowsOf<R extends QueryResultRow>(text: string, ...values: unknown[]): Promise<R[]> {
  return pool.query<R>(text, values).then(({ rows }) => rows);
}

export function stats(): number[] {
  const { totalCount, idleCount, waitingCount, expiredCount, options, ending, ended } = pool;
  return ending || ended ? [] : [totalCount, idleCount, waitingCount, expiredCount, options.max];
}

export class AuditedPool extends Pool {
  constructor(private readonly log: (text: string) => void) {
    super(config);
  }
  async audited(text: string): Promise<QueryResult> {
    this.log(text);
    return this.query(text);
  }
}

export const stop = (): Promise<void> => pool.end();
