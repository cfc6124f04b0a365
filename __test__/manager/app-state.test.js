'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { inspect } = require('node:util');
const { failure } = require('../support/failure');
const { ofOurManager } = require('../support/managers');

ofOurManager("a manager's databases in both vocabularies", (bench) => {
  const empty = () => bench.keep(new bench.DatabaseManager());
  const settings = (more) => bench.config({ max: 2, ...more });
  const where = async (pool) => (await pool.query('SELECT current_database() AS db')).rows[0].db;

  /** The names that each part of the state has. */
  function names(manager) {
    const { connections, pools, configs } = manager;
    return { connections: [...connections.keys()], pools: Object.keys(pools), configs: Object.keys(configs) };
  }

  const all = (...list) => ({ connections: list, pools: list, configs: list });

  test('a new manager has nothing, in the words of either', () => {
    const manager = new bench.DatabaseManager();
    for (const view of [manager.configs, manager.pools, manager.supabaseClients]) assert.deepEqual(view, {});
    assert.equal(manager.currentAppName, null);
    assert.equal(manager.currentPool, undefined);
    assert.equal(manager.currentSupabaseClient, null);
    assert.equal(manager.initialized, false);
    for (const nothing of [null, undefined]) {
      assert.deepEqual(new bench.DatabaseManager(nothing).configs, {});
    }
  });

  test('the configurations that were given are kept as the object that they are, and opened by initialize', async () => {
    const configs = { a: settings(), b: settings() };
    const manager = bench.keep(new bench.DatabaseManager(configs));
    assert.equal(manager.configs, configs);
    assert.deepEqual(Object.keys(manager.pools), []);
    assert.equal(await manager.initialize(), undefined);
    assert.equal(manager.configs, configs);
    assert.deepEqual(names(manager), all('a', 'b'));
    assert.equal(manager.initialized, true);
    assert.equal(manager.currentPool, null);
    assert.equal(manager.currentAppName, null);

    const others = { c: settings() };
    await manager.initialize(others);
    assert.equal(manager.configs, others);
    assert.ok(manager.pools.c);
  });

  test('what the program changes in the configurations before initialize counts', async () => {
    const manager = bench.keep(new bench.DatabaseManager({ a: settings({ dbName: 'nowhere' }) }));
    manager.configs.a.dbName = bench.database;
    manager.configs.b = settings();
    await manager.initialize();
    assert.deepEqual(names(manager), all('a', 'b'));
    assert.equal(await where(manager.pools.a), bench.database);
  });

  test('a configurations argument that is no object is a TypeError that shows no secret', async () => {
    const url = 'postgres://app:hush@db.example/app';
    for (const given of [url, 5, [settings()]]) {
      assert.throws(() => new bench.DatabaseManager(given), TypeError);
      const error = await failure(empty().initialize(given));
      assert.ok(error instanceof TypeError);
      assert.doesNotMatch(error.message, /hush/);
    }
  });

  test('what addConnection adds is in pools and configurations, and is current in both', async () => {
    const manager = empty();
    const config = settings();
    await manager.addConnection('main', config);
    assert.deepEqual(names(manager), all('main'));
    assert.equal(manager.configs.main, config);
    assert.equal(manager.pools.main, manager.connections.get('main').pool);
    assert.equal(manager.pools.main, manager.currentPool);
    assert.equal(manager.currentAppName, 'main');
    assert.equal(manager.pools.main.options.max, 2);
    assert.equal(await manager.switchDatabase('main'), true);
  });

  test('what addDatabase adds is in the connections, and current only once it is switched to', async () => {
    const given = {};
    const manager = bench.keep(new bench.DatabaseManager(given));
    const config = settings();
    assert.equal(await manager.addDatabase('main', config), undefined);
    assert.deepEqual(names(manager), all('main'));
    assert.equal(given.main, config);
    const entry = manager.connections.get('main');
    assert.equal(entry.config, config);
    assert.deepEqual([entry.tags, entry.groups], [[], []]);
    assert.equal(manager.currentConnection, null);
    assert.equal(await manager.switchConnection('main'), true);
    assert.equal(manager.currentAppName, 'main');
    assert.equal(manager.currentPool, entry.pool);
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  test('a pool is made when it is read, and by no listing or printing', async () => {
    const { native } = require('../../lib/native/binding.js');
    const application = bench.unique('app');
    const manager = empty();
    await manager.initialize({ a: settings({ application_name: application }), b: settings() });
    const { openPool } = native;
    let opened = 0;
    native.openPool = (...options) => {
      opened += 1;
      return openPool(...options);
    };
    try {
      assert.deepEqual(Object.keys(manager.pools), ['a', 'b']);
      assert.equal('a' in manager.pools, true);
      assert.equal(Object.hasOwn(manager.pools, 'c'), false);
      assert.equal(inspect(manager.pools), "{ a: '[not opened]', b: '[not opened]' }");
      assert.equal(JSON.stringify(manager.pools), '{"a":"[not opened]","b":"[not opened]"}');
      assert.equal(typeof inspect(manager, { depth: 6, showHidden: true, getters: true }), 'string');
      assert.equal(typeof JSON.stringify(manager), 'string');
      assert.equal(opened, 0);
      const { a } = manager.pools;
      assert.equal(a, manager.pools.a);
      assert.equal(await bench.sockets(application), 0);
      assert.equal(await where(a), bench.database);
      assert.equal(opened, 1);
    } finally {
      native.openPool = openPool;
    }
    assert.match(inspect(manager.pools), /^\{\s*a: \w*Pool/);
  });

  test('nothing that is printed has a secret', async () => {
    const secrets = {
      ...settings({ dbPassword: 'hush-hush' }),
      projectUrl: 'https://abc.supabase.co',
      anonKey: 'hush-anon',
      serviceRoleKey: 'hush-role',
    };
    const manager = empty();
    await manager.initialize({ a: secrets, broken: 'postgres://app:hush@db.example/app' });
    await manager.addDatabase('b', secrets);
    assert.ok(manager.pools.b);
    manager.currentAppName = 'a';
    for (const shown of [manager, manager.pools, manager.supabaseClients, manager.connections]) {
      for (const options of [
        { depth: 8 },
        { depth: 8, showHidden: true },
        { depth: 8, showProxy: true },
        { depth: Infinity, showHidden: true, getters: true },
        { depth: Infinity, showHidden: true, getters: true, showProxy: true },
      ]) {
        assert.doesNotMatch(inspect(shown, options), /hush/);
      }
      assert.doesNotMatch(JSON.stringify(shown), /hush/);
    }
  });

  test('a database that is removed is gone in both', async () => {
    const manager = empty();
    await manager.initialize({ a: settings(), b: settings() });
    await manager.switchDatabase('a');
    assert.equal(await manager.removeConnection('a'), true);
    assert.deepEqual(names(manager), all('b'));
    assert.equal(manager.currentAppName, null);
    assert.equal(manager.currentPool, null);
    await manager.initialize();
    assert.deepEqual(names(manager), all('b'));
  });

  test('a name that is taken is replaced in both, also as the current one, and its old pool ends', async () => {
    const other = await bench.server.createDatabase();
    const manager = empty();
    await manager.initialize({ a: settings() });
    await manager.switchDatabase('a');
    const old = manager.currentPool;
    const held = await old.connect();
    const config = settings({ dbName: other });
    await manager.addDatabase('a', config);
    assert.deepEqual(names(manager), all('a'));
    assert.equal(manager.configs.a, config);
    assert.notEqual(manager.currentPool, old);
    assert.equal(await where(manager.currentPool), other);
    assert.equal(old.ending, true);
    assert.deepEqual((await held.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    held.release();

    const again = settings();
    await manager.addConnection('a', again);
    assert.equal(manager.configs.a, again);
    assert.equal(manager.pools.a, manager.currentPool);
    assert.equal(await where(manager.pools.a), bench.database);
  });

  test('initialize once more makes the pools anew and ends the old ones, but those of addConnection', async () => {
    const manager = empty();
    await manager.addConnection('guide', settings());
    await manager.addDatabase('app', settings());
    const { guide, app } = manager.pools;
    await manager.initialize();
    assert.deepEqual(names(manager), all('guide', 'app'));
    assert.equal(manager.pools.guide, guide);
    assert.equal(guide.ending, false);
    assert.notEqual(manager.pools.app, app);
    assert.equal(app.ending, true);
  });

  test('a database of addConnection has its own rules again after shutdown and initialize', async () => {
    const manager = empty();
    const { server } = bench;
    const trusted = { ...settings(), dbUser: 'trust_user', dbPassword: undefined };
    await manager.addConnection('guide', { ...trusted, max: undefined });
    await manager.shutdown();
    await manager.initialize();
    assert.equal(await manager.switchDatabase('guide'), true);
    assert.equal(manager.currentPool.options.max, 5);
    assert.equal(manager.currentPool.options.host, server.host);
  });

  test('a program whose own pool is in the map keeps it over initialize', async () => {
    const manager = empty();
    const pool = new bench.DatabaseManager.Pool(bench.server.config({ database: bench.database }));
    await manager.addConnection('guide', settings());
    manager.pools.guide = pool;
    await manager.initialize();
    assert.equal(manager.pools.guide, pool);
    await pool.end();
  });

  test('what the program sets in the map and deletes from it is followed', async () => {
    const manager = empty();
    await manager.initialize({ a: settings() });
    const pool = new bench.DatabaseManager.Pool(bench.server.config({ database: bench.database }));
    const config = settings();
    manager.connections.set('own', { name: 'own', config, pool });
    assert.deepEqual(names(manager), all('a', 'own'));
    assert.equal(manager.pools.own, pool);
    assert.equal(manager.configs.own, config);
    assert.equal(await manager.switchDatabase('own'), true);
    await manager.initialize();
    assert.equal(manager.pools.own, pool);
    manager.connections.delete('own');
    assert.deepEqual(names(manager), all('a'));
    await pool.end();
  });

  test('what the program sets in pools and deletes from them is followed', async () => {
    const manager = empty();
    await manager.initialize({ a: settings() });
    const { pools } = manager;
    const pool = new bench.DatabaseManager.Pool(bench.server.config({ database: bench.database }));
    pools.own = pool;
    assert.deepEqual(names(manager), all('a', 'own'));
    assert.equal(manager.connections.get('own').pool, pool);
    assert.equal(await manager.switchConnection('own'), true);
    assert.equal(manager.currentPool, pool);
    await manager.initialize();
    assert.equal(pools.own, pool);
    delete pools.own;
    assert.deepEqual([...manager.connections.keys()], ['a']);
    assert.deepEqual(Object.keys(pools), ['a']);
    await pool.end();

    pools.nothing = undefined;
    manager.pools.a = null;
    assert.deepEqual(Object.keys(pools), []);
    assert.equal(manager.connections.size, 0);
    await manager.initialize();
    assert.deepEqual(names(manager), all('a'));

    const replacement = new bench.DatabaseManager.Pool(bench.server.config({ database: bench.database }));
    manager.pools = { only: replacement };
    assert.deepEqual(Object.keys(manager.pools), ['only']);
    assert.equal(manager.pools, pools);
  });

  test('frozen configurations stay as they are, and so does the manager in step', async () => {
    const configs = Object.freeze({ a: settings() });
    const manager = empty();
    await manager.initialize(configs);
    await manager.addDatabase('b', settings());
    assert.deepEqual(names(manager), all('a', 'b'));
    await manager.removeConnection('a');
    assert.deepEqual(names(manager), all('b'));
    assert.deepEqual(Object.keys(configs), ['a']);
  });

  test('names of the language are names as any other', async () => {
    const manager = empty();
    await manager.initialize({});
    const error = await failure(manager.switchDatabase('toString'));
    assert.equal(error.message, 'No database configuration found for: toString');
    for (const name of ['constructor', '__proto__', 'toJSON']) {
      await manager.addDatabase(name, settings());
      assert.equal(await manager.switchDatabase(name), true);
      assert.equal(Object.hasOwn(manager.configs, name), true);
    }
  });
});
