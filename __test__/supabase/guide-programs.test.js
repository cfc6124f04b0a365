'use strict';

// The programs of the guide that this package's class comes from, as written there (guide/), in an application with a .env
// and a one-line services/DatabaseManager.js, against the host that they name. The project's ref is filled in, and the
// columns that the guide leaves out; chapters that only define a function get the lines that call it.

const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { makeApp } = require('../support/app-folder.js');
const { runWithNames, withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');

const REF = 'dedlbzhpgkmetvhbkyzq';
const CLUSTER = 'aws-1-us-east-1';
/** What would break in a connection string that is pasted together. */
const PASSWORD = 'p@ss/w:rd?100%+&=';

const chapter = (name) => fs.readFileSync(path.join(__dirname, 'guide', `${name}.js`), 'utf8');
const withManager = (text) => `const DatabaseManager = require('./services/DatabaseManager');\n${text}`;

const PROGRAMS = {
  'test-connection.js': chapter('test-connection').replace('YOUR_PROJECT_REF', REF),
  'single-database.js': `require('dotenv').config();\n${chapter('single-database')}\nsetupDatabase();\n`,
  'multiple-databases.js': withManager(
    `${chapter('multiple-databases').replaceAll('table ...', 'table (id INT)')}
manageMultipleDatabases();\n`,
  ),
  'migrations.js': `require('dotenv').config();\n${withManager(chapter('migrations'))}
(async () => {
  const dbManager = new DatabaseManager();
  await dbManager.addConnection('main', {
    dbUser: 'postgres.mno345',
    dbPassword: process.env.SUPABASE_DB_PASSWORD
  });
  await runMigrations(dbManager);
  await runMigrations(dbManager);
})();\n`,
};

const ENVIRONMENT = `# .env file
SUPABASE_URL=https://${REF}.supabase.co
SUPABASE_ANON_KEY=your_anon_key_here
SUPABASE_DB_PASSWORD=${PASSWORD}
`;

describe("the guide's programs, as written, with a .env", { skip: withoutNames }, () => {
  let server;
  let supabase;
  let app;
  /** The database behind each project. */
  const databases = {};
  before(async () => {
    server = await postgres();
    const passwords = {
      [REF]: PASSWORD,
      abc123: 'pass1',
      def456: 'pass2',
      ghi789: 'pass3',
      mno345: PASSWORD,
    };
    const tenants = {};
    for (const [ref, password] of Object.entries(passwords)) {
      databases[ref] = await server.createDatabase();
      tenants[ref] = { roles: { postgres: password }, databases: { postgres: databases[ref] } };
    }
    supabase = await startSupabase({ server, clusters: { [CLUSTER]: { tenants } } });
    app = makeApp({ ...PROGRAMS, '.env': ENVIRONMENT });
  });
  after(async () => {
    fs.rmSync(app, { recursive: true, force: true });
    await supabase.close();
  });

  test('the connection test connects, creates, and cleans up', async () => {
    const stdout = await output('test-connection.js');
    assert.match(
      stdout,
      /^✅ Connected successfully\nPostgreSQL Version: PostgreSQL 17\..*\n✅ DDL execution successful\n✅ Cleanup successful\n$/,
    );
    assert.deepEqual(await tables(REF), []);
  });

  test('the connection test says what is wrong with the password, and ends', async () => {
    const outcome = await run('test-connection.js', { SUPABASE_DB_PASSWORD: 'wrong' });
    assert.deepEqual([outcome.code, outcome.stdout], [0, '']);
    assert.match(outcome.stderr, /^❌ Test failed: password authentication failed for user "postgres"/);
    assert.deepEqual(supabase.ledger.outcomes, ['EWRONGPASSWORD']);
  });

  test('the chapter on a single database creates its table', async () => {
    assert.equal(await output('single-database.js'), '');
    assert.deepEqual(await tables(REF), ['users']);
  });

  test('the chapter on several databases creates each table where it belongs', async () => {
    assert.equal(await output('multiple-databases.js'), '');
    assert.deepEqual(await Promise.all(['abc123', 'def456', 'ghi789'].map(tables)), [
      ['app1_specific_table'],
      ['app2_specific_table'],
      [],
    ]);
  });

  test('the chapter on migrations applies each of them once, at the default host', async () => {
    assert.equal(await output('migrations.js'), '✅ Applied migration 001\n✅ Applied migration 002\n');
    assert.deepEqual(await tables('mno345'), ['migrations', 'projects']);
  });

  function run(name, env = {}) {
    supabase.ledger.forget();
    return runWithNames(path.join(app, name), {
      hosts: supabase.hosts,
      cwd: app,
      env: { DOTENV_CONFIG_QUIET: 'true', ...env },
    });
  }

  /** What a program printed that went well, and that logged in once for each connection that it made. */
  async function output(name) {
    const outcome = await run(name);
    assert.deepEqual(
      { code: outcome.code, signal: outcome.signal, stderr: outcome.stderr },
      { code: 0, signal: null, stderr: '' },
    );
    assert.ok(
      supabase.ledger.outcomes.every((what) => what === 'logged in'),
      supabase.ledger.outcomes.join(),
    );
    return outcome.stdout;
  }

  async function tables(ref) {
    const { rows } = await server.asSuperuser(
      (client) => client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"),
      databases[ref],
    );
    return rows.map(({ tablename }) => tablename);
  }
});
