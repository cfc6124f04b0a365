// The app's vocabulary, as an application with types uses it.
import { DatabaseManager, type Pool, type QueryResult } from 'pgfleet';

const configs = {
  main: { dbHost: 'db.example', dbUser: 'postgres', dbPassword: 'secret', purpose: 'orders' },
  api: { projectUrl: 'https://abc123.supabase.co', anonKey: 'anon' },
};

class Watched extends DatabaseManager {
  override async query<Row extends Record<string, unknown>>(sql: string, params?: unknown[]): Promise<Row[]> {
    return await super.query<Row>(sql, params);
  }
}

export async function orders(): Promise<number> {
  const manager = new Watched(configs);
  await manager.initialize();
  await manager.addDatabase('late', { ...configs.main, tags: ['eu'], groups: ['paid'] });
  const switched: true = await manager.switchDatabase('main');
  const result: QueryResult | QueryResult[] = await manager.createTable('orders', {
    id: 'serial PRIMARY KEY',
  });
  const rows: { id: number }[] = await manager.query<{ id: number }>('SELECT id FROM orders', []);
  const [column] = await manager.getSchema('orders');
  const [table] = await manager.getSchema();
  const names: string[] = [column?.column_name ?? '', table?.table_name ?? ''];
  const [done] = await manager.runMigration('up', 1);
  const [applied] = await manager.getMigrationStatus();
  const when: (Date | number | undefined)[] = [applied?.run_on, done?.timestamp];
  const data: { id: number }[] = await manager.supabaseQuery('orders', {
    select: 'id',
    filter: { id: 1 },
    limit: 1,
  });
  const both = await manager.crossDatabaseQuery({
    main: { sql: 'SELECT $1', params: [1] },
    join: { on: 'id' },
  });
  const pool: Pool | undefined = manager.pools['main'];
  const { totalCount } = manager.getPoolStatus() ?? { totalCount: 0 };
  const host: string | null = manager.extractHostFromUrl(configs.api.projectUrl);
  const current: string | null = manager.currentAppName;
  manager.currentSupabaseClient = null;
  await manager.shutdown();
  return [switched, result, rows, names, when, data, both, pool, totalCount, host, current].length;
}
