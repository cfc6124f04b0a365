'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
require('reflect-metadata');
const { DataSource, EntitySchema } = require('typeorm');
const { newDatabase, onBothDrivers } = require('../support/library');

const Author = new EntitySchema({
  name: 'Author',
  columns: {
    id: { type: 'int', primary: true, generated: true },
    name: { type: 'varchar', length: 40, unique: true },
    details: { type: 'jsonb', nullable: true },
    tags: { type: 'text', array: true, default: '{}' },
    born: { type: 'timestamptz', nullable: true },
    fee: { type: 'numeric', precision: 8, scale: 2, nullable: true },
    mood: { type: 'enum', enum: ['good', 'bad'], default: 'good' },
  },
  relations: { books: { type: 'one-to-many', target: 'Book', inverseSide: 'author', cascade: true } },
});
const Book = new EntitySchema({
  name: 'Book',
  columns: { id: { type: 'uuid', primary: true, generated: 'uuid' }, title: { type: 'text' } },
  relations: {
    author: { type: 'many-to-one', target: 'Author', inverseSide: 'books', onDelete: 'CASCADE' },
    shelves: { type: 'many-to-many', target: 'Shelf', joinTable: true, cascade: true },
  },
});
const Shelf = new EntitySchema({
  name: 'Shelf',
  columns: {
    id: { type: 'int', primary: true, generated: true },
    place: { type: 'text', unique: true },
    changes: { type: 'int', version: true },
    removed: { type: 'timestamptz', deleteDate: true, nullable: true },
  },
});

class Colours1700000000000 {
  name = 'Colours1700000000000';

  up(runner) {
    return runner.query('CREATE TABLE colours (name text)');
  }

  down(runner) {
    return runner.query('DROP TABLE colours');
  }
}

