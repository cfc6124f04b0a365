'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs/promises');
const { createRequire } = require('node:module');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { inspect } = require('node:util');
const { failure } = require('../support/failure');
const { forAppManagers } = require('../support/app-managers');
const { ofOurManager } = require('../support/managers');
const { writeTree } = require('../support/tree');

/** In the place of Supabase's package: its clients keep what they are asked, and answer with it. */
const STAND_IN = `
  exports.made = [];
  exports.createClient = (...values) => {
    exports.made.push(values);
    return {
      from(table) {
        const asked = [['from', table]];
        const request = {
          then: (settle) =>
            settle(table === 'broken' ? { data: null, error: new Error('no such table') } : { data: asked, error: null }),
        };
        for (const step of ['select', 'eq', 'order', 'limit']) {
          request[step] = (...values) => (asked.push([step, ...values]), request);
        }
        return request;
      },
    };
  };`;

const PACKAGE = {
  'node_modules/@supabase/supabase-js/package.json':
    '{ "name": "@supabase/supabase-js", "main": "index.js" }',
  'node_modules/@supabase/supabase-js/index.js': STAND_IN,
};

const PROJECT = { projectUrl: 'https://abc123.supabase.co', anonKey: 'anon' };

forAppManagers((bench) => {
  test('a database with the URL of a project and its key has a Supabase client', async () => {
    await bench.folder(PACKAGE);
    const manager = bench.keep(
      new bench.AppManager({
        both: { ...(await bench.config()), ...PROJECT },
        api: PROJECT,
        'no key': { ...PROJECT, anonKey: '' },
      }),
    );
    await manager.initialize();
    await manager.addDatabase('late', PROJECT);
    assert.deepEqual(Object.keys(manager.supabaseClients), ['both', 'api', 'late']);
    assert.deepEqual(Object.keys(manager.pools), ['both']);
    assert.equal(manager.currentSupabaseClient, null);

    assert.equal(await manager.switchDatabase('api'), true);
    assert.equal(manager.currentSupabaseClient, manager.supabaseClients.api);
    assert.equal(manager.currentPool, null);
    await assert.rejects(manager.query('SELECT 1'), {
      message: 'No active database. Call switchDatabase() first.',
    });
    await manager.switchDatabase('both');
    assert.equal(manager.currentSupabaseClient, manager.supabaseClients.both);
    assert.notEqual(manager.supabaseClients.both, manager.supabaseClients.api);
    assert.deepEqual(await manager.query('SELECT 1 AS one'), [{ one: 1 }]);
  });

  test('supabaseQuery builds the request step by step and gives its data', async () => {
    await bench.folder(PACKAGE);
    const manager = bench.keep(new bench.AppManager({ api: PROJECT }));
    await manager.initialize();
    await manager.switchDatabase('api');
    assert.deepEqual(await manager.supabaseQuery('members'), [['from', 'members']]);
    const query = { limit: 5, order: 'id', filter: { kind: 'a', active: true }, select: 'id, name' };
    assert.deepEqual(await manager.supabaseQuery('members', query), [
      ['from', 'members'],
      ['select', 'id, name'],
      ['eq', 'kind', 'a'],
      ['eq', 'active', true],
      ['order', 'id'],
      ['limit', 5],
    ]);
    await assert.rejects(manager.supabaseQuery('broken'), {
      message: 'Supabase query error: no such table',
    });
  });

  test('a client that the program puts in is used as any other', async () => {
    const manager = bench.keep(new bench.AppManager());
    await manager.initialize({});
    const client = { from: (table) => ({ select: () => ({ data: table, error: null }) }) };
    manager.supabaseClients.own = client;
    await manager.switchDatabase('own');
    assert.equal(manager.currentSupabaseClient, client);
    assert.equal(await manager.supabaseQuery('members', { select: '*' }), 'members');
    manager.currentSupabaseClient = null;
    await assert.rejects(manager.supabaseQuery('members'), {
      message: 'No active Supabase client. Call switchDatabase() first.',
    });
  });
});

