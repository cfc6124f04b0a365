'use strict';

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { Kysely, PostgresDialect, sql } = require('kysely');
const Cursor = require('pg-cursor');
const { newDatabase, onBothDrivers } = require('../support/library');

onBothDrivers(({ driver }) => {
  let db;

  before(async () => {
    const { config } = await newDatabase();
    const pool = new driver.Pool({ ...config, max: 4 });
    db = new Kysely({ dialect: new PostgresDialect({ pool, cursor: Cursor }) });
    await db.schema
      .createTable('person')
      .addColumn('id', 'serial', (column) => column.primaryKey())
      .addColumn('name', 'varchar(40)', (column) => column.notNull().unique())
      .addColumn('data', 'jsonb')
      .addColumn('joined', 'timestamptz')
      .execute();
  });

  after(() => db.destroy());

  test('kysely inserts, updates and deletes, with counts and returned rows', async () => {
    const joined = new Date('2020-01-02T03:04:05.678Z');
    const rows = await db
      .insertInto('person')
      .values([
        { name: 'a', data: JSON.stringify({ deep: [1, { x: null }] }), joined },
        { name: 'b', data: null, joined: null },
      ])
      .returningAll()
      .execute();
    assert.deepEqual(rows, [
      { id: 1, name: 'a', data: { deep: [1, { x: null }] }, joined },
      { id: 2, name: 'b', data: null, joined: null },
    ]);
    const updated = await db.updateTable('person').set({ name: 'c' }).where('id', '=', 2).executeTakeFirst();
    assert.equal(updated.numUpdatedRows, 1n);
    const deleted = await db.deleteFrom('person').where('id', '>', 1).executeTakeFirstOrThrow();
    assert.equal(deleted.numDeletedRows, 1n);
  });

  test('kysely nests a select in another', async () => {
    const rows = await db
      .selectFrom(sql`generate_series(1, 3)`.as('n'))
      .select((eb) => [
        sql`n`.as('n'),
        eb.selectFrom('person').select(eb.fn.countAll().as('people')).as('people'),
      ])
      .execute();
    assert.deepEqual(
      rows,
      [1, 2, 3].map((n) => ({ n, people: '1' })),
    );
  });

  test('kysely rolls back what fails in a transaction', async () => {
    await assert.rejects(
      db.transaction().execute(async (trx) => {
        await trx.insertInto('person').values({ name: 'z' }).execute();
        await trx.insertInto('person').values({ name: 'a' }).execute();
      }),
      { code: '23505', table: 'person' },
    );
    const { n } = await db.selectFrom('person').select(db.fn.countAll().as('n')).executeTakeFirstOrThrow();
    assert.equal(n, '1');
  });

  test('kysely keeps to one connection where it is asked to', async () => {
    await db.connection().execute(async (connection) => {
      const pid = async () => (await sql`SELECT pg_backend_pid() AS pid`.execute(connection)).rows[0].pid;
      assert.equal(await pid(), await pid());
    });
  });

  test('kysely streams rows through a cursor, to the end or not', async () => {
    const query = db.selectFrom(sql`generate_series(1, 1000)`.as('n')).select(sql`n`.as('n'));
    let sum = 0;
    for await (const row of query.stream(64)) sum += row.n;
    assert.equal(sum, 500500);
    let seen = 0;
    for await (const row of query.stream(10)) {
      seen = row.n;
      if (seen === 25) break;
    }
    assert.equal(seen, 25);
    const { rows } = await sql`SELECT count(*)::int AS open FROM pg_cursors`.execute(db);
    assert.deepEqual(rows, [{ open: 0 }]);
  });

  test('kysely reads the tables of the database', async () => {
    const [table] = await db.introspection.getTables();
    assert.equal(table.name, 'person');
    assert.deepEqual(
      table.columns.map(({ name, dataType, isNullable }) => [name, dataType, isNullable]),
      [
        ['id', 'int4', false],
        ['name', 'varchar', false],
        ['data', 'jsonb', true],
        ['joined', 'timestamptz', true],
      ],
    );
  });
});
