'use strict';

// An application as it exists today: its own folder, a one-line services/DatabaseManager.js, and programs
// that require './services/DatabaseManager' and close nothing.

const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { makeApp } = require('../support/app-folder.js');
const { postgres } = require('../support/server.js');
const { run } = require('../support/program.js');

const SINGLE = `
const DatabaseManager = require('./services/DatabaseManager');

async function prepare() {
  const fleet = new DatabaseManager();
  await fleet.addConnection('main', {
    supabaseUrl: 'https://example.supabase.co',
    supabaseKey: 'anon',
    dbHost: process.env.APP_HOST,
    dbPort: Number(process.env.APP_PORT),
    dbUser: process.env.APP_USER,
    dbPassword: process.env.APP_PASSWORD,
    dbName: process.env.APP_DATABASE,
  });
  const ddl = \`
    CREATE TABLE IF NOT EXISTS members (
      id SERIAL PRIMARY KEY,
      email TEXT UNIQUE NOT NULL,
      joined_at TIMESTAMPTZ DEFAULT NOW()
    );
  \`;
  await fleet.executeDDL(ddl);
  const kept = fleet.connections.get('main');
  console.log(JSON.stringify({ url: kept.supabaseUrl, key: kept.supabaseKey, current: fleet.currentConnection }));
}

prepare();
`;

const SEVERAL = `
const DatabaseManager = require('./services/DatabaseManager');

async function tour() {
  const fleet = new DatabaseManager();
  const projects = [
    { name: 'app1', projectRef: 'abc123', password: 'secret' },
    { name: 'app2', projectRef: 'abc123', password: 'secret' },
    { name: 'app3', projectRef: 'abc123', password: 'secret' },
  ];
  for (const project of projects) {
    await fleet.addConnection(project.name, {
      dbHost: process.env.APP_HOST,
      dbUser: \`postgres.\${project.projectRef}\`,
      dbPassword: project.password,
      dbPort: Number(process.env.APP_PORT),
      dbName: process.env['APP_DATABASE_' + project.name],
    });
  }
  await fleet.switchConnection('app2');
  await fleet.executeDDL('CREATE TABLE only_in_app2 (id INT)');
  await fleet.switchConnection('app1');
  await fleet.executeDDL('CREATE TABLE only_in_app1 (id INT)');
  console.log(fleet.currentConnection);
}

tour();
`;

const MIGRATIONS = `
const DatabaseManager = require('./services/DatabaseManager');

async function migrate(fleet) {
  const steps = [
    { version: '001', sql: 'CREATE TABLE IF NOT EXISTS applied (version VARCHAR(10) PRIMARY KEY, at TIMESTAMPTZ DEFAULT NOW());' },
    { version: '002', sql: 'CREATE TABLE IF NOT EXISTS plans (id UUID DEFAULT gen_random_uuid() PRIMARY KEY, name TEXT NOT NULL);' },
  ];
  for (const step of steps) {
    try {
      await fleet.executeDDL(step.sql);
      await fleet.executeDDL(\`INSERT INTO applied (version) VALUES ('\${step.version}')\`);
      console.log('applied ' + step.version);
    } catch (error) {
      if (!error.message.includes('duplicate key')) throw error;
    }
  }
}

(async () => {
  const fleet = new DatabaseManager();
  await fleet.addConnection('main', {
    dbHost: process.env.APP_HOST,
    dbPort: Number(process.env.APP_PORT),
    dbUser: process.env.APP_USER,
    dbPassword: process.env.APP_PASSWORD,
    dbName: process.env.APP_DATABASE,
  });
  await migrate(fleet);
  await migrate(fleet);
})();
`;