onBothDrivers(({ driver }) => {
  let source;

  before(async () => {
    const { config } = await newDatabase();
    source = new DataSource({
      type: 'postgres',
      driver,
      host: config.host,
      port: config.port,
      username: config.user,
      password: config.password,
      database: config.database,
      entities: [Author, Book, Shelf],
      migrations: [Colours1700000000000],
      synchronize: true,
      poolSize: 3,
    });
    await source.initialize();
  });

  after(() => source.destroy());

  test('typeorm saves a graph of entities and reads it back', async () => {
    const authors = source.getRepository('Author');
    const saved = await authors.save({
      name: 'Ada',
      details: { a: [1, null] },
      tags: ['x', 'y z'],
      born: new Date('1815-12-10T00:00:00Z'),
      fee: '12.50',
      books: [{ title: 'One' }, { title: 'Two' }],
    });
    const found = await authors.findOne({
      where: { id: saved.id },
      relations: { books: true },
      order: { books: { title: 'ASC' } },
    });
    assert.deepEqual(found.details, { a: [1, null] });
    assert.deepEqual(found.tags, ['x', 'y z']);
    assert.deepEqual(found.born, new Date('1815-12-10T00:00:00Z'));
    assert.equal(found.fee, '12.50');
    assert.equal(found.mood, 'good');
    assert.deepEqual(
      found.books.map(({ title }) => title),
      ['One', 'Two'],
    );
  });

  test('typeorm builds queries with parameters', async () => {
    const rows = await source
      .createQueryBuilder('Book', 'book')
      .innerJoin('book.author', 'author')
      .select('author.name', 'name')
      .addSelect('COUNT(*)::int', 'n')
      .where('author.tags && :tags', { tags: ['x'] })
      .groupBy('author.name')
      .getRawMany();
    assert.deepEqual(rows, [{ name: 'Ada', n: 2 }]);
  });

  test('typeorm rolls back a transaction that fails', async () => {
    await assert.rejects(
      source.transaction(async (manager) => {
        await manager.getRepository('Author').delete({ name: 'Ada' });
        await manager.getRepository('Author').save([{ name: 'Twin' }, { name: 'Twin' }]);
      }),
      { name: 'QueryFailedError', code: '23505' },
    );
    assert.equal(await source.getRepository('Author').countBy({ name: 'Ada' }), 1);
  });

  test('typeorm streams entities', async () => {
    const stream = await source.createQueryBuilder('Book', 'book').orderBy('book.title').stream();
    const titles = [];
    for await (const row of stream) titles.push(row.book_title);
    assert.deepEqual(titles, ['One', 'Two']);
  });

  test('typeorm finds nothing to change in the schema that it has made', async () => {
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    assert.deepEqual(upQueries, []);
  });

  test('typeorm runs migrations and reverts them', async () => {
    const [migration] = await source.runMigrations();
    assert.equal(migration.name, 'Colours1700000000000');
    assert.deepEqual(await source.query('SELECT * FROM colours'), []);
    await source.undoLastMigration();
    await assert.rejects(source.query('SELECT * FROM colours'), { code: '42P01' });
  });

  test('typeorm gives affected rows of updates and deletes', async () => {
    const books = source.getRepository('Book');
    assert.equal((await books.update({ title: 'One' }, { title: 'Uno' })).affected, 1);
    assert.equal((await books.delete({ title: 'Uno' })).affected, 1);
  });

  test('typeorm links entities many to many', async () => {
    const books = source.getRepository('Book');
    const book = await books.save({ title: 'Linked', shelves: [{ place: 'A' }, { place: 'B' }] });
    const found = await books.findOne({ where: { id: book.id }, relations: { shelves: true } });
    assert.deepEqual(found.shelves.map(({ place }) => place).sort(), ['A', 'B']);
    found.shelves = found.shelves.filter(({ place }) => place === 'B');
    await books.save(found);
    const again = await books.findOne({ where: { id: book.id }, relations: { shelves: true } });
    assert.deepEqual(
      again.shelves.map(({ place }) => place),
      ['B'],
    );
  });

  test('typeorm inserts or updates, counts versions, and removes softly', async () => {
    const shelves = source.getRepository('Shelf');
    await shelves.upsert([{ place: 'B' }, { place: 'C' }], ['place']);
    assert.equal(await shelves.count(), 3);
    const shelf = await shelves.findOneBy({ place: 'C' });
    await shelves.save({ ...shelf, place: 'D' });
    assert.equal((await shelves.findOneBy({ place: 'D' })).changes, shelf.changes + 1);
    await shelves.softDelete({ place: 'D' });
    assert.equal(await shelves.count(), 2);
    assert.equal(await shelves.count({ withDeleted: true }), 3);
  });

  test('typeorm undoes an inner transaction alone', async () => {
    await source.transaction(async (outer) => {
      await outer.getRepository('Shelf').save({ place: 'outer' });
      await assert.rejects(
        outer.transaction(async (inner) => {
          await inner.getRepository('Shelf').save({ place: 'inner' });
          throw new Error('undo');
        }),
        { message: 'undo' },
      );
    });
    const places = (await source.getRepository('Shelf').find()).map(({ place }) => place);
    assert.equal(places.includes('outer'), true);
    assert.equal(places.includes('inner'), false);
  });

  test('typeorm locks rows, and runs what it is given on one connection', async () => {
    const runner = source.createQueryRunner();
    await runner.connect();
    await runner.startTransaction('REPEATABLE READ');
    const [{ pid }] = await runner.query('SELECT pg_backend_pid() AS pid');
    const locked = await runner.manager
      .getRepository('Shelf')
      .createQueryBuilder('shelf')
      .setLock('pessimistic_write')
      .where('shelf.place = :place', { place: 'outer' })
      .getOne();
    assert.equal(locked.place, 'outer');
    assert.deepEqual(await runner.query('SELECT pg_backend_pid() AS pid'), [{ pid }]);
    await runner.rollbackTransaction();
    await runner.release();
  });
});
