import { run } from 'graphile-worker';
import { runner } from 'node-pg-migrate';
import { Client, Pool } from 'pg';
import * as pg from 'pg';
import { DataSource } from 'typeorm';

export async function start(pool: Pool, client: Client): Promise<void> {
  const worker = await run({ pgPool: pool, taskList: { greet: async (payload) => console.log(payload) } });
  await runner({ dbClient: client, dir: 'migrations', direction: 'up', migrationsTable: 'migrations' });
  const source = new DataSource({ type: 'postgres', driver: pg, url: 'postgres://localhost/app' });
  await source.initialize();
  await worker.stop();
}
