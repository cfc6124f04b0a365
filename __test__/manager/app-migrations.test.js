'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs/promises');
const path = require('node:path');
const { test } = require('node:test');
const { failure } = require('../support/failure');
const { forAppManagers } = require('../support/app-managers');

const PEOPLE = `-- Up Migration
CREATE TABLE people (id serial PRIMARY KEY, name text NOT NULL);
CREATE FUNCTION greet(text) RETURNS text LANGUAGE sql AS $$ SELECT 'hello; ' || $1 $$;
-- Down Migration
DROP FUNCTION greet(text);
DROP TABLE people;
`;
const BORN = 'ALTER TABLE people ADD born date -- no semicolon';
const CITY = `
  --- down migration
  ALTER TABLE people DROP city;
  --- up migration
  ALTER TABLE people ADD city text`;

const FILES = {
  'migrations/1700000000001_people.sql': PEOPLE,
  'migrations/1700000000002_born.SQL': BORN,
  'migrations/20240102030405678_city.sql': CITY,
};

const BY_JAVASCRIPT = `
  exports.up = (pgm) => pgm.addColumn('people', { nick: 'text' });
  exports.down = (pgm) => pgm.dropColumn('people', 'nick');`;

const names = (migrations) => migrations.map(({ name }) => name);
const ALL = ['1700000000001_people', '1700000000002_born', '20240102030405678_city'];

