'use strict';

// The guide's chapter on environment variables: a .env of its form is all that a program has, and every database in it is
// found and used.

const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { makeApp } = require('../support/app-folder.js');
const { runWithNames, withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');

const REF = 'dedlbzhpgkmetvhbkyzq';
/** Where each project lives. Nothing in the environment says so. */
const PROJECTS = {
  [REF]: { home: 'aws-1-us-east-1', password: 'your_database_password_here' },
  project1: { home: 'aws-0-eu-central-1', password: 'password1' },
  project2: { home: 'aws-2-ap-south-1', password: 'password2' },
};
const REGIONS = ['us-east-1', 'eu-central-1', 'ap-south-1', 'sa-east-1'];

const ENVIRONMENT = `# .env file
SUPABASE_URL=https://${REF}.supabase.co
SUPABASE_ANON_KEY=your_anon_key_here
SUPABASE_DB_PASSWORD=your_database_password_here

# Optional: Multiple database support
DATABASE_1_URL=https://project1.supabase.co
DATABASE_1_PASSWORD=password1
DATABASE_2_URL=https://project2.supabase.co
DATABASE_2_PASSWORD=password2
`;

const PROGRAM = `
const DatabaseManager = require('./services/DatabaseManager');

async function main() {
  const dbManager = await DatabaseManager.fromEnv();
  const names = [...dbManager.connections.keys()];
  console.log(names.join(' '), dbManager.currentConnection);
  for (const name of names) {
    await dbManager.switchConnection(name);
    await dbManager.executeDDL(\`CREATE TABLE in_\${name} (id INT)\`);
  }
}

main();
`;

describe('a program that has nothing but its environment', { skip: withoutNames }, () => {
  let server;
  let supabase;
  const databases = {};
  before(async () => {
    server = await postgres();
    const clusters = Object.fromEntries(
      REGIONS.flatMap((region) => [0, 1, 2].map((index) => [`aws-${index}-${region}`, { tenants: {} }])),
    );
    for (const [ref, { home, password }] of Object.entries(PROJECTS)) {
      databases[ref] = await server.createDatabase();
      clusters[home].tenants[ref] = {
        roles: { postgres: password },
        databases: { postgres: databases[ref] },
      };
    }
    supabase = await startSupabase({ server, clusters });
  });
  after(() => supabase.close());

  test('finds the databases of its .env, of which only projects and passwords are known', async (t) => {
    const outcome = await runProgram(t, { '.env': ENVIRONMENT });
    assert.deepEqual(outcome, { code: 0, stdout: 'main database_1 database_2 main\n', stderr: '' });
    assert.deepEqual(await tables(REF), ['in_main']);
    assert.deepEqual(await tables('project1'), ['in_database_1']);
    assert.deepEqual(await tables('project2'), ['in_database_2']);
    assert.equal(supabase.ledger.authAttempts, 3);
  });

  test('uses the pooler that the environment names', async (t) => {
    const environment = `SUPABASE_POOLER_URL=postgresql://postgres.project1:password1@aws-0-eu-central-1.pooler.supabase.com:5432/postgres
SUPABASE_URL=https://project1.supabase.co
`;
    const outcome = await runProgram(t, {
      '.env': environment,
      'program.js': PROGRAM.replace('in_', 'by_pooler_'),
    });
    assert.deepEqual(outcome, { code: 0, stdout: 'main main\n', stderr: '' });
    assert.deepEqual(supabase.ledger.startupsByHost, { 'aws-0-eu-central-1': 1 });
    assert.ok((await tables('project1')).includes('by_pooler_main'));
  });

  async function runProgram(t, files) {
    const app = makeApp({ 'program.js': PROGRAM, ...files });
    t.after(() => fs.rmSync(app, { recursive: true, force: true }));
    supabase.ledger.forget();
    const { code, stdout, stderr } = await runWithNames(path.join(app, 'program.js'), {
      hosts: supabase.hosts,
      cwd: app,
    });
    return { code, stdout, stderr };
  }

  async function tables(ref) {
    const { rows } = await server.asSuperuser(
      (client) => client.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"),
      databases[ref],
    );
    return rows.map(({ tablename }) => tablename);
  }
});
