// In vitest: by its own names, in the place of pg, under fake timers, and with modules that are reset.

import { createRequire } from 'node:module';
import pg from 'pg';
import { Client, Pool } from 'pgfleet';
import { afterEach, expect, test, vi } from 'vitest';

const config = { connectionString: process.env.DATABASE_URL, ssl: { rejectUnauthorized: false } };

afterEach(() => {
  vi.useRealTimers();
});

test('a pool runs queries and ends', async () => {
  const pool = new Pool(config);
  expect((await pool.query('SELECT $1::int AS n', [1])).rows).toEqual([{ n: 1 }]);
  await pool.end();
});

test('pg is this package, for a library too', async () => {
  expect(pg.Client).toBe(Client);
  const knex = createRequire(import.meta.url)('knex')({ client: 'pg', connection: config });
  const connection = await knex.client.acquireConnection();
  expect(connection).toBeInstanceOf(Client);
  await knex.client.releaseConnection(connection);
  await knex.destroy();
});

test('everything settles under fake timers', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'] });
  const pool = new Pool(config);
  await pool.query('SELECT 1');
  (await pool.connect()).release();
  await pool.end();
  const client = new Client(config);
  await client.connect();
  await expect(client.query('SELECT nothing')).rejects.toThrow('nothing');
  await client.end();
});

test('modules that are reset work anew', async () => {
  for (let round = 0; round < 20; round++) {
    vi.resetModules();
    const fresh = await import('pgfleet');
    const pool = new fresh.Pool(config);
    await pool.query('SELECT 1');
    await pool.end();
  }
});
