import DefaultManager, { DatabaseManager, Pool, types } from 'pgfleet';
import type { AddConnectionResult, DatabaseConfig, DatabaseConnection, QueryResult } from 'pgfleet';
import type { DdlError, DdlOptions, SupabaseAdvice } from 'pgfleet';
import pg, { Client, DatabaseError } from 'pgfleet/pg';
import { DatabaseManager as NamedManager } from 'pgfleet/services/DatabaseManager';

class Fleet extends DatabaseManager {
  async addAll(databases: Record<string, DatabaseConfig>): Promise<void> {
    for (const [name, config] of Object.entries(databases)) await this.addConnection(name, config);
  }
}

const manager: DefaultManager = new Fleet();
const added: AddConnectionResult = await manager.addConnection('main', {
  supabaseUrl: 'https://abc123.supabase.co',
  supabaseKey: 'key',
  dbHost: 'localhost',
  dbPort: 5432,
  dbUser: 'postgres.abc123',
  dbPassword: 'secret',
  dbName: 'postgres',
  max: 3,
});
const version: string = added.version;
const switched: true = await manager.switchConnection('main');
const outcome: QueryResult | QueryResult[] = await manager.executeDDL('CREATE TABLE t (id int)', false);
const entry: DatabaseConnection | undefined = manager.connections.get('main');
const pool: Pool | undefined = manager.currentPool;
const theSame: pg.Pool | undefined = entry?.pool ?? pool;
await theSame?.query<{ id: number }>('SELECT id FROM t');
types.setTypeParser(20, Number);
await manager.removeConnection('main');
await manager.close();
await new DefaultManager.Client().end();
void [version, switched, outcome, Client];

const limits: DdlOptions = { lockTimeout: 2000 };
const reaction: SupabaseAdvice['reaction'] | undefined = await new NamedManager()
  .executeDDL('DROP TABLE t', limits)
  .then(
    () => undefined,
    (error: DdlError) => error.supabase?.reaction,
  );
export function adviceOf(error: unknown): string | undefined {
  return error instanceof DatabaseError || error instanceof DatabaseManager.DatabaseError
    ? error.supabase?.hint
    : reaction;
}

const ofVariables: Fleet = await Fleet.fromEnv({ env: { DATABASE_URL: 'postgres://h/d' }, envFile: false });
const configured = await DatabaseManager.fromConfig({
  databases: {
    app: {
      ref: 'abcdefghijklmnopqrst',
      password: { command: ['op', 'read', 'x'] },
      ssl: { ca: { file: 'ca.crt' } },
      tags: ['eu'],
      cluster: 1,
    },
    other: { url: { env: 'OTHER_URL' }, dbPassword: async () => 'secret', policy: 'all' },
  },
  groups: { all: ['app*'] },
  defaults: { max: 2 },
  migrations: { dir: 'migrations' },
  discover: { database: 'app', sql: 'SELECT', map: { name: 'name', config: { ref: 'ref', max: 'limit' } } },
});
const { added: found }: { added: string[] } = await configured.discover<{ name: string }>({
  database: 'app',
  sql: 'SELECT name FROM tenants',
  map: ({ name }) => (name === '' ? null : { name, config: { dbHost: name } }),
});
void [ofVariables, found];

{
  await using short = new DatabaseManager();
  short.currentConnection?.toUpperCase();
}

// @ts-expect-error a name is needed
await manager.addConnection();
// @ts-expect-error no such key
await DatabaseManager.fromConfig({ database: {} });
// @ts-expect-error no such policy yet
await DatabaseManager.fromConfig({ databases: { app: { policy: 'read-only' } } });
// @ts-expect-error a script is text
await manager.executeDDL(['SELECT 1']);
