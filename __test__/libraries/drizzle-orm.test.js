'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { eq, gt, relations, sql } = require('drizzle-orm');
const { drizzle } = require('drizzle-orm/node-postgres');
const {
  bigint,
  boolean,
  date,
  integer,
  jsonb,
  numeric,
  pgTable,
  serial,
  text,
  timestamp,
} = require('drizzle-orm/pg-core');
const { newDatabase, onBothDrivers } = require('../support/library');

const users = pgTable('users', {
  id: serial('id').primaryKey(),
  name: text('name').notNull().unique(),
  active: boolean('active').default(true),
  balance: numeric('balance'),
  score: bigint('score', { mode: 'bigint' }),
  born: date('born'),
  seen: timestamp('seen', { withTimezone: true, mode: 'string' }),
  created: timestamp('created', { withTimezone: true }),
  tags: text('tags').array(),
  data: jsonb('data'),
});
const posts = pgTable('posts', {
  id: serial('id').primaryKey(),
  userId: integer('user_id').references(() => users.id),
  title: text('title'),
});
const usersRelations = relations(users, ({ many }) => ({ posts: many(posts) }));
const postsRelations = relations(posts, ({ one }) => ({
  user: one(users, { fields: [posts.userId], references: [users.id] }),
}));

const SCHEMA = `
  CREATE TABLE users (id serial PRIMARY KEY, name text NOT NULL UNIQUE, active bool DEFAULT true, balance numeric,
    score bigint, born date, seen timestamptz, created timestamptz, tags text[], data jsonb);
  CREATE TABLE posts (id serial PRIMARY KEY, user_id int REFERENCES users, title text)`;

const ADA = {
  name: 'Ada',
  balance: '12.3400',
  score: 9007199254740993n,
  born: '1815-12-10',
  seen: '2024-01-02 03:04:05.678+00',
  created: new Date('2024-01-02T03:04:05.678Z'),
  tags: ['x', 'y "z"'],
  data: { a: [1, null] },
};

onBothDrivers(({ driver }) => {
  let pool;
  let db;

  before(async () => {
    const { config } = await newDatabase();
    pool = new driver.Pool({ ...config, max: 4, options: '-c TimeZone=UTC' });
    await pool.query(SCHEMA);
    db = drizzle(pool, { schema: { users, posts, usersRelations, postsRelations } });
  });

  after(() => pool.end());

  test('drizzle writes and reads every kind of column through its own mappings', async () => {
    const [inserted] = await db.insert(users).values(ADA).returning();
    assert.deepEqual(inserted, { id: 1, active: true, ...ADA });
    const [selected] = await db.select().from(users).where(eq(users.name, 'Ada'));
    assert.deepEqual(selected, inserted);
  });

  test('drizzle reads relations in one query', async () => {
    await db.insert(posts).values([
      { userId: 1, title: 'first' },
      { userId: 1, title: 'second' },
    ]);
    const found = await db.query.users.findFirst({
      columns: { name: true },
      with: { posts: { columns: { title: true }, orderBy: (post, { asc }) => asc(post.id) } },
    });
    assert.deepEqual(found, { name: 'Ada', posts: [{ title: 'first' }, { title: 'second' }] });
  });

  test('drizzle joins and counts', async () => {
    const rows = await db
      .select({ name: users.name, n: sql`count(${posts.id})`.mapWith(Number) })
      .from(users)
      .leftJoin(posts, eq(posts.userId, users.id))
      .groupBy(users.name);
    assert.deepEqual(rows, [{ name: 'Ada', n: 2 }]);
  });

  test('drizzle executes a prepared statement again and again', async () => {
    const later = db
      .select({ id: posts.id })
      .from(posts)
      .where(gt(posts.id, sql.placeholder('after')))
      .prepare('posts_after');
    assert.deepEqual(await later.execute({ after: 0 }), [{ id: 1 }, { id: 2 }]);
    assert.deepEqual(await later.execute({ after: 1 }), [{ id: 2 }]);
    assert.deepEqual(await later.execute({ after: 2 }), []);
  });

  test('drizzle rolls transactions back, nested ones by themselves', async () => {
    await db.transaction(async (outer) => {
      await outer.insert(users).values({ name: 'outer' });
      await assert.rejects(
        outer.transaction(async (inner) => {
          await inner.insert(users).values({ name: 'inner' });
          inner.rollback();
        }),
      );
    });
    const names = (await db.select({ name: users.name }).from(users).orderBy(users.id)).map(
      ({ name }) => name,
    );
    assert.deepEqual(names, ['Ada', 'outer']);
  });

  test("drizzle's errors have the server's error as their cause", async () => {
    await assert.rejects(db.insert(users).values({ name: 'Ada' }), (error) => {
      assert.equal(error.cause.code, '23505');
      assert.equal(error.cause.constraint, 'users_name_key');
      assert.equal(error.cause instanceof driver.DatabaseError, true);
      return true;
    });
  });
});