forAppManagers((bench) => {
  const columns = async (manager) =>
    (await manager.getSchema('people')).map(({ column_name: name }) => name).sort();

  async function migrating(files) {
    const folder = await bench.folder(files);
    return { folder, manager: await bench.manager() };
  }

  test('runMigration applies all files in order and tells them as node-pg-migrate does', async () => {
    const { folder, manager } = await migrating(FILES);
    assert.deepEqual(await manager.getMigrationStatus(), []);
    const done = await manager.runMigration();
    const file = (name) => path.join(folder, 'migrations', name);
    assert.deepEqual(
      done,
      [
        { path: file('1700000000001_people.sql'), name: ALL[0], timestamp: 1700000000001 },
        {
          path: file('20240102030405678_city.sql'),
          name: ALL[2],
          timestamp: Date.UTC(2024, 0, 2, 3, 4, 5, 678),
        },
        { path: file('1700000000002_born.SQL'), name: ALL[1], timestamp: 1700000000002 },
      ].sort((a, b) => a.timestamp - b.timestamp),
    );
    assert.deepEqual(await columns(manager), ['born', 'city', 'id', 'name']);
    assert.deepEqual(await manager.runMigration(), []);
    assert.deepEqual(await manager.query("SELECT greet('you')"), [{ greet: 'hello; you' }]);

    const status = await manager.getMigrationStatus();
    assert.deepEqual(names(status), names(done).toReversed());
    assert.deepEqual(Object.keys(status[0]), ['id', 'name', 'run_on']);
    assert.ok(status[0].run_on instanceof Date);
    assert.equal(await manager.isMigrationAvailable(), true);
    const table = await manager.query(
      "SELECT column_name, data_type, is_nullable, character_maximum_length AS length FROM information_schema.columns WHERE table_name = 'pgmigrations' ORDER BY 1",
    );
    assert.deepEqual(table, [
      { column_name: 'id', data_type: 'integer', is_nullable: 'NO', length: null },
      { column_name: 'name', data_type: 'character varying', is_nullable: 'NO', length: 255 },
      { column_name: 'run_on', data_type: 'timestamp without time zone', is_nullable: 'NO', length: null },
    ]);
  });

  test('a count limits them, and down takes back the newest', async () => {
    const { manager } = await migrating({
      'migrations/1_people.sql': PEOPLE,
      'migrations/02_city.sql': CITY,
    });
    assert.deepEqual(names(await manager.runMigration('up', 1)), ['1_people']);
    assert.deepEqual(names(await manager.runMigration('up', 5)), ['02_city']);
    assert.deepEqual(names(await manager.runMigration('down', 1)), ['02_city']);
    assert.deepEqual(await columns(manager), ['id', 'name']);
    assert.deepEqual(names(await manager.runMigration('up')), ['02_city']);
    assert.deepEqual(names(await manager.runMigration('down')), ['02_city', '1_people']);
    assert.equal(await manager.tableExists('people'), false);
    assert.deepEqual(await manager.getMigrationStatus(), []);
  });

  test('what fails is rolled back with all before it', async () => {
    const { manager } = await migrating({
      'migrations/1_people.sql': PEOPLE,
      'migrations/2_wrong.sql': 'INSERT INTO people (name) VALUES (1);\nSELECT 1/0;',
    });
    const error = await failure(manager.runMigration());
    assert.equal(error.code, '22012');
    assert.equal(await manager.tableExists('people'), false);
    assert.deepEqual(await manager.getMigrationStatus(), []);
    if (bench.ours) assert.deepEqual([error.migration, error.outcome], ['2_wrong', 'not applied']);
  });

  test('a position counts from the beginning of the part of the file', async () => {
    const { manager } = await migrating({
      'migrations/1_people.sql': PEOPLE,
      'migrations/2_wrong.sql': "-- Up migration ✓ 𝒳\nSELECT '𝒳';\nSELECT nothing;\n-- Down migration\n",
    });
    const error = await failure(manager.runMigration());
    assert.equal(error.code, '42703');
    assert.equal(error.position, '40');
  });

  test('a file before one that was applied, and one without its way down, are refused', async () => {
    const { folder, manager } = await migrating({ 'migrations/2_people.sql': PEOPLE });
    await manager.runMigration();
    await fs.writeFile(path.join(folder, 'migrations', '1_early.sql'), 'SELECT 1');
    assert.equal(
      (await failure(manager.runMigration())).message,
      'Not run migration 1_early is preceding already run migration 2_people',
    );
    await fs.rename(
      path.join(folder, 'migrations', '1_early.sql'),
      path.join(folder, 'migrations', '3_late.sql'),
    );
    await manager.runMigration();
    assert.equal(
      (await failure(manager.runMigration('down', 1))).message,
      'User has disabled down migration on file: 3_late',
    );
    await fs.rm(path.join(folder, 'migrations', '3_late.sql'));
    assert.equal(
      (await failure(manager.runMigration('down', 1))).message,
      'Definitions of migrations 3_late have been deleted.',
    );
  });

  test('a directory that is missing, or has a file without a number, is an error that says so', async () => {
    const { manager } = await migrating({});
    assert.match((await failure(manager.runMigration())).message, /^Error loading migration files: ENOENT/);
    await migrating({ 'migrations/1_a.sql': 'SELECT 1', 'migrations/notes.md': '' });
    assert.equal(
      (await failure(manager.runMigration())).message,
      'Error loading migration files: Cannot determine numeric prefix for "notes.md"',
    );
  });

  test('a direction without an active database is refused in the words of the app', async () => {
    const manager = bench.keep(new bench.AppManager());
    await manager.initialize({});
    const message = 'No active database. Call switchDatabase() first.';
    await assert.rejects(manager.runMigration(), { message });
    await assert.rejects(manager.getMigrationStatus(), { message });
  });

  test('JavaScript files and SQL files are applied in one order and one transaction', async () => {
    const files = { 'migrations/1_people.sql': PEOPLE, 'migrations/2_nick.cjs': BY_JAVASCRIPT };
    const { folder, manager } = await migrating(files);
    assert.deepEqual(names(await manager.runMigration()), ['1_people', '2_nick']);
    assert.deepEqual(await columns(manager), ['id', 'name', 'nick']);
    await fs.writeFile(path.join(folder, 'migrations', '3_city.sql'), CITY);
    await fs.writeFile(
      path.join(folder, 'migrations', '4_wrong.cjs'),
      "exports.up = (pgm) => pgm.sql('SELECT 1/0')",
    );
    assert.equal((await failure(manager.runMigration())).code, '22012');
    assert.deepEqual(await columns(manager), ['id', 'name', 'nick']);
    await fs.rm(path.join(folder, 'migrations', '4_wrong.cjs'));
    assert.deepEqual(names(await manager.runMigration()), ['3_city']);
    assert.deepEqual(names(await manager.runMigration('down')), ['3_city', '2_nick', '1_people']);
  });

  test('while another migration runs, it is refused', async () => {
    const { manager } = await migrating({ 'migrations/1_people.sql': PEOPLE });
    const client = await manager.currentPool.connect();
    await client.query('SELECT pg_advisory_lock(7241865325823964)');
    assert.match((await failure(manager.runMigration())).message, /^Another migration is already running/);
    await client.query('SELECT pg_advisory_unlock(7241865325823964)');
    client.release();
    assert.deepEqual(names(await manager.runMigration()), ['1_people']);
  });
});
