'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { ROOT, run } = require('../support/program.js');
const { treeOf } = require('../support/tree.js');

const { FILES } = require('../../lib/replacement.js');
const manifest = require('../../package.json');

/** @param {unknown} entry a value of `exports` @returns {string[]} the files that it leads to */
function filesOf(entry) {
  return typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(filesOf);
}

describe('package.json', () => {
  for (const [subpath, entry] of Object.entries(manifest.exports)) {
    if (subpath.includes('*')) continue;
    test(`the files of ${subpath} exist`, () => {
      const missing = filesOf(entry).filter((file) => !fs.existsSync(path.join(ROOT, file)));
      assert.deepEqual(missing, []);
    });
  }

  test('everything that it lists for the tarball exists', () => {
    const isThere = (entry) => {
      const { dir, base } = path.posix.parse(entry);
      if (!base.startsWith('*')) return fs.existsSync(path.join(ROOT, entry));
      return fs.readdirSync(path.join(ROOT, dir)).some((name) => name.endsWith(base.slice(1)));
    };
    assert.deepEqual(
      manifest.files.filter((entry) => !isThere(entry)),
      [],
    );
  });

  test('types stand before everything else in each condition, as TypeScript needs it', () => {
    const conditions = Object.values(manifest.exports).flatMap(function inner(entry) {
      return typeof entry === 'string' ? [] : [Object.keys(entry), ...Object.values(entry).flatMap(inner)];
    });
    const late = conditions.filter((names) => names.indexOf('types') > 0);
    assert.deepEqual(late, []);
  });

  test('no script of it runs when it is installed', () => {
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'preprepare', 'postprepare'];
    assert.deepEqual(
      hooks.filter((name) => name in manifest.scripts),
      [],
    );
  });

  test('the versions of the Cargo files are its own', () => {
    for (const file of ['Cargo.toml', 'Cargo.lock']) {
      const [, version] = /name = "pgfleet"\nversion = "(.*)"/.exec(
        fs.readFileSync(path.join(ROOT, file), 'utf8'),
      );
      assert.equal(version, manifest.version, file);
    }
  });
});

describe('the exports', () => {
  test('load nothing of what only configurations and commands need', async () => {
    const source = `require('./index.js');
      const files = Object.keys(require.cache).concat(process.moduleLoadList);
      console.log(files.filter((file) => /dotenv|smol-toml|config-file|environment\\.js|child_process/.test(file)));`;
    const { code, stdout, stderr } = await run({ source });
    assert.deepEqual([code, stderr, stdout], [0, '', '[]\n']);
  });

  test('every name of the class is a name of the ES module, and the same object', async () => {
    const required = require('pgfleet');
    const { default: DatabaseManager, ...imported } = await import('pgfleet');
    assert.equal(DatabaseManager, required);
    // node-postgres has `_pools` on its module object, and its ES module does not export it.
    const { default: _, _pools, ...enumerable } = required;
    assert.ok(Array.isArray(_pools));
    assert.deepEqual(Object.keys(imported).sort(), Object.keys(enumerable).sort());
    for (const [name, value] of Object.entries(enumerable)) assert.equal(imported[name], value, name);
  });

  test('the class has itself as default and by name', () => {
    const DatabaseManager = require('pgfleet');
    assert.equal(DatabaseManager.default, DatabaseManager);
    assert.equal(DatabaseManager.DatabaseManager, DatabaseManager);
  });

  test('pgfleet/services/DatabaseManager and the file in services/ are the class', () => {
    assert.equal(require('pgfleet/services/DatabaseManager'), require('pgfleet'));
    assert.equal(require('../../services/DatabaseManager'), require('pgfleet'));
    assert.equal(require('pgfleet/services/DatabaseManager.js'), require('pgfleet'));
  });

  test('pgfleet/services/DatabaseManager has the names of pgfleet as an ES module too', async () => {
    const expected = await import('pgfleet');
    for (const end of ['', '.js']) {
      assert.deepEqual({ ...(await import(`pgfleet/services/DatabaseManager${end}`)) }, { ...expected });
    }
  });

  test("a program's own file that hands pgfleet on has its names for ES modules", async (t) => {
    const directory = treeOf(t, {
      'services/DatabaseManager.js': "module.exports = require('pgfleet');",
      'services/other.cjs': "module.exports = require('pgfleet/services/DatabaseManager');",
      'program.mjs': `
        import own, { DatabaseManager, Pool } from './services/DatabaseManager.js';
        import * as names from './services/DatabaseManager.js';
        import * as others from './services/other.cjs';
        if (own !== DatabaseManager || own.Pool !== Pool) throw new Error('another class');
        // Later versions of Node have a name for the whole.
        const listed = (module) => Object.keys(module).filter((name) => name !== 'module.exports');
        console.log(JSON.stringify([listed(names), listed(others)]));`,
    });
    fs.mkdirSync(path.join(directory, 'node_modules'));
    fs.symlinkSync(ROOT, path.join(directory, 'node_modules', 'pgfleet'), 'junction');
    const { stdout, stderr } = await run(path.join(directory, 'program.mjs'), { cwd: directory });
    assert.equal(stderr, '');
    const expected = Object.keys(await import('pgfleet')).sort();
    assert.deepEqual(
      JSON.parse(stdout).map((names) => names.sort()),
      [expected, expected],
    );
  });

  test("pgfleet/pg has the names of npm's pg", () => {
    const namesOf = (module) => Object.getOwnPropertyNames(module).sort();
    assert.deepEqual(Object.keys(require('pgfleet/pg')).sort(), Object.keys(require('pg')).sort());
    assert.deepEqual(namesOf(require('pgfleet/pg')), namesOf(require('pg')));
  });

  test("pgfleet/pg as an ES module has the names of npm's pg", async () => {
    const [ours, theirs] = [await import('pgfleet/pg'), await import('pg')];
    assert.deepEqual(Object.keys(ours).sort(), Object.keys(theirs).sort());
    assert.equal(ours.default, require('pgfleet/pg'));
    assert.equal(ours.Client, require('pgfleet').Client);
  });

  test('files of pg that libraries require are there under the same names', () => {
    const offered = Object.keys(manifest.exports).flatMap(
      (subpath) => /^\.\/lib\/(.*)\.js$/.exec(subpath)?.[1] ?? [],
    );
    assert.deepEqual(offered, [...FILES.keys()]);
    for (const file of offered) {
      assert.deepEqual(typeof require(`pgfleet/lib/${file}`), typeof require(`pg/lib/${file}`), file);
      assert.equal(require(`pgfleet/lib/${file}.js`), require(`pgfleet/lib/${file}`), file);
    }
    assert.equal(typeof require('pgfleet/lib/utils').prepareValue, 'function');
  });

  test('files that pg has no counterpart of stay inside', () => {
    for (const file of ['pool', 'pool/pool', 'pg/index', 'errors', 'native/binding', 'client/client']) {
      assert.throws(() => require(`pgfleet/lib/${file}`), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' }, file);
    }
  });
});
