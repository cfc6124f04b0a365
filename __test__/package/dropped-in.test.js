'use strict';

// The package without npm: the archive unpacked as the folder services/DatabaseManager/ of an application that has
// nothing else.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { postgres } = require('../support/server.js');
const { run, ROOT } = require('../support/program.js');
const { packTarballs, remove, temporaryFolder } = require('./checkout.js');
const { unpack } = require('./tarball.js');

// The quick test of the guide that programs follow, with the server from the environment.
const TEST_CONNECTION = `
async function test() {
  const dbManager = new DatabaseManager();

  try {
    const result = await dbManager.addConnection('test', {
      dbHost: process.env.TEST_HOST,
      dbPort: process.env.TEST_PORT,
      dbUser: process.env.TEST_USER,
      dbPassword: process.env.SUPABASE_DB_PASSWORD
    });

    console.log('✅ Connected successfully');
    console.log('PostgreSQL Version:', result.version);

    // Test DDL capability
    await dbManager.executeDDL(\`
      CREATE TABLE IF NOT EXISTS connection_test (
        id SERIAL PRIMARY KEY,
        test_time TIMESTAMPTZ DEFAULT NOW()
      );
    \`);
    console.log('✅ DDL execution successful');

    // Clean up
    await dbManager.executeDDL('DROP TABLE IF EXISTS connection_test;');
    console.log('✅ Cleanup successful');

  } catch (error) {
    console.error('❌ Test failed:', error.message);
  }
}

test();
`;

const REQUIRED = `const DatabaseManager = require('./services/DatabaseManager');${TEST_CONNECTION}`;
const IMPORTED = `import DatabaseManager from './services/DatabaseManager/index.mjs';${TEST_CONNECTION}`;
const CREATED = `
import { createRequire } from 'node:module';
const DatabaseManager = createRequire(import.meta.url)('./services/DatabaseManager');${TEST_CONNECTION}`;

const APPS = {
  'an app of CommonJS': {
    manifest: {},
    programs: { 'test-connection.js': REQUIRED, 'test-connection.mjs': IMPORTED },
  },
  'an app of type module': {
    manifest: { type: 'module' },
    programs: { 'test-connection.cjs': REQUIRED, 'test-connection.js': IMPORTED, 'created.js': CREATED },
  },
};

describe('the archive', () => {
  /** @type {string} */
  let folder;
  /** @type {string} */
  let archive;

  before(async () => {
    folder = temporaryFolder();
    archive = (await packTarballs(folder)).folder;
  });
  after(() => remove(folder));

  /** An application that has nothing but its programs, and the archive in its folder services/. */
  function application(name, manifest, programs = {}) {
    const app = path.join(folder, name);
    unpack(archive, path.join(app, 'services'), '');
    fs.writeFileSync(path.join(app, 'package.json'), JSON.stringify({ name: 'app', ...manifest }));
    for (const [file, text] of Object.entries(programs)) fs.writeFileSync(path.join(app, file), text);
    return app;
  }

  test('comes along with a program that is kept in git, under the usual rules of what is not', () => {
    const app = application('in git', {});
    const names = fs.readdirSync(app, { recursive: true }).flatMap((file) => file.split(path.sep));
    const ignored = ['node_modules', 'dist', 'build', 'out', 'coverage', 'tmp', 'temp', 'logs', 'vendor'];
    assert.deepEqual(
      names.filter((name) => ignored.includes(name)),
      [],
    );
  });

  test('has the licences of what it brings along', () => {
    const text = fs.readFileSync(
      path.join(application('licences', {}), 'services/DatabaseManager/dependencies.LICENSE.txt'),
      'utf8',
    );
    for (const name of [
      'pg-protocol',
      'pg-types',
      'pgpass',
      'pg-connection-string',
      'postgres-array',
      'split2',
    ]) {
      assert.match(text, new RegExp(`^${name} \\d[^]*?Permission`, 'm'));
    }
  });

  test('has declarations that need no other package but those of Node', async () => {
    const program = `
      import DatabaseManager = require('./services/DatabaseManager');
      const manager = new DatabaseManager();
      export const version: Promise<string> = manager
        .addConnection('main', { dbHost: 'localhost' })
        .then((added) => added.version);
      export const oid: number = DatabaseManager.types.builtins.INT4;
      export const refused = (error: unknown) => error instanceof DatabaseManager.DatabaseError && error.code;
    `;
    const app = application('types', {}, { 'program.cts': program });
    const types = path.join(ROOT, 'node_modules/@types');
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--types', 'node', '--typeRoots', types];
    const { stdout, code } = await run(path.join(ROOT, 'node_modules/typescript/bin/tsc'), {
      args: [...options, '--lib', 'es2023,esnext.disposable', 'program.cts'],
      cwd: app,
    });
    assert.deepEqual({ stdout, code }, { stdout: '', code: 0 });
  });

  for (const [label, { manifest, programs }] of Object.entries(APPS)) {
    describe(`dropped into ${label}`, () => {
      /** @type {string} */
      let app;
      /** @type {import('../support/server.js').TestServer} */
      let server;

      before(async () => {
        server = await postgres();
        app = application(label, manifest, programs);
      });

      for (const name of Object.keys(programs)) {
        test(`runs the guide's test of a connection, ${name}, which ends by itself`, async () => {
          const { stdout, stderr, code } = await run(path.join(app, name), {
            cwd: app,
            env: {
              TEST_HOST: server.host,
              TEST_PORT: String(server.port),
              TEST_USER: server.user,
              SUPABASE_DB_PASSWORD: server.password,
            },
          });
          assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
          assert.match(
            stdout,
            /^✅ Connected successfully\nPostgreSQL Version: PostgreSQL 1\d.*\n✅ DDL execution successful\n✅ Cleanup successful\n$/,
          );
        });
      }
    });
  }
});
