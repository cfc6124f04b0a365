'use strict';

// Setup on a checkout whose addon is a crate of one line, so that it is built in a second.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, beforeEach, describe, test } = require('node:test');
const { platformName } = require('../../lib/native/platform.js');
const manifest = require('../../package.json');
const { run, ROOT } = require('../support/program.js');
const { remove, temporaryFolder } = require('./checkout.js');

const ADDON = `pgfleet.${platformName()}.node`;

const FILES = {
  ...packageFiles('local'),
  'Cargo.toml': [
    '[package]\nname = "pgfleet"\nversion = "0.1.0"\nedition = "2021"',
    '[lib]\ncrate-type = ["cdylib"]',
    '[workspace]\n',
  ].join('\n'),
  'Cargo.lock': 'version = 3\n\n[[package]]\nname = "pgfleet"\nversion = "0.1.0"\n',
  'src/lib.rs': '#[no_mangle]\npub extern "C" fn answer() -> u8 {\n    41\n}\n',
  'local/package.json': JSON.stringify({ name: 'local', version: '1.0.0' }),
  'other/package.json': JSON.stringify({ name: 'other', version: '1.0.0' }),
};

/** @param {string[]} names folders that the checkout depends on @returns {Record<string, string>} */
function packageFiles(...names) {
  const dependencies = Object.fromEntries(names.map((name) => [name, `file:${name}`]));
  const links = names.flatMap((name) => [
    [`node_modules/${name}`, { resolved: name, link: true }],
    [name, { version: '1.0.0' }],
  ]);
  const { name, version, napi } = manifest;
  const packages = { '': { name, version, dependencies }, ...Object.fromEntries(links) };
  return {
    'package.json': JSON.stringify({ name, version, napi, dependencies }),
    'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages }),
  };
}

/** @type {string} */
let checkout;

/** @param {string} name @param {string} text */
function write(name, text) {
  fs.mkdirSync(path.dirname(path.join(checkout, name)), { recursive: true });
  fs.writeFileSync(path.join(checkout, name), text);
}

/** @param {Record<string, string>} [env] */
function setup(env) {
  return run(path.join(checkout, 'scripts/setup.mjs'), { cwd: checkout, env, timeoutMillis: 300_000 });
}

/** @returns {Promise<string[]>} the first two words of each line that setup says of itself */
async function steps() {
  const { code, stdout, stderr } = await setup();
  assert.equal(code, 0, stderr);
  const lines = stdout.split('\n').filter((line) => line.startsWith('pgfleet: '));
  return lines.map((line) => line.split(' ').slice(1, 3).join(' '));
}

describe('setup', () => {
  before(() => {
    checkout = temporaryFolder();
    fs.cpSync(path.join(ROOT, 'scripts'), path.join(checkout, 'scripts'), { recursive: true });
    fs.cpSync(path.join(ROOT, 'lib/native/platform.js'), path.join(checkout, 'lib/native/platform.js'));
    for (const name of ['LICENSE', 'THIRD-PARTY-NOTICES.md']) {
      fs.cpSync(path.join(ROOT, name), path.join(checkout, name));
    }
  });
  after(() => remove(checkout));

  beforeEach(async () => {
    for (const [name, text] of Object.entries(FILES)) write(name, text);
    await setup();
  });

  test('installs and builds in a checkout that has nothing', async () => {
    for (const name of ['node_modules', 'target', 'npm', ADDON]) remove(path.join(checkout, name));
    assert.deepEqual((await steps()).sort(), ['cargo build', 'npm ci']);
    assert.ok(fs.existsSync(path.join(checkout, ADDON)));
  });

  test('installs and builds side by side', { skip: process.platform === 'win32' }, async () => {
    for (const name of ['node_modules', ADDON]) remove(path.join(checkout, name));
    // Each goes on when the other one is there as well.
    const meet = (own, other) => `
      const fs = require('node:fs');
      fs.writeFileSync(${JSON.stringify(path.join(checkout, own))}, '');
      for (let turn = 0; !fs.existsSync(${JSON.stringify(path.join(checkout, other))}); turn += 1) {
        if (turn === 3000) throw new Error('${other} never came');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }`;
    write('npm.js', meet('npm-came', 'cargo-came'));
    write('bin/cargo', `#!${process.execPath}\n${meet('cargo-came', 'npm-came')}\nprocess.exit(7);`);
    fs.chmodSync(path.join(checkout, 'bin/cargo'), 0o755);
    const { stderr } = await setup({
      PATH: path.join(checkout, 'bin'),
      npm_execpath: path.join(checkout, 'npm.js'),
    });
    assert.match(stderr, /^pgfleet: cargo build failed[^\n]*\n$/); // and nothing of the one that never came
  });

  test('puts the addon into the package of its platform', async () => {
    const packed = path.join(checkout, 'npm', platformName());
    assert.deepEqual(fs.readFileSync(path.join(packed, ADDON)), fs.readFileSync(path.join(checkout, ADDON)));
    const { name, version, main, os, cpu } = JSON.parse(
      fs.readFileSync(path.join(packed, 'package.json'), 'utf8'),
    );
    assert.deepEqual(
      { name, version, main, os, cpu },
      {
        name: `pgfleet-${platformName()}`,
        version: manifest.version,
        main: ADDON,
        os: [process.platform],
        cpu: [process.arch],
      },
    );
  });

  test('does nothing and says nothing when nothing is stale', async () => {
    const { code, stdout, stderr } = await setup();
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
  });

  test('does nothing when files only have other times', async () => {
    for (const name of Object.keys(FILES)) fs.utimesSync(path.join(checkout, name), new Date(), new Date());
    assert.deepEqual(await steps(), []);
  });

  for (const name of ['src/lib.rs', 'Cargo.toml', 'src/added.rs', 'build.rs']) {
    test(`builds, and doesn't install, after a change of ${name}`, async (t) => {
      t.after(() => !(name in FILES) && remove(path.join(checkout, name)));
      write(name, name === 'build.rs' ? 'fn main() {}\n' : `${FILES[name] ?? ''}\n`);
      assert.deepEqual(await steps(), ['cargo build']);
      assert.deepEqual(await steps(), []);
    });
  }

  test("installs, and doesn't build, after a change of package-lock.json", async () => {
    for (const [name, text] of Object.entries(packageFiles('local', 'other'))) write(name, text);
    assert.deepEqual(await steps(), ['npm ci']);
    assert.ok(fs.existsSync(path.join(checkout, 'node_modules/other/package.json')));
    assert.deepEqual(await steps(), []);
  });

  test('says what to install when there is no cargo', async () => {
    write('src/lib.rs', '// changed\n');
    const nowhere = path.join(checkout, 'nowhere');
    const { code, stderr } = await setup({ PATH: nowhere, CARGO_HOME: nowhere });
    assert.equal(code, 1);
    assert.match(stderr, /^pgfleet: cargo isn't installed.*install Rust from https:\/\/rustup\.rs.*\n$/);
  });

  test('fails, and leaves the addon that is there, when the sources are wrong', async () => {
    const addon = fs.readFileSync(path.join(checkout, ADDON));
    write('src/lib.rs', 'fn broken( {}\n');
    const { code, stderr } = await setup();
    assert.equal(code, 1);
    assert.match(stderr, /pgfleet: cargo build failed/);
    assert.deepEqual(fs.readFileSync(path.join(checkout, ADDON)), addon);
  });
});
