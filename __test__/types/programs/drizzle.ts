import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable, text } from 'drizzle-orm/pg-core';
import { Client, Pool } from 'pg';

const notes = pgTable('notes', { id: integer('id').primaryKey(), body: text('body').notNull() });

export async function bodies(): Promise<string[]> {
  const pool = new Pool();
  const rows = await drizzle(pool).select().from(notes);
  await drizzle(new Client()).insert(notes).values({ id: 1, body: 'first' });
  await drizzle(await pool.connect()).delete(notes);
  return rows.map(({ body }) => body);
}
