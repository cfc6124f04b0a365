'use strict';

const path = require('node:path');
const { before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { postgres } = require('../support/server.js');
const { run } = require('../support/program.js');

const example = (name) => path.join(__dirname, '..', '..', 'examples', `${name}.js`);

for (const version of [15, 17]) {
  describe(`the examples, on PostgreSQL ${version}`, () => {
    let server;
    before(async () => {
      server = await postgres(version);
    });

    test('single-database creates its table and exits by itself', async () => {
      const database = await server.createDatabase();
      const outcome = await run(example('single-database'), { env: environment(server, database) });

      assertFinished(outcome);
      assert.deepEqual(await columns(server, database, 'users'), [
        ['id', 'integer'],
        ['email', 'text'],
        ['created_at', 'timestamp with time zone'],
      ]);
    });

    test('multiple-databases creates each table in the database that was current, and only there', async () => {
      const databases = {
        app1: await server.createDatabase(),
        app2: await server.createDatabase(),
        app3: await server.createDatabase(),
      };
      const env = environment(server);
      for (const [name, database] of Object.entries(databases)) {
        env[`PGFLEET_${name.toUpperCase()}_DATABASE`] = database;
      }
      const outcome = await run(example('multiple-databases'), { env });

      assertFinished(outcome);
      assert.match(outcome.stdout, /app1, app2, app3/);
      assert.deepEqual(await tables(server, databases.app1), ['app1_articles']);
      assert.deepEqual(await tables(server, databases.app2), ['app2_invoices']);
      assert.deepEqual(await tables(server, databases.app3), []);
    });

    test('from-config asks each database of its configuration file', async () => {
      const databases = await Promise.all([1, 2, 3].map(() => server.createDatabase()));
      const own = databases.map((database, at) => [`PGFLEET_APP${at + 1}_DATABASE`, database]);
      const env = { ...environment(server), ...Object.fromEntries(own) };
      const outcome = await run(example('from-config'), { env });

      assertFinished(outcome);
      const [one, two, three] = databases;
      assert.equal(
        outcome.stdout,
        `app1 (eu) is the database ${one}\napp2 (eu, paid) is the database ${two}\napp3 (us) is the database ${three}\n`,
      );
    });

    test('broken-database says what is wrong with each of its configurations, and of the one that works', async () => {
      const database = await server.createDatabase();
      const outcome = await run(example('broken-database'), { env: environment(server, database) });

      assertFinished(outcome);
      const told = outcome.stdout.split('\n').filter((line) => /^[✓✗]/.test(line));
      assert.deepEqual(told, [
        '✓ as it is: ok',
        '✗ a port where nothing listens: refused',
        '✗ the password of a template: placeholder',
        "✗ a database that isn't there: database-not-found",
      ]);
    });

    test('migrations applies each version once, however often it runs', async () => {
      const database = await server.createDatabase();
      const first = await run(example('migrations'), { env: environment(server, database) });
      const applied = await rows(
        server,
        database,
        'SELECT version, applied_at FROM migrations ORDER BY version',
      );
      const second = await run(example('migrations'), { env: environment(server, database) });

      assertFinished(first);
      assertFinished(second);
      assert.match(first.stdout, /Applied migration 001\n.*Applied migration 002/);
      assert.match(second.stdout, /001 was applied before\n.*002 was applied before/);
      assert.deepEqual(
        applied.map(({ version: name }) => name),
        ['001', '002'],
      );
      assert.deepEqual(
        await rows(server, database, 'SELECT version, applied_at FROM migrations ORDER BY version'),
        applied,
      );
      assert.deepEqual(await tables(server, database), ['migrations', 'projects']);
    });

    test('test-connection tells the version and leaves nothing behind', async () => {
      const database = await server.createDatabase();
      const outcome = await run(example('test-connection'), { env: environment(server, database) });

      assertFinished(outcome);
      assert.match(outcome.stdout, new RegExp(`Connected to PostgreSQL ${version}\\.`));
      assert.match(outcome.stdout, /DDL works/);
      assert.match(outcome.stdout, /Cleaned up/);
      assert.deepEqual(await tables(server, database), []);
    });

    test('blocked-alter lets go, and comes through once the report is over', async () => {
      const database = await server.createDatabase();
      const outcome = await run(example('blocked-alter'), { env: environment(server, database) });

      assertFinished(outcome);
      assert.match(outcome.stdout, /^waits for process \d+ \(idle in transaction\)\n(lets go, .*\n)/);
      assert.match(outcome.stdout, /comes through\n$/);
      assert.deepEqual(await tables(server, database), []);
    });

    test('test-connection fails with the reason and without the password when the password is wrong', async () => {
      const env = { ...environment(server, server.database), PGFLEET_PASSWORD: 'not-the-password' };
      const outcome = await run(example('test-connection'), { env });

      assert.equal(outcome.code, 1);
      assert.match(outcome.stderr, /password authentication failed/);
      assert.doesNotMatch(outcome.stdout + outcome.stderr, /not-the-password/);
    });
  });
}

test('an example without its settings says which variable is missing', async () => {
  const outcome = await run(example('single-database'), { env: { PGFLEET_USER: '', PGFLEET_PASSWORD: '' } });

  assert.equal(outcome.code, 1);
  assert.match(outcome.stderr, /PGFLEET_USER/);
});

function environment(server, database) {
  const env = {
    PGFLEET_HOST: server.host,
    PGFLEET_PORT: String(server.port),
    PGFLEET_USER: server.user,
    PGFLEET_PASSWORD: server.password,
  };
  if (database) env.PGFLEET_DATABASE = database;
  return env;
}

function assertFinished({ code, signal, stderr }) {
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
}

async function rows(server, database, sql, values) {
  return (await server.asSuperuser((client) => client.query(sql, values), database)).rows;
}

async function tables(server, database) {
  const sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1";
  return (await rows(server, database, sql)).map((row) => row.table_name);
}

async function columns(server, database, table) {
  const sql = `SELECT column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position`;
  return (await rows(server, database, sql, [table])).map((row) => [row.column_name, row.data_type]);
}
