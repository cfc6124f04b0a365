import { type Generated, Kysely, PostgresDialect, sql } from 'kysely';
import { Pool } from 'pg';

interface Database {
  person: { id: Generated<number>; name: string; age: number | null };
}

const db = new Kysely<Database>({
  dialect: new PostgresDialect({ pool: async () => new Pool({ max: 10 }) }),
});

export async function adults(): Promise<string[]> {
  await sql`SELECT 1`.execute(db);
  const people = await db.selectFrom('person').select(['id', 'name']).where('age', '>=', 18).execute();
  return people.map(({ name }) => name);
}
