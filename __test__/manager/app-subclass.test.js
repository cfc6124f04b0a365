'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { forAppManagers } = require('../support/app-managers');

forAppManagers((bench) => {
  /** A manager of a subclass with a new database `main`, which is current. */
  async function managerOf(Class) {
    const manager = bench.keep(new Class({ main: await bench.config() }));
    await manager.initialize();
    await manager.switchDatabase('main');
    return manager;
  }

  test("a subclass's method is called by the others, and calls that of the class", async () => {
    const queries = [];
    class Watching extends bench.AppManager {
      async query(sql, params) {
        queries.push(params);
        return await super.query(sql, params);
      }
    }
    const manager = await managerOf(Watching);
    assert.equal(await manager.tableExists('nothing'), false);
    assert.deepEqual(await manager.getSchema('nothing'), []);
    assert.deepEqual(await manager.getSchema(), []);
    await manager.crossDatabaseQuery({ main: { sql: 'SELECT 1' } });
    assert.deepEqual(queries, [['nothing'], ['nothing'], [], []]);
  });

  test("a subclass's executeDDL has the tables of createTable, and its switchDatabase the plans", async () => {
    const calls = [];
    class Guarded extends bench.AppManager {
      async executeDDL(sql, ...options) {
        calls.push('ddl');
        return await super.executeDDL(sql, ...options);
      }

      async switchDatabase(name) {
        calls.push(name);
        return await super.switchDatabase(name);
      }

      extractHostFromUrl(url) {
        calls.push('host');
        return super.extractHostFromUrl(url) ?? 'nowhere';
      }
    }
    const manager = await managerOf(Guarded);
    await manager.createTable('t', { id: 'int' });
    await manager.crossDatabaseQuery({ main: { sql: 'SELECT 1' } });
    assert.deepEqual(calls, ['main', 'ddl', 'main']);
    await bench.folder();
    await manager.loadConfigurations();
    assert.equal(calls.at(-1), 'host');
  });

  test('every method can be overridden and called by super', async () => {
    const methods = [
      ...['initialize', 'loadConfigurations', 'extractHostFromUrl', 'addDatabase', 'switchDatabase'],
      ...['executeDDL', 'createTable', 'query', 'tableExists', 'getSchema', 'runMigration'],
      ...['getMigrationStatus', 'isMigrationAvailable', 'getPoolStatus', 'supabaseQuery'],
      ...['crossDatabaseQuery', 'shutdown'],
    ];
    class Counting extends bench.AppManager {}
    const called = new Set();
    for (const name of methods) {
      const method = bench.AppManager.prototype[name];
      assert.equal(typeof method, 'function', name);
      assert.equal(Object.hasOwn(bench.AppManager.prototype, name), true, name);
      assert.equal(Object.getOwnPropertyDescriptor(bench.AppManager.prototype, name).enumerable, false, name);
      Counting.prototype[name] = function (...values) {
        called.add(name);
        return method.apply(this, values);
      };
    }
    const manager = await managerOf(Counting);
    assert.deepEqual([...called], ['initialize', 'switchDatabase']);
    assert.equal(await manager.tableExists('t'), false);
    assert.equal(called.has('query'), true);
  });

  test('a method that is replaced on one manager is called there alone', async () => {
    const manager = await managerOf(bench.AppManager);
    const other = await managerOf(bench.AppManager);
    manager.query = async () => [{ exists: true }];
    assert.equal(await manager.tableExists('nothing'), true);
    assert.equal(await other.tableExists('nothing'), false);
    delete manager.query;
    assert.equal(await manager.tableExists('nothing'), false);
  });

  test('a method that is replaced on the class is called on every manager, and can be put back', async () => {
    const manager = await managerOf(bench.AppManager);
    const { executeDDL } = bench.AppManager.prototype;
    const seen = [];
    bench.AppManager.prototype.executeDDL = async function (sql) {
      seen.push(sql);
    };
    try {
      await manager.createTable('t', { id: 'int' });
    } finally {
      bench.AppManager.prototype.executeDDL = executeDDL;
    }
    assert.equal(seen.length, 1);
    assert.equal(await manager.tableExists('t'), false);
  });

  test('state that a program puts in is what the methods use', async () => {
    const manager = bench.keep(new bench.AppManager());
    const pool = {
      totalCount: 3,
      idleCount: 2,
      waitingCount: 1,
      query: async (sql, params) => ({ rows: [{ sql, params }] }),
      connect: async () => ({ query: async () => ({ rows: [] }), release: () => {} }),
      end: async () => {
        pool.ended = true;
      },
    };
    manager.currentPool = pool;
    assert.deepEqual(await manager.query('SELECT 1'), [{ sql: 'SELECT 1', params: [] }]);
    assert.deepEqual(manager.getPoolStatus(), { totalCount: 3, idleCount: 2, waitingCount: 1 });
    manager.initialized = true;
    manager.pools.own = pool;
    assert.equal(await manager.switchDatabase('own'), true);
    assert.equal(manager.currentPool, pool);
    manager.currentPool = null;
    assert.equal(manager.getPoolStatus(), null);
    await manager.shutdown();
    assert.equal(pool.ended, true);
  });

  test("a subclass's fields are the state", async () => {
    const config = await bench.config();
    class Fields extends bench.AppManager {
      configs = { main: config };
      pools = {};
      supabaseClients = {};
      currentAppName = null;
      currentPool = null;
      currentSupabaseClient = null;
      initialized = false;
    }
    const manager = bench.keep(new Fields());
    assert.equal(manager.currentPool, null);
    await manager.initialize();
    await manager.addDatabase('other', await bench.config());
    assert.deepEqual(Object.keys(manager.configs), ['main', 'other']);
    assert.deepEqual(Object.keys(manager.pools), ['main', 'other']);
    await manager.switchDatabase('other');
    assert.equal(manager.currentAppName, 'other');
    assert.equal(manager.currentPool, manager.pools.other);
    assert.deepEqual(await manager.query('SELECT 1 AS one'), [{ one: 1 }]);
    await manager.shutdown();
    assert.equal(manager.initialized, false);
  });
});
