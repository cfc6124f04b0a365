'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const knex = require('knex');
const PostgresDialect = require('knex/lib/dialects/postgres');
const { newDatabase, onBothDrivers } = require('../support/library');

onBothDrivers(({ driver }) => {
  class Dialect extends PostgresDialect {
    _driver() {
      return driver;
    }
  }

  let db;

  before(async () => {
    const { config } = await newDatabase();
    db = knex({ client: Dialect, connection: config, pool: { min: 0, max: 4 } });
    await db.schema.createTable('authors', (table) => {
      table.increments('id');
      table.text('name').notNullable().unique();
      table.jsonb('details');
      table.timestamp('born', { useTz: true });
    });
    await db.schema.createTable('books', (table) => {
      table.increments('id');
      table.integer('author_id').references('authors.id').onDelete('cascade');
      table.string('title', 40);
      table.decimal('price', 8, 2);
      table.specificType('tags', 'text[]');
    });
  });

  after(() => db.destroy());

  test('knex inserts rows and gives back what was asked for', async () => {
    const rows = await db('authors')
      .insert([
        { name: 'Ada', details: { langs: ['notes'] }, born: new Date('1815-12-10T00:00:00Z') },
        { name: 'Grace', details: null, born: null },
      ])
      .returning(['id', 'name', 'details', 'born']);
    assert.deepEqual(rows, [
      { id: 1, name: 'Ada', details: { langs: ['notes'] }, born: new Date('1815-12-10T00:00:00Z') },
      { id: 2, name: 'Grace', details: null, born: null },
    ]);
    const ids = await db('books').insert(
      [
        { author_id: 1, title: 'One', price: '12.50', tags: ['a', 'b,"c'] },
        { author_id: 1, title: 'Two', price: 7, tags: [] },
        { author_id: 2, title: 'Three', price: null, tags: null },
      ],
      'id',
    );
    assert.deepEqual(ids, [{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  test('knex joins, groups and filters', async () => {
    const rows = await db('books')
      .join('authors', 'authors.id', 'books.author_id')
      .select('authors.name')
      .count('books.id as n')
      .sum({ total: 'price' })
      .groupBy('authors.name')
      .orderBy('authors.name');
    assert.deepEqual(rows, [
      { name: 'Ada', n: '2', total: '19.50' },
      { name: 'Grace', n: '1', total: null },
    ]);
    assert.deepEqual(await db('books').whereIn('id', [1, 3]).pluck('title').orderBy('id'), ['One', 'Three']);
    assert.deepEqual((await db('books').first('tags').where({ id: 1 })).tags, ['a', 'b,"c']);
  });

  test('knex rolls a transaction back to a savepoint and altogether', async () => {
    await db.transaction(async (outer) => {
      await outer('books').where({ id: 2 }).update({ title: 'Kept' });
      await assert.rejects(
        outer.transaction(async (inner) => {
          await inner('books').where({ id: 2 }).update({ title: 'Lost' });
          throw new Error('undo the inner one');
        }),
        { message: 'undo the inner one' },
      );
    });
    await assert.rejects(
      db.transaction(async (trx) => {
        await trx('books').del();
        await trx('authors').insert({ name: 'Ada' });
      }),
      { code: '23505', constraint: 'authors_name_unique' },
    );
    assert.deepEqual(await db('books').pluck('title').orderBy('id'), ['One', 'Kept', 'Three']);
  });

  test('knex streams the rows of a large result', async () => {
    let sum = 0;
    const stream = db.select('n').fromRaw('generate_series(1, 5000) AS n').stream();
    for await (const { n } of stream) sum += n;
    assert.equal(sum, (5000 * 5001) / 2);
  });

  test('knex answers many queries at a time on a small pool', async () => {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => db.raw('SELECT ?::int AS n, pg_sleep(0.001)', [n])),
    );
    assert.deepEqual(
      answers.map(({ rows }) => rows[0].n),
      Array.from({ length: 40 }, (_, n) => n),
    );
  });

  test('knex migrates up and down', async () => {
    const migrationSource = {
      getMigrations: async () => ['1_colours'],
      getMigrationName: (name) => name,
      getMigration: async () => ({
        up: (trx) => trx.schema.createTable('colours', (table) => table.text('name')),
        down: (trx) => trx.schema.dropTable('colours'),
      }),
    };
    assert.deepEqual(await db.migrate.latest({ migrationSource }), [1, ['1_colours']]);
    assert.equal(await db.schema.hasTable('colours'), true);
    await db.migrate.rollback({ migrationSource });
    assert.equal(await db.schema.hasTable('colours'), false);
  });

  test("knex passes the server's errors on", async () => {
    await assert.rejects(db('missing').select(), { code: '42P01', name: 'error' });
  });
});
