'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs/promises');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { newDatabase, onBothDrivers } = require('../support/library');

const MIGRATIONS = {
  '1700000000001_people.js': `
    exports.up = (pgm) => {
      pgm.createTable('people', { id: 'id', name: { type: 'text', notNull: true }, born: 'date' });
      pgm.createIndex('people', 'name', { unique: true });
    };
    exports.down = (pgm) => pgm.dropTable('people');`,
  '1700000000002_concurrent-index.js': `
    exports.up = (pgm) => {
      pgm.noTransaction();
      pgm.createIndex('people', 'born', { concurrently: true });
    };
    exports.down = (pgm) => pgm.dropIndex('people', 'born');`,
  '1700000000003_fails.js': `
    exports.up = (pgm) => {
      pgm.sql("INSERT INTO people (name) VALUES ('half')");
      pgm.sql('SELECT 1 / 0');
    };
    exports.down = false;`,
};

onBothDrivers(({ driver }) => {
  let runner;
  let dir;
  let client;
  const options = (more) => ({
    dbClient: client,
    dir,
    migrationsTable: 'pgmigrations',
    log: () => undefined,
    ...more,
  });

  before(async () => {
    ({ runner } = await import('node-pg-migrate'));
    dir = await fs.mkdtemp(path.join(os.tmpdir(), 'node-pg-migrate-'));
    await fs.writeFile(path.join(dir, 'package.json'), '{ "type": "commonjs" }');
    for (const [name, text] of Object.entries(MIGRATIONS)) await fs.writeFile(path.join(dir, name), text);
    const { config } = await newDatabase();
    client = new driver.Client(config);
    await client.connect();
  });

  after(async () => {
    await client.end();
    await fs.rm(dir, { recursive: true });
  });

  const names = (migrations) => migrations.map(({ name }) => name);

  test('node-pg-migrate migrates up, in order, and writes it down', async () => {
    const options1 = options({ direction: 'up', count: 2, ignorePattern: 'package.json' });
    assert.deepEqual(names(await runner(options1)), [
      '1700000000001_people',
      '1700000000002_concurrent-index',
    ]);
    const { rows } = await client.query('SELECT name FROM pgmigrations ORDER BY id');
    assert.deepEqual(names(rows), ['1700000000001_people', '1700000000002_concurrent-index']);
    const { rows: indexes } = await client.query(
      "SELECT indexname FROM pg_indexes WHERE tablename = 'people' ORDER BY 1",
    );
    assert.deepEqual(
      indexes.map(({ indexname }) => indexname),
      ['people_born_index', 'people_name_unique_index', 'people_pkey'],
    );
  });

  test('node-pg-migrate leaves nothing of a migration that fails', async () => {
    await assert.rejects(runner(options({ direction: 'up', ignorePattern: 'package.json' })), {
      code: '22012',
    });
    // It leaves the transaction to the client's owner.
    assert.equal(client.getTransactionStatus(), 'E');
    await client.query('ROLLBACK');
    const { rows } = await client.query('SELECT count(*)::int AS n FROM people');
    assert.deepEqual(rows, [{ n: 0 }]);
  });

  test('node-pg-migrate migrates down', async () => {
    const down = options({ direction: 'down', count: 2, ignorePattern: 'package.json' });
    assert.deepEqual(names(await runner(down)), ['1700000000002_concurrent-index', '1700000000001_people']);
    const { rows } = await client.query("SELECT to_regclass('people') AS people");
    assert.deepEqual(rows, [{ people: null }]);
  });

  test('node-pg-migrate refuses to run twice at a time', async () => {
    const { config } = await newDatabase();
    const clients = [new driver.Client(config), new driver.Client(config)];
    await Promise.all(clients.map((each) => each.connect()));
    const outcomes = await Promise.allSettled(
      clients.map((dbClient) =>
        runner(options({ dbClient, direction: 'up', count: 1, ignorePattern: 'package.json' })),
      ),
    );
    await Promise.all(clients.map((each) => each.end()));
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const [{ reason }] = outcomes.filter(({ status }) => status === 'rejected');
    assert.match(reason.message, /Another migration is already running/);
  });
});