const PROBE = `
const DatabaseManager = require('./services/DatabaseManager');

async function probe() {
  const fleet = new DatabaseManager();
  try {
    const result = await fleet.addConnection('test', {
      dbHost: process.env.APP_HOST,
      dbPort: Number(process.env.APP_PORT),
      dbUser: process.env.APP_USER,
      dbPassword: process.env.APP_PASSWORD,
    });
    console.log('connected', result.success, result.version);
    await fleet.executeDDL(\`
      CREATE TABLE IF NOT EXISTS probe_table (
        id SERIAL PRIMARY KEY,
        at TIMESTAMPTZ DEFAULT NOW()
      );
    \`);
    console.log('created');
    await fleet.executeDDL('DROP TABLE IF EXISTS probe_table;');
    console.log('dropped');
  } catch (error) {
    console.error('failed:', error.message);
  }
}

probe();
`;

for (const version of [15, 17]) {
  describe(`an app with a one-line services/DatabaseManager.js, on PostgreSQL ${version}`, () => {
    let server;
    let app;
    before(async () => {
      server = await postgres(version);
      app = makeApp({
        'single.js': SINGLE,
        'several.js': SEVERAL,
        'migrations.js': MIGRATIONS,
        'probe.js': PROBE,
      });
    });
    after(() => fs.rmSync(app, { recursive: true, force: true }));

    test('its set-up program creates the table and keeps the Supabase settings with the connection', async () => {
      const database = await server.createDatabase();
      const outcome = await runProgram('single', { APP_DATABASE: database });

      assert.deepEqual(JSON.parse(outcome.stdout), {
        url: 'https://example.supabase.co',
        key: 'anon',
        current: 'main',
      });
      assert.deepEqual(await tables(database), ['members']);
    });

    test('its tour of several databases, as roles named like Supabase roles, changes the current one only', async () => {
      const databases = await Promise.all(['app1', 'app2', 'app3'].map(() => server.createDatabase()));
      for (const database of databases) {
        await query(database, 'GRANT CREATE ON SCHEMA public TO "postgres.abc123"');
      }
      const outcome = await runProgram('several', {
        APP_DATABASE_app1: databases[0],
        APP_DATABASE_app2: databases[1],
        APP_DATABASE_app3: databases[2],
      });

      assert.equal(outcome.stdout, 'app1\n');
      assert.deepEqual(await Promise.all(databases.map(tables)), [['only_in_app1'], ['only_in_app2'], []]);
    });

    test('its migrations run twice and are applied once', async () => {
      const database = await server.createDatabase();
      const outcome = await runProgram('migrations', { APP_DATABASE: database });

      assert.equal(outcome.stdout, 'applied 001\napplied 002\n');
      const { rows } = await query(database, 'SELECT version FROM applied ORDER BY version');
      assert.deepEqual(rows, [{ version: '001' }, { version: '002' }]);
      assert.deepEqual(await tables(database), ['applied', 'plans']);
    });

    test('its connection test connects, creates and drops', async () => {
      const outcome = await runProgram('probe');

      assert.match(
        outcome.stdout,
        new RegExp(`^connected true PostgreSQL ${version}\\..*\ncreated\ndropped\n$`),
      );
      const { rows } = await query(server.database, "SELECT to_regclass('probe_table') AS found");
      assert.deepEqual(rows, [{ found: null }]);
    });

    async function runProgram(name, extra = {}) {
      const outcome = await run(path.join(app, `${name}.js`), {
        cwd: app,
        env: {
          APP_HOST: server.host,
          APP_PORT: String(server.port),
          APP_USER: server.user,
          APP_PASSWORD: server.password,
          ...extra,
        },
      });
      assert.deepEqual(
        { code: outcome.code, signal: outcome.signal, stderr: outcome.stderr },
        { code: 0, signal: null, stderr: '' },
      );
      return outcome;
    }

    function query(database, sql) {
      return server.asSuperuser((client) => client.query(sql), database);
    }

    async function tables(database) {
      const { rows } = await query(
        database,
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
      );
      return rows.map((row) => row.table_name);
    }
  });
}