ofOurManager("a database's Supabase client", (bench) => {
  let home;
  let folder;

  before(async () => {
    home = process.cwd();
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'app-'));
    process.chdir(folder);
  });

  after(async () => {
    process.chdir(home);
    await fs.rm(folder, { recursive: true });
  });

  const initialized = async (configs) => {
    const manager = bench.keep(new bench.DatabaseManager(configs));
    await manager.initialize();
    return manager;
  };

  test('says which package to install when it is asked for and that is missing', async () => {
    const manager = await initialized({ api: PROJECT });
    assert.equal(await manager.switchDatabase('api'), true);
    const expected = { code: 'MODULE_NOT_FOUND', message: /npm install @supabase\/supabase-js$/ };
    assert.throws(() => manager.supabaseClients.api, expected);
    assert.throws(() => manager.currentSupabaseClient, expected);
    await assert.rejects(manager.supabaseQuery('members'), expected);
  });

  test('is made once, when it is first asked for', async () => {
    writeTree(folder, PACKAGE);
    const { made } = createRequire(path.join(folder, 'app.js'))('@supabase/supabase-js');
    const manager = await initialized({ a: PROJECT, b: PROJECT });
    await manager.switchDatabase('a');
    assert.equal(inspect(manager.supabaseClients), "{ a: '[SupabaseClient]', b: '[SupabaseClient]' }");
    assert.deepEqual(Object.keys(manager.supabaseClients), ['a', 'b']);
    assert.deepEqual(made, []);
    assert.equal(manager.supabaseClients.a, manager.currentSupabaseClient);
    assert.deepEqual(made, [[PROJECT.projectUrl, PROJECT.anonKey]]);
  });

  test('has the WebSocket of the package ws, if that is installed, where Node.js has none', async (t) => {
    const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
    t.after(() => {
      if (own === undefined) delete globalThis.WebSocket;
      else Object.defineProperty(globalThis, 'WebSocket', own);
    });
    writeTree(folder, {
      ...PACKAGE,
      'node_modules/ws/package.json': '{ "main": "index.js" }',
      'node_modules/ws/index.js': 'module.exports = class FromPackage {};',
    });
    const { made } = createRequire(path.join(folder, 'app.js'))('@supabase/supabase-js');
    const optionsNow = async () => {
      const { supabaseClients } = await initialized({ api: PROJECT });
      assert.ok(supabaseClients.api);
      return made.pop().slice(2);
    };
    globalThis.WebSocket = class {};
    assert.deepEqual(await optionsNow(), []);
    delete globalThis.WebSocket;
    const [{ realtime, ...others }] = await optionsNow();
    assert.deepEqual([realtime.transport.name, others], ['FromPackage', {}]);
  });

  test("is there for addConnection's words too", async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const { projectUrl: supabaseUrl, anonKey: supabaseKey } = PROJECT;
    await manager.addConnection('main', bench.config({ supabaseUrl, supabaseKey }));
    assert.deepEqual(await manager.supabaseQuery('members'), [['from', 'members']]);
    const { connections } = await initialized({ api: PROJECT });
    const { supabaseUrl: url, supabaseKey: key } = connections.get('api');
    assert.deepEqual([url, key], [supabaseUrl, supabaseKey]);
  });

  test('asks for all columns where the builder is no request without', async () => {
    const manager = await initialized({});
    const asked = [];
    const from = () => ({
      select: (columns) => {
        asked.push(columns);
        return { eq: () => ({ data: [], error: null }) };
      },
    });
    manager.supabaseClients.own = { from };
    await manager.switchDatabase('own');
    assert.deepEqual(await manager.supabaseQuery('members', { filter: { id: 1 } }), []);
    assert.deepEqual(asked, ['*']);
  });

  test('that the program deletes is gone, and so is the database without a pool', async () => {
    const manager = await initialized({ api: PROJECT, both: { ...bench.config(), ...PROJECT } });
    delete manager.supabaseClients.api;
    delete manager.supabaseClients.both;
    assert.deepEqual(Object.keys(manager.supabaseClients), []);
    assert.deepEqual([...manager.connections.keys()], ['both']);
    assert.equal(await manager.switchDatabase('both'), true);
    assert.equal(manager.currentSupabaseClient, null);
    const message = 'No database configuration found for: api';
    assert.equal((await failure(manager.switchDatabase('api'))).message, message);
  });

  test('without a pool, executeDDL of that database says what is missing', async () => {
    const manager = await initialized({ api: PROJECT });
    const error = await failure(manager.executeDDL('SELECT 1', { database: 'api' }));
    assert.match(error.message, /^Database "api" has no pool: its configuration has no host and password/);
    assert.equal(error.outcome, 'not applied');
  });
});
