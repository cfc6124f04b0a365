'use strict';

// What a user gets: the tarballs of the package and of this platform, installed by npm in an empty folder, with
// nothing in the search path that could compile.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const manifest = require('../../package.json');
const { platformName } = require('../../lib/native/platform.js');
const { run, ROOT } = require('../support/program.js');
const { packTarballs, remove, temporaryFolder } = require('./checkout.js');
const { npm } = require('./npm.js');

/** Proves that the class is there and that its native part works, with nothing to connect to. */
const PROBE = `
  const manager = new DatabaseManager();
  manager
    .addConnection('nowhere', { dbHost: '127.0.0.1', dbPort: 1, dbUser: 'nobody', ssl: false })
    .catch((error) => console.log(error.code, manager.connections.size));
`;

const ANSWER = 'ECONNREFUSED 0\n';

describe('the tarballs', () => {
  /** @type {string} */
  let folder;
  /** @type {string} */
  let app;

  before(async () => {
    folder = temporaryFolder();
    const { main, platform } = await packTarballs(folder);
    app = path.join(folder, 'app');
    const nothing = path.join(folder, 'nothing');
    fs.mkdirSync(app);
    fs.mkdirSync(nothing);
    write('package.json', JSON.stringify({ name: 'app', private: true }));
    await npm(['install', '--prefer-offline', '--no-audit', '--no-fund', main, platform], {
      cwd: app,
      env: { PATH: nothing, CARGO_HOME: nothing },
    });
  });
  after(() => remove(folder));

  function write(name, text) {
    fs.writeFileSync(path.join(app, name), text);
    return path.join(app, name);
  }

  /** @param {string} name @param {string} text */
  async function outputOf(name, text) {
    const { stdout, stderr, code } = await run(write(name, text), { cwd: app });
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
    return stdout;
  }

  /** @returns {string[]} names of all files, with slashes */
  function filesBelow(directory) {
    const isFile = (name) => fs.statSync(path.join(directory, name)).isFile();
    const names = fs.readdirSync(directory, { recursive: true }).filter(isFile);
    return names.map((name) => name.replaceAll(path.sep, '/'));
  }

  const installed = (...parts) => path.join(app, 'node_modules', ...parts);

  test('hold what runs, and neither tests nor sources', () => {
    const files = fs.readdirSync(installed('pgfleet')).sort();
    const always = ['LICENSE', 'README.md', 'package.json'];
    const listed = manifest.files.map((name) => name.split('/')[0]);
    assert.deepEqual(files, [...new Set([...listed, ...always])].sort());
    assert.deepEqual(
      fs.readdirSync(installed(`pgfleet-${platformName()}`)).sort(),
      [...always, 'THIRD-PARTY-NOTICES.md', `pgfleet.${platformName()}.node`].sort(),
    );
  });

  test('have documents whose links lead to files that are in them as well', () => {
    const documents = filesBelow(installed('pgfleet')).filter((name) => name.endsWith('.md'));
    assert.ok(documents.includes('README.md'));
    const broken = documents.flatMap((name) => {
      const text = fs.readFileSync(installed('pgfleet', name), 'utf8');
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, link]) => link);
      return links
        .filter((link) => !fs.existsSync(installed('pgfleet', path.dirname(name), link)))
        .map((link) => `${name}: ${link}`);
    });
    assert.deepEqual(broken, []);
  });

  test('have no scripts, for those would run what only a checkout has', () => {
    for (const name of ['pgfleet', `pgfleet-${platformName()}`]) {
      const { scripts = {} } = JSON.parse(fs.readFileSync(installed(name, 'package.json'), 'utf8'));
      assert.deepEqual(scripts, {}, name);
    }
  });

  test('say where the project is to be found as far as package.json of the checkout does', () => {
    const { repository, homepage, bugs } = manifest;
    const said = {
      ...(repository.url && { repository }),
      ...(homepage && { homepage }),
      ...(bugs.url && { bugs }),
    };
    for (const name of ['pgfleet', `pgfleet-${platformName()}`]) {
      const packed = JSON.parse(fs.readFileSync(installed(name, 'package.json'), 'utf8'));
      const fields = Object.entries(packed).filter(([key]) =>
        ['repository', 'homepage', 'bugs'].includes(key),
      );
      assert.deepEqual(Object.fromEntries(fields), said, name);
    }
  });

  test('pin the packages of all platforms to the version of the main package', () => {
    const { optionalDependencies, version } = JSON.parse(
      fs.readFileSync(installed('pgfleet', 'package.json'), 'utf8'),
    );
    assert.equal(Object.keys(optionalDependencies).length, manifest.napi.targets.length);
    assert.deepEqual(new Set(Object.values(optionalDependencies)), new Set([version]));
    assert.ok(`pgfleet-${platformName()}` in optionalDependencies);
  });

  for (const name of ['pgfleet', 'pgfleet/services/DatabaseManager']) {
    test(`${name} works from CommonJS`, async () => {
      const text = `const DatabaseManager = require('${name}');${PROBE}`;
      assert.equal(await outputOf('program.cjs', text), ANSWER);
    });

    test(`${name} works from an ES module`, async () => {
      const text = `import DatabaseManager from '${name}';${PROBE}`;
      assert.equal(await outputOf('program.mjs', text), ANSWER);
    });
  }

  test('pgfleet has its names from CommonJS and from an ES module', async () => {
    const names = '[DatabaseManager, Pool, Client].map(({ name }) => name).join()';
    const list = '{ DatabaseManager, Pool, Client }';
    assert.equal(
      await outputOf('names.cjs', `const ${list} = require('pgfleet'); console.log(${names});`),
      await outputOf('names.mjs', `import ${list} from 'pgfleet'; console.log(${names});`),
    );
  });

  test('pgfleet/pg is pg from CommonJS and from an ES module', async () => {
    const text = `console.log(Object.keys(pg).sort().join());`;
    const expected = `${Object.keys(require('pg')).sort().join()}\n`;
    assert.equal(await outputOf('pg.cjs', `const pg = require('pgfleet/pg');${text}`), expected);
    assert.equal(await outputOf('pg.mjs', `import pg from 'pgfleet/pg';${text}`), expected);
  });

  for (const [module, resolution, extensions] of [
    ['nodenext', 'nodenext', /\.[cm]ts$/],
    // What `module: commonjs` alone means: it knows no `exports`.
    ['commonjs', 'node10', /\.cts$/],
  ]) {
    test(`TypeScript understands every import under ${resolution}, strictly, libraries checked`, async () => {
      const consumers = path.join(ROOT, '__test__', 'types', 'consumers');
      const files = fs.readdirSync(consumers).filter((name) => extensions.test(name));
      for (const name of files) fs.copyFileSync(path.join(consumers, name), path.join(app, name));
      const options = [
        ...['--strict', '--noEmit', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'],
        ...['--module', module, '--moduleResolution', resolution, '--types', 'node'],
      ];
      const { stdout, code } = await run(path.join(ROOT, 'node_modules/typescript/bin/tsc'), {
        args: [...options, ...files],
        cwd: app,
      });
      assert.deepEqual({ stdout, code }, { stdout: '', code: 0 });
    });
  }

  test('the package says what is missing when npm left out the one of the platform', async (t) => {
    const [there, away] = [installed(`pgfleet-${platformName()}`), path.join(folder, 'away')];
    fs.renameSync(there, away);
    t.after(() => fs.renameSync(away, there));
    const { stderr, code } = await run(write('missing.cjs', "require('pgfleet');"), { cwd: app });
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`pgfleet-${platformName()} isn't installed; run "npm ci --include=optional"`),
    );
  });
});
