'use strict';

// Programs that bundlers make of the installed package, run where nothing else is: docs/bundlers.md says the same.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { promisify } = require('node:util');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');
const { packTarballs, remove, temporaryFolder } = require('./checkout.js');
const { npm } = require('./npm.js');
const { unpack } = require('./tarball.js');

const USE = `
  async function main() {
    const manager = new DatabaseManager();
    await manager.addConnection('main', { connectionString: process.env.DATABASE_URL, ssl: false });
    const [, { rows }] = await manager.executeDDL('CREATE TEMPORARY TABLE bundled (n int); SELECT 7 AS seven');
    const pool = new Pool({ connectionString: process.env.DATABASE_URL });
    const { rows: more } = await pool.query('SELECT $1::text[] AS list', [['a', 'b']]);
    await pool.end();
    console.log(JSON.stringify([...rows, ...more]));
  }
  main();
`;
const ANSWER = '[{"seven":7},{"list":["a","b"]}]\n';

const PROGRAMS = {
  'required.cjs': `const DatabaseManager = require('pgfleet'); const { Pool } = require('pgfleet/pg'); ${USE}`,
  'imported.mjs': `import DatabaseManager from 'pgfleet'; import { Pool } from 'pgfleet/pg'; ${USE}`,
  'replaced.cjs': `const DatabaseManager = require('pgfleet'); const { Pool } = require('pg'); ${USE}`,
  'folder.cjs': `const DatabaseManager = require('./services/DatabaseManager'); const { Pool } = DatabaseManager; ${USE}`,
};

describe('a bundle', () => {
  /** @type {string} */
  let folder;
  /** @type {string} */
  let app;
  /** @type {Record<string, string>} */
  let env;

  before(async () => {
    folder = temporaryFolder();
    const { main, platform, folder: archive } = await packTarballs(folder);
    app = path.join(folder, 'app');
    unpack(archive, path.join(app, 'services'), '');
    for (const [name, text] of Object.entries(PROGRAMS)) fs.writeFileSync(path.join(app, name), text);
    fs.writeFileSync(path.join(app, 'package.json'), JSON.stringify({ name: 'app', private: true }));
    await npm(['install', '--prefer-offline', '--no-audit', '--no-fund', main, platform], { cwd: app });
    env = { DATABASE_URL: (await postgres()).url() };
  });
  after(() => remove(folder));

  /** Runs a bundle in a folder that has only what the bundler wrote. */
  async function assertRuns(output, name) {
    const elsewhere = fs.mkdtempSync(path.join(folder, 'elsewhere-'));
    fs.cpSync(output, elsewhere, { recursive: true });
    const { stdout, stderr, code } = await run(path.join(elsewhere, name), { cwd: elsewhere, env });
    assert.deepEqual({ stdout, stderr, code }, { stdout: ANSWER, stderr: '', code: 0 });
  }

  describe('by esbuild, with the loader "copy" for addons,', () => {
    /** @param {string} program @param {Record<string, any>} [options] */
    async function bundled(program, options) {
      const outdir = path.join(folder, `esbuild-${program}`);
      const { warnings } = await require('esbuild').build({
        entryPoints: [path.join(app, program)],
        absWorkingDir: app,
        outdir,
        bundle: true,
        platform: 'node',
        loader: { '.node': 'copy' },
        logLevel: 'silent',
        ...options,
      });
      assert.deepEqual(warnings, []);
      return outdir;
    }

    test('runs as CommonJS', async () => {
      await assertRuns(await bundled('required.cjs'), 'required.js');
    });

    test('runs as an ES module that has a `require`', async () => {
      const output = await bundled('imported.mjs', {
        format: 'esm',
        outExtension: { '.js': '.mjs' },
        banner: {
          js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
        },
      });
      await assertRuns(output, 'imported.mjs');
    });

    test('runs with pgfleet/pg in the place of pg', async () => {
      await assertRuns(await bundled('replaced.cjs', { alias: { pg: 'pgfleet/pg' } }), 'replaced.js');
    });

    test('runs minified', async () => {
      const output = await bundled('required.cjs', { minify: true, entryNames: 'minified' });
      await assertRuns(output, 'minified.js');
    });

    test('runs with the folder that needs no npm', async () => {
      await assertRuns(await bundled('folder.cjs'), 'folder.js');
    });
  });

  describe('by webpack, with node-loader for addons,', () => {
    /** @param {string} program @param {Record<string, any>} [options] */
    async function bundled(program, options) {
      const output = path.join(folder, `webpack-${program}`);
      const webpack = require('webpack');
      const stats = await promisify(webpack)({
        mode: 'none',
        context: app,
        target: 'node',
        entry: `./${program}`,
        output: { path: output, filename: `${program}.js` },
        node: { __dirname: false },
        module: { rules: [{ test: /\.node$/, loader: require.resolve('node-loader') }] },
        // What is built for other platforms isn't here.
        ignoreWarnings: [{ module: /pgfleet.native\.js|DatabaseManager.native\.js/ }],
        ...options,
      });
      const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
      assert.deepEqual({ errors, warnings }, { errors: [], warnings: [] });
      return output;
    }

    for (const program of ['required.cjs', 'imported.mjs', 'folder.cjs']) {
      test(`${program} runs`, async () => {
        await assertRuns(await bundled(program), `${program}.js`);
      });
    }

    test('runs minified', async () => {
      const output = await bundled('required.cjs', { mode: 'production' });
      await assertRuns(output, 'required.cjs.js');
    });

    test('runs with pgfleet/pg in the place of pg', async () => {
      const output = await bundled('replaced.cjs', { resolve: { alias: { pg$: 'pgfleet/pg' } } });
      await assertRuns(output, 'replaced.cjs.js');
    });
  });

  describe('by Rollup, which leaves the package of the platform where it is,', () => {
    /** @param {import('rollup').OutputOptions} options */
    async function bundled(options) {
      const rollup = require('rollup');
      const warnings = [];
      const bundle = await rollup.rollup({
        input: path.join(app, 'imported.mjs'),
        external: [/^pgfleet-/],
        plugins: [
          require('@rollup/plugin-node-resolve').nodeResolve({ preferBuiltins: true }),
          require('@rollup/plugin-commonjs')(),
        ],
        onLog: (level, log) => level === 'warn' && warnings.push(log.message),
      });
      await bundle.write(options);
      await bundle.close();
      assert.deepEqual(warnings, []);
    }

    async function assertRunsInPlace(file) {
      const { stdout, stderr, code } = await run(file, { cwd: app, env });
      assert.deepEqual({ stdout, stderr, code }, { stdout: ANSWER, stderr: '', code: 0 });
    }

    test('runs as CommonJS', async () => {
      const file = path.join(app, 'rollup', 'bundle.cjs');
      await bundled({ file, format: 'cjs' });
      await assertRunsInPlace(file);
    });

    test('runs as an ES module that has a `require`', async () => {
      const file = path.join(app, 'rollup', 'bundle.mjs');
      const banner =
        "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);";
      await bundled({ file, format: 'es', banner });
      await assertRunsInPlace(file);
    });
  });

  test('that lacks the addon says so, and ends', async () => {
    const outdir = path.join(folder, 'without');
    await require('esbuild').build({
      entryPoints: [path.join(app, 'required.cjs')],
      absWorkingDir: app,
      outdir,
      bundle: true,
      platform: 'node',
      external: ['pgfleet-*'],
      logLevel: 'silent',
    });
    const { stderr, code } = await run(path.join(outdir, 'required.js'), { cwd: outdir });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /The native part of pgfleet for \S+.* is missing: the package pgfleet-\S+ isn't installed/,
    );
  });
});
