'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Canary } = require('../support/canary.js');
const { failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');
const { treeOf } = require('../support/tree.js');
const { toPoolConfig } = require('../../lib/manager/database-config.js');

/** A command that runs a program's text. */
const node = (source, ...args) => [process.execPath, '--eval', source, ...args];

/** @param {import('node:test').TestContext} t */
function variable(t, name, value) {
  process.env[name] = value;
  t.after(() => delete process.env[name]);
}

describe('a password by reference', () => {
  /** What a pool's function gives. */
  const read = (reference) => toPoolConfig({ dbPassword: reference }).password();

  test('is read anew whenever it is asked for', async (t) => {
    const directory = treeOf(t, { secret: 'first' });
    const file = path.join(directory, 'secret');
    const { password } = toPoolConfig({ password: { file } });
    assert.equal(await password(), 'first');
    fs.writeFileSync(file, 'second');
    assert.equal(await password(), 'second');
    variable(t, 'PGFLEET_TEST_SECRET', 'one');
    const ofEnvironment = toPoolConfig({ dbPassword: { env: 'PGFLEET_TEST_SECRET' } }).password;
    assert.equal(await ofEnvironment(), 'one');
    process.env.PGFLEET_TEST_SECRET = 'two';
    assert.equal(await ofEnvironment(), 'two');
  });

  test('of a file or a command loses one line end, and nothing else', async (t) => {
    const texts = { plain: ' a b ', newline: 'x\n', 'CR LF': 'x\r\n', two: 'x\n\n', bom: '\uFEFFtür\n' };
    const directory = treeOf(t, texts);
    const expected = { plain: ' a b ', newline: 'x', 'CR LF': 'x', two: 'x\n', bom: 'tür' };
    for (const [name, text] of Object.entries(expected)) {
      assert.equal(await read({ file: path.join(directory, name) }), text, name);
      const command = node('process.stdout.write(require("fs").readFileSync(process.argv[1]))');
      assert.equal(await read({ command: [...command, path.join(directory, name)] }), text, name);
    }
  });

  test('of a command is run by no shell', async () => {
    const words = ['$HOME', '"; echo other', '*', ''];
    const command = node('process.stdout.write(JSON.stringify(process.argv.slice(1)))', ...words);
    assert.deepEqual(JSON.parse(await read({ command })), words);
  });

  test('that leads nowhere says what was expected', async (t) => {
    variable(t, 'PGFLEET_TEST_EMPTY', '');
    const directory = treeOf(t, { empty: '\n' });
    const missing = path.join(directory, 'missing');
    const empty = path.join(directory, 'empty');
    for (const [reference, message] of [
      [{ env: 'PGFLEET_TEST_NONE' }, `the environment variable "PGFLEET_TEST_NONE", which isn't set`],
      [{ env: 'PGFLEET_TEST_EMPTY' }, 'the environment variable "PGFLEET_TEST_EMPTY", which is empty'],
      [{ file: missing }, `the file ${JSON.stringify(missing)}, which isn't there (ENOENT)`],
      [{ file: directory }, `the file ${JSON.stringify(directory)}, which can't be read (EISDIR)`],
      [{ file: empty }, `the file ${JSON.stringify(empty)}, which gave nothing`],
      [{ command: [missing] }, `the command ${JSON.stringify(missing)}, which can't be run (ENOENT)`],
      [
        { command: node('process.exit(3)') },
        `the command ${JSON.stringify(process.execPath)}, which ended with exit code 3`,
      ],
      [{ command: node('') }, `the command ${JSON.stringify(process.execPath)}, which gave nothing`],
    ]) {
      const error = await failure(read(reference));
      assert.equal(error.message, `"dbPassword" is to come from ${message}`);
      assert.equal(error.code, 'PGFLEET_REFERENCE');
    }
  });

  test('of a command that fails or never ends shows nothing that it wrote or was given', async () => {
    const canary = new Canary(3);
    const source = 'console.log(process.argv[1]); console.error(process.argv[1]); process.exit(1)';
    const error = await failure(read({ command: node(source, canary.text) }));
    assert.equal(canary.foundIn(`${error.stack}${JSON.stringify(error)}`), undefined);
    const endless = node('const more = () => process.stdout.write("x".repeat(1e5), more); more()');
    assert.match((await failure(read({ command: endless }))).message, /wrote more than 1048576 bytes$/);
  });

  test(
    'of a file is read no further than a secret goes',
    { skip: process.platform === 'win32' },
    async (t) => {
      const directory = treeOf(t, { most: 'x'.repeat(2 ** 20), more: 'x'.repeat(2 ** 20 + 1) });
      assert.equal((await read({ file: path.join(directory, 'most') })).length, 2 ** 20);
      for (const file of [path.join(directory, 'more'), '/dev/zero']) {
        await assert.rejects(read({ file }), {
          code: 'PGFLEET_REFERENCE',
          message: `"dbPassword" is to come from the file "${file}", which holds more than 1048576 bytes`,
        });
      }
    },
  );

  test('of a command that the system refuses to start says so', async () => {
    const command = [process.execPath, 'x'.repeat(8 * 2 ** 20)];
    const what = { code: 'PGFLEET_REFERENCE', message: /, which can't be run \(E\w+\)$/ };
    await assert.rejects(read({ command }), what);
    assert.throws(() => toPoolConfig({ url: { command } }), what);
  });

  test('that is none is a TypeError that shows the form', () => {
    for (const value of [
      {},
      { env: '' },
      { env: 5 },
      { file: '' },
      { command: [] },
      { command: 'x' },
      [],
      { env: 'A', file: 'b' },
    ]) {
      assert.throws(() => toPoolConfig({ dbPassword: value }), {
        name: 'TypeError',
        message: /^"dbPassword" must .*\{ env: 'NAME' \}/,
      });
    }
  });
});

describe('other options by reference', () => {
  test('are read when a pool is made', (t) => {
    const directory = treeOf(t, { ca: 'A\n', key: 'K\n', pfx: '\u0001', url: 'postgres://u:p@h:1/d\n' });
    const at = (name) => ({ file: path.join(directory, name) });
    const { ssl, host, password } = toPoolConfig({
      url: at('url'),
      ssl: { ca: [at('ca'), 'B'], key: at('key'), pfx: at('pfx'), servername: 's' },
    });
    assert.deepEqual(ssl, { ca: ['A', 'B'], key: 'K', pfx: Buffer.from('\u0001'), servername: 's' });
    assert.deepEqual([host, password], ['h', 'p']);
    const command = node('console.log("postgres://u:p@h:2/d")');
    assert.equal(toPoolConfig({ connectionString: { command } }).port, '2');
    variable(t, 'PGFLEET_TEST_URL', 'postgres://u:p@h:3/d');
    assert.equal(toPoolConfig({ url: { env: 'PGFLEET_TEST_URL' } }).port, '3');
  });

  test('that lead nowhere say what was expected', () => {
    for (const [config, message] of [
      [
        { url: { env: 'PGFLEET_TEST_NONE' } },
        /^"url" is to come from the environment variable "PGFLEET_TEST_NONE"/,
      ],
      [
        { connectionString: { command: node('process.exit(2)') }, url: 'postgres://u:p@h:1/d' },
        /^"connectionString" .* exit code 2$/,
      ],
      [{ ssl: { ca: { file: '/nowhere' } } }, /^"ssl.ca" is to come from the file "\/nowhere"/],
    ]) {
      assert.throws(() => toPoolConfig(config), { message, code: 'PGFLEET_REFERENCE' });
    }
  });
});

ofOurManager('a manager with a password by reference', (bench) => {
  test('reads it for each connection, so that a new one counts', async (t) => {
    const role = bench.unique('rotating');
    await bench.look(`CREATE ROLE ${role} LOGIN PASSWORD 'before'`);
    const directory = treeOf(t, { password: 'before\n' });
    const file = path.join(directory, 'password');
    const manager = bench.keep(new bench.DatabaseManager());
    await manager.addConnection('main', bench.config({ dbUser: role, dbPassword: { file }, max: 2 }));
    await bench.look(`ALTER ROLE ${role} PASSWORD 'after'`);
    fs.writeFileSync(file, 'after\n');
    const clients = await Promise.all([manager.currentPool.connect(), manager.currentPool.connect()]);
    for (const client of clients) client.release();
    assert.equal(clients.length, 2);
  });

  test('rejects when it leads nowhere, and leaves nothing behind', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const config = bench.config({ dbPassword: { env: 'PGFLEET_TEST_NONE' } });
    const error = await failure(manager.addConnection('main', config));
    assert.equal(error.code, 'PGFLEET_REFERENCE');
    assert.equal(manager.connections.size, 0);
    manager._addLazily('main', config);
    const late = await failure(manager.executeDDL('SELECT 1'));
    assert.deepEqual([late.code, late.outcome], ['PGFLEET_REFERENCE', 'not applied']);
  });
});
