'use strict';

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { closeManager, forManagers, guideConfig } = require('../support/managers.js');
const { failure } = require('../support/failure.js');
const { postgres } = require('../support/server.js');

/** What a program can read from a result, without the class of the object it is in. */
function readable(result) {
  if (Array.isArray(result)) return result.map(readable);
  const { command, rowCount, oid, rows, fields } = result;
  return { command, rowCount, oid, rows, fields: fields.map((field) => ({ ...field })) };
}

forManagers(({ DatabaseManager, pg, ours }) => {
  let server;
  let database;
  let manager;
  before(async () => {
    server = await postgres();
    database = await server.createDatabase();
    manager = new DatabaseManager();
    await manager.addConnection('main', guideConfig(server, { database }));
  });
  after(() => closeManager(manager));

  const look = (sql) => server.asSuperuser(async (client) => (await client.query(sql)).rows, database);
  const isThere = async (table) =>
    (await look(`SELECT to_regclass('${table}') IS NOT NULL AS there`))[0].there;

  test('a table is created', async () => {
    const result = await manager.executeDDL(
      'CREATE TABLE created (id SERIAL PRIMARY KEY, email TEXT UNIQUE NOT NULL)',
    );
    assert.ok(result instanceof pg.Result);
    assert.deepEqual(readable(result), {
      command: 'CREATE',
      rowCount: null,
      oid: null,
      rows: [],
      fields: [],
    });
    assert.equal(await isThere('created'), true);
  });

  test('what is resolved is what client.query of node-postgres resolves to', async () => {
    await manager.executeDDL(`
      CREATE TABLE compared (id int PRIMARY KEY, name text, at timestamptz, doc jsonb, raw bytea);
      INSERT INTO compared VALUES (1, 'one', '2024-01-02 03:04:05+00', '{"a": [1, null]}', '\\x00ff'), (2, NULL, NULL, NULL, NULL)
    `);
    const scripts = [
      'SELECT * FROM compared ORDER BY id',
      'SELECT * FROM compared WHERE false',
      'SELECT 1 AS one; SELECT 2 AS two, NULL AS nothing',
      "UPDATE compared SET name = 'x' WHERE id = 2",
      "UPDATE compared SET name = 'x' WHERE id = 2 RETURNING id, name",
      'DELETE FROM compared WHERE id = 99',
      'INSERT INTO compared (id) VALUES (3) ON CONFLICT DO NOTHING; DELETE FROM compared WHERE id = 3',
      'CREATE TABLE IF NOT EXISTS compared (id int)',
      'CREATE TEMP TABLE fleeting (id int); INSERT INTO fleeting VALUES (1), (2); SELECT sum(id) FROM fleeting; DROP TABLE fleeting',
      'SELECT 1 AS a, 2 AS a',
      'SELECT',
      'SET LOCAL work_mem = 4096; SHOW work_mem',
      'EXPLAIN (COSTS OFF) SELECT 1',
      "DO $$ BEGIN RAISE NOTICE 'heard'; END $$",
      'CREATE OR REPLACE VIEW seen AS SELECT 1 AS one; DROP VIEW seen',
      "COMMENT ON TABLE compared IS 'a table'",
      '',
      '  -- nothing but a comment\n',
      ';',
      ';;SELECT 1;;',
      'SELECT 1;',
      'SELECT 1; SELECT 2;',
      "SELECT 'a;b' AS text, $$ ; $$ AS dollars /* ; */ -- ;",
    ];
    for (const useTransaction of [true, false]) {
      for (const sql of scripts) {
        const actual = readable(await manager.executeDDL(sql, useTransaction));
        const expected = await oracle(sql);
        assert.deepEqual(actual, expected, `${sql} with useTransaction ${useTransaction}`);
      }
    }
  });

  async function oracle(sql) {
    return server.asSuperuser(async (client) => {
      await client.query('BEGIN');
      const result = readable(await client.query(sql));
      await client.query('COMMIT');
      return result;
    }, database);
  }

  test("a failed script leaves nothing behind and throws the server's error with all of its fields", async () => {
    const sql =
      'CREATE TABLE half_done (id int PRIMARY KEY); INSERT INTO half_done VALUES (1); INSERT INTO half_done VALUES (1)';
    const error = await failure(manager.executeDDL(sql));
    assert.ok(error instanceof pg.DatabaseError);
    assert.equal(error.code, '23505');
    assert.equal(error.severity, 'ERROR');
    assert.equal(error.message, 'duplicate key value violates unique constraint "half_done_pkey"');
    assert.equal(error.detail, 'Key (id)=(1) already exists.');
    assert.deepEqual(
      [error.schema, error.table, error.constraint],
      ['public', 'half_done', 'half_done_pkey'],
    );
    assert.equal(await isThere('half_done'), false);
  });

  test('a syntax error anywhere means that no statement runs, and its position counts from the script', async () => {
    const error = await failure(
      manager.executeDDL('CREATE TABLE before_error (id int); CREATE TABEL after_error (id int)'),
    );
    assert.equal(error.code, '42601');
    assert.equal(error.position, '44');
    assert.equal(await isThere('before_error'), false);
  });

  test('a constraint that is checked at COMMIT is the error of the script', async () => {
    await manager.executeDDL(`
      CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED)
    `);
    const error = await failure(
      manager.executeDDL('CREATE TABLE with_child (id int); INSERT INTO child VALUES (7)'),
    );
    assert.equal(error.code, '23503');
    assert.equal(error.table, 'child');
    assert.equal(await isThere('with_child'), false);
    assert.deepEqual(await look('SELECT * FROM child'), []);
  });

  test('the connection is usable after each kind of failure', async () => {
    for (const sql of [
      'SELECT 1/0',
      'CREATE TABEL x',
      'INSERT INTO child VALUES (8)',
      'SELECT * FROM nowhere',
    ]) {
      await failure(manager.executeDDL(sql));
      assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    }
    const { rows } = await manager.executeDDL('SELECT pg_current_xact_id_if_assigned() AS xact', false);
    assert.deepEqual(rows, [{ xact: null }]);
  });

  test('with a transaction the whole script shares one', async () => {
    const results = await manager.executeDDL(
      'SELECT pg_current_xact_id()::text AS xact; SELECT pg_current_xact_id()::text AS xact',
    );
    assert.equal(results[0].rows[0].xact, results[1].rows[0].xact);
  });

  const OUTSIDE_TRANSACTIONS = {
    'CREATE INDEX CONCURRENTLY': 'CREATE INDEX CONCURRENTLY created_email ON created (email)',
    'REINDEX CONCURRENTLY': 'REINDEX INDEX CONCURRENTLY created_email',
    'DROP INDEX CONCURRENTLY': 'DROP INDEX CONCURRENTLY created_email',
    VACUUM: 'VACUUM created',
    'VACUUM ANALYZE': 'VACUUM (ANALYZE) created',
  };
  for (const [name, sql] of Object.entries(OUTSIDE_TRANSACTIONS)) {
    test(`useTransaction = false lets ${name} through`, async () => {
      const result = await manager.executeDDL(sql, false);
      assert.equal(result.command, sql.split(' ')[0]);
    });
  }

  test('useTransaction = false creates and drops databases', async () => {
    const name = `other_${ours ? 'ours' : 'pg'}`;
    await manager.executeDDL(`CREATE DATABASE ${name}`, false);
    assert.equal((await look(`SELECT 1 FROM pg_database WHERE datname = '${name}'`)).length, 1);
    await manager.executeDDL(`DROP DATABASE ${name}`, false);
    assert.equal((await look(`SELECT 1 FROM pg_database WHERE datname = '${name}'`)).length, 0);
  });

  test('useTransaction = false rolls nothing back that has its own transaction', async () => {
    const error = await failure(
      manager.executeDDL(
        'BEGIN; CREATE TABLE kept (id int); COMMIT; CREATE TABLE lost (id int); SELECT 1/0',
        false,
      ),
    );
    assert.equal(error.code, '22012');
    assert.deepEqual([await isThere('kept'), await isThere('lost')], [true, false]);
  });

  // A script's own transaction commands, and which of the tables a and b are there afterwards.
  const OWN_COMMANDS = {
    'BEGIN; CREATE TABLE a (); COMMIT': ['a'],
    'BEGIN; CREATE TABLE a (); COMMIT; CREATE TABLE b ()': ['a', 'b'],
    'BEGIN; CREATE TABLE a (); COMMIT; CREATE TABLE b (); SELECT 1/0': ['a'],
    'CREATE TABLE a (); COMMIT; BEGIN; CREATE TABLE b ()': ['a', 'b'],
    'CREATE TABLE a (); COMMIT; BEGIN; CREATE TABLE b (); SELECT 1/0': ['a'],
    'CREATE TABLE a (); ROLLBACK; CREATE TABLE b ()': ['b'],
    'BEGIN; CREATE TABLE a (); ROLLBACK': [],
    'START TRANSACTION; CREATE TABLE a (); END; CREATE TABLE b ()': ['a', 'b'],
    'CREATE TABLE a (); SAVEPOINT s; CREATE TABLE b (); ROLLBACK TO s': ['a'],
    'CREATE TABLE a (); SAVEPOINT s; CREATE TABLE b (); RELEASE s': ['a', 'b'],
    'CREATE TABLE a (); COMMIT AND CHAIN; CREATE TABLE b ()': ['a', 'b'],
    'CREATE TABLE a (); COMMIT AND CHAIN; CREATE TABLE b (); ROLLBACK': ['a'],
  };
  for (const [sql, expected] of Object.entries(OWN_COMMANDS)) {
    test(`a script with its own transaction commands does what it did: ${sql}`, async () => {
      const fails = sql.includes('1/0');
      const outcome = manager.executeDDL(sql);
      if (fails) assert.equal((await failure(outcome)).code, '22012');
      else assert.equal((await outcome).length, sql.split(';').length);
      const there = [];
      for (const table of ['a', 'b']) if (await isThere(table)) there.push(table);
      await manager.executeDDL('DROP TABLE IF EXISTS a; DROP TABLE IF EXISTS b');
      assert.deepEqual(there, expected);
    });
  }

  test("the guide's migration loop skips what is applied and goes on", async () => {
    const migrations = [
      { version: '001', sql: 'CREATE TABLE IF NOT EXISTS migrations (version varchar(10) PRIMARY KEY)' },
      {
        version: '002',
        sql: 'CREATE TABLE IF NOT EXISTS projects (id uuid DEFAULT gen_random_uuid() PRIMARY KEY)',
      },
    ];
    const skipped = [];
    for (const migration of [...migrations, ...migrations]) {
      try {
        await manager.executeDDL(migration.sql);
        await manager.executeDDL(`INSERT INTO migrations (version) VALUES ('${migration.version}')`);
      } catch (error) {
        if (!error.message.includes('duplicate key')) throw error;
        skipped.push(migration.version);
      }
    }
    assert.deepEqual(skipped, ['001', '002']);
    assert.deepEqual(await look('SELECT version FROM migrations ORDER BY version'), [
      { version: '001' },
      { version: '002' },
    ]);
  });

  test('200 executeDDL at once on a pool of 5 all succeed, each in its own transaction', async () => {
    const results = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        manager.executeDDL(
          `CREATE TABLE many_${i} (id int); SELECT pg_current_xact_id()::text AS xact, ${i} AS i`,
        ),
      ),
    );
    results.forEach(([, { rows }], i) => assert.equal(rows[0].i, i));
    assert.equal(new Set(results.map(([, { rows }]) => rows[0].xact)).size, 200);
    assert.deepEqual(
      await look(`SELECT count(*)::int AS tables FROM pg_tables WHERE tablename LIKE 'many\\_%'`),
      [{ tables: 200 }],
    );
    assert.ok(manager.currentPool.totalCount <= 5);
    assert.equal(manager.currentPool.waitingCount, 0);
  });

  test('failures among many at once stay with their own calls', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) =>
        manager.executeDDL(i % 3 ? `SELECT ${i} AS i` : `SELECT ${i} / 0`),
      ),
    );
    outcomes.forEach(({ value, reason }, i) => {
      if (i % 3) assert.deepEqual(value.rows, [{ i }]);
      else assert.equal(reason.code, '22012');
    });
  });

  test('a client that the caller took can do its own transaction', async () => {
    const client = await manager.currentPool.connect();
    try {
      await client.query('BEGIN');
      await client.query('CREATE TABLE by_hand (id int)');
      await client.query('INSERT INTO by_hand VALUES ($1)', [1]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
    assert.deepEqual(await look('SELECT id FROM by_hand'), [{ id: 1 }]);
  });
});
