'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { platformName } = require('../../lib/native/platform.js');
const { version } = require('../../package.json');
const { run, ROOT } = require('../support/program.js');
const { remove, temporaryFolder } = require('./checkout.js');

const HOST = platformName();
const BINARY = 'not an addon';

/** @type {string} */
let folder;
before(() => (folder = temporaryFolder()));
after(() => remove(folder));

/**
 * Loads native.js in a folder that holds nothing else of the package than the given files.
 *
 * @param {Record<string, string>} files text by name
 * @param {string} [prelude] statements that run first
 * @returns {Promise<{ message: string, cause: string | undefined, directory: string }>} what it throws
 */
async function failureWith(files, prelude = '') {
  const directory = fs.mkdtempSync(path.join(folder, 'package-'));
  for (const name of ['native.js', 'lib/native/platform.js']) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.copyFileSync(path.join(ROOT, name), path.join(directory, name));
  }
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.writeFileSync(path.join(directory, name), text);
  }
  const source = `${prelude}
    try {
      require(${JSON.stringify(path.join(directory, 'native.js'))});
    } catch ({ message, cause }) {
      console.log(JSON.stringify({ message, cause: cause?.code }));
    }`;
  const outcome = await run({ source }, { cwd: directory });
  assert.equal(outcome.stderr, '');
  return { directory, ...JSON.parse(outcome.stdout) };
}

describe('the loader, when the native part', () => {
  const installed = (main, text) => ({
    [`node_modules/pgfleet-${HOST}/package.json`]: JSON.stringify({ main }),
    [`node_modules/pgfleet-${HOST}/${main}`]: text,
  });
  const remedy =
    'run "npm ci --include=optional" on this platform ("npm install --include=optional" where there is no lock file; with pnpm or Yarn, name the platform under supportedArchitectures).';

  test('is not installed, names the package and a command that leaves package.json as it is', async () => {
    const { message } = await failureWith({});
    assert.match(
      message,
      new RegExp(`^The native part of pgfleet for ${HOST}( \\(this Node runs on \\w+\\))? is missing`),
    );
    assert.ok(message.endsWith(`the package pgfleet-${HOST} isn't installed; ${remedy}`), message);
  });

  test('is not built in a checkout, names the command that builds it', async () => {
    const { message, directory } = await failureWith({ 'Cargo.toml': '' });
    assert.ok(message.endsWith(`is missing: it isn't built; run "npm run setup" in ${directory}.`), message);
  });

  test('is missing in an unpacked archive, names the archive', async () => {
    const { message, directory } = await failureWith({ 'dependencies.js': '' });
    assert.ok(
      message.endsWith(
        `is missing: pgfleet.${HOST}.node isn't in ${directory}; unpack pgfleet-folder-${version}.tgz again, which has those of all platforms.`,
      ),
      message,
    );
  });

  test('is of another version, names both versions and the command', async () => {
    const { message } = await failureWith(installed('index.js', "exports.version = () => '0.0.1';"));
    assert.equal(
      message,
      `The native part of pgfleet has another version than pgfleet: pgfleet-${HOST} is 0.0.1, pgfleet is ${version}; ${remedy}`,
    );
  });

  test('is of the time when it had no version, says so', async () => {
    const { message } = await failureWith(installed('index.js', ''));
    assert.ok(message.includes(`pgfleet-${HOST} is older, pgfleet is ${version};`), message);
  });

  test('is installed and broken, says what the system says of it and names the command', async () => {
    const { message, cause } = await failureWith(installed('addon.node', BINARY));
    assert.ok(message.startsWith(`The native part of pgfleet, pgfleet-${HOST}, can't be loaded (`), message);
    assert.ok(message.endsWith(remedy), message);
    assert.equal(cause, 'ERR_DLOPEN_FAILED');
  });

  test('is built and broken, names the command that builds it again', async () => {
    const { message, directory } = await failureWith({ 'Cargo.toml': '', [`pgfleet.${HOST}.node`]: BINARY });
    assert.ok(
      message.startsWith(`The native part of pgfleet, pgfleet.${HOST}.node, can't be loaded (`),
      message,
    );
    assert.ok(message.endsWith(`run "npm run build" in ${directory}.`), message);
  });

  test("doesn't exist for the platform, lists the platforms that it exists for", async () => {
    const { message } = await failureWith(
      {},
      `Object.defineProperty(process, 'platform', { value: 'sunos' });`,
    );
    assert.match(
      message,
      /^pgfleet has no native part for sunos-\w+; it has one for linux-x64-gnu, .*arm64-msvc\.$/,
    );
  });
});

describe('the platform of a Node whose program', () => {
  const here = process.platform === 'linux' ? HOST : undefined;
  for (const [what, where] of [
    ['is gone', () => path.join(folder, 'gone')],
    ['is no file', () => folder],
  ]) {
    test(
      `${what} is what its report says`,
      { skip: here === undefined && 'only Linux has two C libraries' },
      async () => {
        const { message } = await failureWith({}, `process.execPath = ${JSON.stringify(where())};`);
        assert.match(message, new RegExp(`^The native part of pgfleet for ${here} `));
      },
    );
  }
});

describe('the platform of', () => {
  const platforms = [
    ['linux', '/lib64/ld-linux-x86-64.so.2', /^pgfleet-linux-\w+-gnu$/],
    ['linux', '/lib/ld-musl-aarch64.so.1', /^pgfleet-linux-\w+-musl$/],
    ['darwin', '', /^pgfleet-darwin-\w+$/],
    ['win32', '', /^pgfleet-win32-\w+-msvc$/],
  ];
  for (const [platform, loader, expected] of platforms) {
    test(`a Node on ${platform}${loader && ` whose loader is ${loader}`} has the package ${expected.source}`, async () => {
      const program = path.join(folder, 'node');
      fs.writeFileSync(program, `\x7fELF\0${loader}\0`);
      const { message } = await failureWith(
        {},
        `process.execPath = ${JSON.stringify(program)};
         Object.defineProperty(process, 'platform', { value: '${platform}' });`,
      );
      assert.match(/the package (\S+) isn't installed/.exec(message)[1], expected);
    });
  }
});

test('the addon of this platform loads from a folder that has nothing else', async () => {
  const directory = fs.mkdtempSync(path.join(folder, 'alone-'));
  for (const name of ['native.js', 'lib/native/platform.js', `pgfleet.${HOST}.node`]) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.copyFileSync(path.join(ROOT, name), path.join(directory, name));
  }
  const outcome = await run({ source: 'console.log(typeof require("./native.js"))' }, { cwd: directory });
  assert.deepEqual([outcome.stdout, outcome.stderr, outcome.code], ['object\n', '', 0]);
});
