'use strict';

// The code of the documents, run as it stands there.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { root } = require('./compiler');
const { run } = require('../support/program');
const { postgres } = require('../support/server');

/** The code block of a document that begins below a heading. */
function codeBelow(file, heading) {
  const text = fs.readFileSync(path.join(root, file), 'utf8');
  const section = text.slice(text.indexOf(`\n## ${heading}\n`));
  const [, code] = /```js\n([^]*?)```/.exec(section);
  return code;
}

test('the ten lines of the README connect, create, insert and end by themselves', async () => {
  const server = await postgres();
  const database = await server.createDatabase();
  const source = codeBelow('README.md', 'Ten lines');
  const outcome = await run({ source }, { env: { DATABASE_URL: server.url(database) } });
  assert.equal(outcome.stderr, '');
  assert.equal(outcome.code, 0);
  assert.match(outcome.stdout, /^PostgreSQL 17\S* on /);
  assert.match(outcome.stdout, /\{ id: 1, body: 'hello' \}/);
});

for (const env of [{}, { DATABASE_URL: '' }]) {
  test(`the ten lines say which variable to set when it is ${'DATABASE_URL' in env ? 'empty' : 'not there'}`, async () => {
    const source = `delete process.env.DATABASE_URL; Object.assign(process.env, ${JSON.stringify(env)});
      ${codeBelow('README.md', 'Ten lines')}`;
    const { stdout, stderr } = await run({ source });
    assert.deepEqual(
      { stdout, stderr },
      {
        stdout: '',
        stderr: 'Set DATABASE_URL, such as postgres://user:password@host:5432/database.\n',
      },
    );
  });
}

test('the loop over many databases of the README runs', async () => {
  const server = await postgres();
  const databases = { app1: await server.createDatabase(), app2: await server.createDatabase() };
  databases.app3 = await server.createDatabase();
  const code = codeBelow('README.md', 'Many databases')
    .replace(
      'dbUser: `postgres.${refs[name]}`',
      'dbUser: user, dbHost: host, dbPort: port, dbName: databases[name]',
    )
    .replace('dbPassword: passwords[name]', 'dbPassword: password');
  const given = { ...server.config(), databases };
  const source = `
    const DatabaseManager = require('pgfleet');
    const { host, port, user, password, databases } = ${JSON.stringify(given)};
    (async () => {${code}})();`;
  const outcome = await run({ source });
  assert.equal(outcome.stderr, '');
  const names = outcome.stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0]);
  assert.deepEqual(names.sort(), ['app1', 'app2', 'app3']);
  const tables = await server.asSuperuser(
    (client) => client.query("SELECT to_regclass('invoices') IS NOT NULL AS made"),
    databases.app2,
  );
  assert.deepEqual(tables.rows, [{ made: true }]);
});

test('pgfleet/register puts pgfleet in the place of pg, for require and for import', async () => {
  const server = await postgres();
  const env = { DATABASE_URL: server.url() };
  const source = `
    const pg = require('pg');
    const client = new pg.Client(process.env.DATABASE_URL);
    (async () => {
      const imported = await import('pg');
      await client.connect();
      const { rows } = await client.query('SELECT 1 AS one');
      await client.end();
      console.log(rows[0].one, pg === require('pgfleet/pg'), imported.Client === pg.Client);
    })();`;
  for (const option of ['--require', '--import']) {
    const outcome = await run({ source }, { env, execArgv: [option, 'pgfleet/register'] });
    assert.equal(outcome.stderr, '', option);
    assert.equal(outcome.stdout, '1 true true\n', option);
  }
});
