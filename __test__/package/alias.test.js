'use strict';

// The package @pgfleet/pg, installed by npm as `pg`: programs that ask for that by name, version or file get pgfleet.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { runProgram } = require('../support/library.js');
const { run, ROOT } = require('../support/program.js');
const { postgres } = require('../support/server.js');
const { packTarballs, remove, temporaryFolder } = require('./checkout.js');
const { npm } = require('./npm.js');
const { startRegistry } = require('./registry.js');
const { unpack } = require('./tarball.js');

const PROGRAMS = path.join(ROOT, '__test__/libraries/programs');
const PG_VERSION = require('pg/package.json').version;

describe('the package that pg is an alias of', () => {
  /** @type {string} */
  let folder;
  /** @type {Awaited<ReturnType<typeof packTarballs>>} */
  let tarballs;
  /** @type {string} */
  let app;

  before(async () => {
    folder = temporaryFolder();
    tarballs = await packTarballs(folder);
    app = path.join(folder, 'app');
    const alias = path.join(folder, 'alias');
    unpack(tarballs.alias, alias);
    const manifest = JSON.parse(fs.readFileSync(path.join(alias, 'package.json'), 'utf8'));
    const registry = await startRegistry(manifest, tarballs.alias);
    write('.npmrc', `@pgfleet:registry=${registry.url}\n`);
    const library = path.join(folder, 'library.tgz');
    const { writeArchive } = await import('../../scripts/archive.mjs');
    writeArchive(library, {
      'package/package.json': JSON.stringify({
        name: 'library',
        version: '1.0.0',
        peerDependencies: { pg: '>=8' },
      }),
      'package/index.js': "module.exports = require('pg');",
    });
    write('package.json', JSON.stringify({ name: 'app', private: true }));
    const options = ['--prefer-offline', '--no-audit', '--no-fund', '--strict-peer-deps'];
    try {
      await npm(
        ['install', ...options, tarballs.main, tarballs.platform, 'pg@npm:@pgfleet/pg@8.x', library],
        { cwd: app },
      );
    } finally {
      registry.stop();
    }
  });
  after(() => remove(folder));

  function write(name, text) {
    fs.mkdirSync(path.dirname(path.join(app, name)), { recursive: true });
    fs.writeFileSync(path.join(app, name), text);
    return path.join(app, name);
  }

  /** What an expression is in a program of the app. */
  async function valueOf(expression, name = 'program.cjs', head = '') {
    const text = `${head}\nPromise.resolve(${expression}).then((value) => console.log(JSON.stringify(value)));`;
    const { stdout, stderr, code } = await run(write(name, text), { cwd: app });
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
    return JSON.parse(stdout);
  }

  test('satisfies what libraries ask of the version of pg', async () => {
    const { stdout } = await npm(['ls', '--all', '--json'], { cwd: app });
    const { dependencies, problems } = JSON.parse(stdout);
    assert.equal(problems, undefined);
    assert.equal(dependencies.pg.version, PG_VERSION);
    assert.equal(dependencies.library.dependencies.pg.version, PG_VERSION);
  });

  test('has the version of the pg that pgfleet is held against', async () => {
    assert.equal(await valueOf("require('pg/package.json').version"), PG_VERSION);
  });

  test("is pgfleet's pg for the program and for its libraries", async () => {
    const ours = "require('pgfleet/pg')";
    assert.deepEqual(await valueOf(`[require('pg') === ${ours}, require('library') === ${ours}]`), [
      true,
      true,
    ]);
  });

  test('is the same as an ES module, with the names that pg has', async () => {
    const same = "[pg === require('pgfleet/pg'), Pool === pg.Pool, Object.keys(all).sort()]";
    const head = `
      import { createRequire } from 'node:module';
      import pg, { Pool } from 'pg';
      import * as all from 'pg';
      const require = createRequire(import.meta.url);`;
    assert.deepEqual(await valueOf(same, 'program.mjs', head), [
      true,
      true,
      Object.keys(await import('pg')).sort(),
    ]);
  });

  test('has the files of pg that libraries reach into, with and without .js', async () => {
    const files = fs
      .readdirSync(path.join(ROOT, 'node_modules/pg/lib'))
      .filter((name) => name.endsWith('.js') && name !== 'stream.js')
      .map((name) => path.basename(name, '.js'));
    const expression = `${JSON.stringify(files)}.filter((name) => {
      const ours = require('pgfleet/lib/' + name);
      return require('pg/lib/' + name) !== ours || require('pg/lib/' + name + '.js') !== ours;
    })`;
    assert.deepEqual(await valueOf(expression), []);
  });

  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['commonjs', 'node10'],
  ]) {
    test(`has declarations under ${resolution}`, async () => {
      const program = write(
        `types-${resolution}.cts`,
        `import { Pool, type PoolConfig, type QueryResult } from 'pg';
         import * as pg from 'pg';
         const config: PoolConfig = { max: 1, connectionString: 'postgres://localhost' };
         export const answer: Promise<QueryResult<{ one: number }>> = new Pool(config).query('SELECT 1 AS one');
         export const client: pg.Client = new pg.Client();`,
      );
      const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'];
      const { stdout, code } = await run(path.join(ROOT, 'node_modules/typescript/bin/tsc'), {
        args: [...options, '--module', module, '--moduleResolution', resolution, '--types', 'node', program],
        cwd: app,
      });
      assert.deepEqual({ stdout, code }, { stdout: '', code: 0 });
    });
  }

  describe('is found by tracers', () => {
    const expected = {};
    before(async () => {
      for (const name of ['opentelemetry', 'tracers']) expected[name] = await runProgram(name, 'pg');
    });

    /** As pnpm lays packages out: under their real names, with links to them. */
    function layOutByLinks(place) {
      const store = path.join(place, 'node_modules/.pnpm/pgfleet-and-its-alias/node_modules');
      unpack(tarballs.alias, path.join(store, '@pgfleet/pg'));
      fs.symlinkSync(path.join(app, 'node_modules/pgfleet'), path.join(store, 'pgfleet'), 'junction');
      fs.symlinkSync(path.join(store, '@pgfleet/pg'), path.join(place, 'node_modules/pg'), 'junction');
      fs.symlinkSync(path.join(store, 'pgfleet'), path.join(place, 'node_modules/pgfleet'), 'junction');
    }

    for (const layout of ['npm', 'links']) {
      for (const name of ['opentelemetry', 'tracers']) {
        test(`${name} sees on it what it sees on pg, as laid out by ${layout}`, async () => {
          const place = layout === 'npm' ? app : path.join(folder, `${name} by links`);
          if (layout === 'links') layOutByLinks(place);
          const modules = path.join(ROOT, 'node_modules');
          if (!fs.existsSync(path.join(place, 'node_modules/pg-cursor'))) {
            const tools = path.join(place, 'node_modules/@opentelemetry');
            fs.symlinkSync(path.join(modules, '@opentelemetry'), tools, 'junction');
            // Its own `require('pg')` is to be answered from here.
            fs.cpSync(path.join(modules, 'pg-cursor'), path.join(place, 'node_modules/pg-cursor'), {
              recursive: true,
            });
          }
          const program = path.join(place, `${name}.js`);
          fs.copyFileSync(path.join(PROGRAMS, `${name}.js`), program);
          const server = await postgres();
          const url = server.url(await server.createDatabase());
          const { stdout, stderr, code } = await run(program, { args: [url], cwd: place });
          assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
          assert.equal(JSON.parse(stdout).driver, 'pgfleet');
          assert.deepEqual(comparable(JSON.parse(stdout)), comparable(expected[name]));
        });
      }
    }
  });
});

/** What doesn't differ from run to run: databases have names of their own, and spans that end together no order. */
function comparable({ driver, spans, ...seen }) {
  const list = spans?.map((span) => JSON.stringify(span).replace(/test_[0-9a-f]+/g, 'database')).sort();
  return { ...seen, spans: list };
}
