'use strict';

// Connections as Supabase's dashboard shows them, against poolers under Supabase's own names.

const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { makeApp } = require('../support/app-folder.js');
const { runWithNames, withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');

const REF = 'abcdefghijklmnopqrst';
const CLUSTER = 'aws-0-eu-central-1';
const HOST = `${CLUSTER}.pooler.supabase.com`;
const USER = `postgres.${REF}`;
/** What would break where it isn't encoded. */
const PASSWORD = 'p@ss/w:rd?100%+&=';

/** Of the dashboard, with a place for the password. */
const FORMS = {
  URI: `postgresql://${USER}:[YOUR-PASSWORD]@${HOST}:5432/postgres`,
  '.env': `DATABASE_URL="postgresql://${USER}:[YOUR-PASSWORD]@${HOST}:5432/postgres"`,
  psql: `psql -h ${HOST} -p 5432 -d postgres -U ${USER}`,
  JDBC: `jdbc:postgresql://${HOST}:5432/postgres?user=${USER}&password=[YOUR-PASSWORD]`,
  'appsettings.json': `{
  "ConnectionStrings": {
    "DefaultConnection": "User Id=${USER};Password=[YOUR-PASSWORD];Server=${HOST};Port=5432;Database=postgres"
  }
}`,
  lines: `user=${USER} \npassword=[YOUR-PASSWORD] \nhost=${HOST}\nport=5432\ndbname=postgres`,
  SQLAlchemy: `postgresql+psycopg2://${USER}:[YOUR-PASSWORD]@${HOST}:5432/postgres`,
};

const PROGRAM = `
const DatabaseManager = require('./services/DatabaseManager');
const { forms, password } = require('./forms.json');

(async () => {
  const manager = new DatabaseManager();
  for (const [name, text] of Object.entries(forms)) {
    await manager.addConnection(name, { connectionString: text, password });
    if (!text.includes('[YOUR-PASSWORD]')) continue;
    await manager.addConnection(name + ', filled in', { url: text.replace('[YOUR-PASSWORD]', password) });
  }
  await manager.close();
})();
`;

const FROM_ENV = `
const DatabaseManager = require('./services/DatabaseManager');

(async () => {
  const manager = await DatabaseManager.fromEnv({ envFile: process.env.FILE });
  for (const name of manager.connections.keys()) {
    const { rows } = await manager.executeDDL('SELECT current_database() AS name', { database: name });
    console.log(name, rows[0].name);
  }
  await manager.close();
})();
`;

const ENVIRONMENT = `
SUPABASE_URL=https://${REF}.supabase.co
SUPABASE_DB_PASSWORD=${PASSWORD}
SUPABASE_POOLER_URL="${FORMS.URI}"
DATABASE_1_URL=${FORMS.psql}
DATABASE_1_PASSWORD=${PASSWORD}
DATABASE_1_NAME=second
DATABASE_2_HOST=${HOST}
DATABASE_2_USER=${USER}
DATABASE_2_PASSWORD=${PASSWORD}
`;

/** What the guide's readers have: URLs of projects, and passwords. */
const PROJECTS = `
SUPABASE_URL=https://${REF}.supabase.co
SUPABASE_ANON_KEY=anon
SUPABASE_DB_PASSWORD=${PASSWORD}
SUPABASE_REGION=eu-central-1
DATABASE_1_URL=https://${REF}.supabase.co
DATABASE_1_PASSWORD=${PASSWORD}
`;

describe("connections as Supabase's dashboard shows them", { skip: withoutNames }, () => {
  let server;
  let supabase;
  let app;
  let database;
  before(async () => {
    server = await postgres();
    database = await server.createDatabase();
    const tenants = { [REF]: { roles: { postgres: PASSWORD }, databases: { postgres: database } } };
    supabase = await startSupabase({ server, clusters: { [CLUSTER]: { tenants } } });
    app = makeApp({
      'forms.js': PROGRAM,
      'from-env.js': FROM_ENV,
      'forms.json': JSON.stringify({ forms: FORMS, password: PASSWORD }),
      '.env': ENVIRONMENT,
      'projects.env': PROJECTS,
    });
  });
  after(async () => {
    fs.rmSync(app, { recursive: true, force: true });
    await supabase.close();
  });

  async function output(name, env = {}) {
    supabase.ledger.forget();
    const outcome = await runWithNames(path.join(app, name), { hosts: supabase.hosts, cwd: app, env });
    const { code, signal, stderr } = outcome;
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
    return outcome.stdout;
  }

  test('connect in each form, with the password beside it or filled in as it is', async () => {
    assert.equal(await output('forms.js'), '');
    const { length } = Object.values(FORMS).flatMap((text) =>
      text.includes('[YOUR-PASSWORD]') ? [1, 2] : [1],
    );
    assert.deepEqual(supabase.ledger.outcomes, Array(length).fill('logged in'));
  });

  test('connect from the variables of a .env', async () => {
    const expected = ['main', 'second', 'database_2'].map((name) => `${name} ${database}\n`);
    assert.equal(await output('from-env.js'), expected.join(''));
    assert.deepEqual(supabase.ledger.outcomes, Array(3).fill('logged in'));
  });

  test('connect from the URLs of projects, whose pooler is found', async () => {
    const expected = ['main', 'database_1'].map((name) => `${name} ${database}\n`);
    assert.equal(await output('from-env.js', { FILE: 'projects.env' }), expected.join(''));
    assert.equal(supabase.ledger.outcomes.filter((outcome) => outcome === 'logged in').length, 2);
    assert.equal(supabase.ledger.authAttempts, 2);
  });
});
