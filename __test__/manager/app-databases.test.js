'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { inspect } = require('node:util');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');
const { failure } = require('../support/failure');
const { ofOurManager } = require('../support/managers');

ofOurManager('databases that are added without connecting', (bench) => {
  const empty = () => bench.keep(new bench.DatabaseManager());

  async function withDatabase(config) {
    const manager = empty();
    await manager.addDatabase('main', config);
    return manager;
  }

  test('may have a name that objects have for their own purposes', async () => {
    const manager = await withDatabase(bench.config());
    await manager.initialize();
    await manager.addDatabase('__proto__', bench.config());
    const plan = Object.fromEntries([['__proto__', { sql: 'SELECT 1 AS one' }]]);
    assert.deepEqual(Object.entries(await manager.crossDatabaseQuery(plan)), [['__proto__', [{ one: 1 }]]]);
  });

  test('have the tags and groups of their configuration', async () => {
    const manager = empty();
    const labels = { tags: ['eu', 'beta'], groups: ['paid'] };
    await manager.addDatabase('lazy', { ...bench.config(), ...labels });
    await manager.addConnection('eager', { ...bench.config(), ...labels });
    await manager.addConnection('plain', bench.config());
    for (const name of ['lazy', 'eager']) {
      const { tags, groups } = manager.connections.get(name);
      assert.deepEqual({ tags, groups }, labels);
    }
    const { tags, groups } = manager.connections.get('plain');
    assert.deepEqual([tags, groups], [[], []]);
    assert.deepEqual(Object.keys(manager.connections.get('eager')).length, 5);
    for (const option of ['tags', 'groups']) assert.equal(option in manager.pools.lazy.options, false);
  });

  test('cost a few kilobytes each, and nothing is opened by listing them', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    const manager = empty();
    const config = (n) => ({ ...bench.config({ max: 2 }), dbName: `tenant_${n}`, tags: ['eu', `t${n}`] });
    await manager.addDatabase('first', config(0));
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let n = 1; n <= 1000; n++) await manager.addDatabase(`tenant ${n}`, config(n));
    assert.equal(Object.keys(manager.pools).length, 1001);
    assert.equal(Object.keys(manager.configs).length, 1001);
    gc();
    const each = (process.memoryUsage().heapUsed - before) / 1000;
    assert.ok(each < 4096, `${each} bytes each`);
    assert.doesNotMatch(inspect(manager.pools), /Pool/);
  });

  const WRONG = {
    'a port': { dbPort: 'http' },
    'a limit': { max: 'many' },
    'a host': { dbHost: 5 },
    'a connection string': { connectionString: 'postgres://app:hush@db.example:port/app' },
    tags: { tags: 'eu' },
    groups: { groups: [''] },
  };
  for (const [what, wrong] of Object.entries(WRONG)) {
    test(`are kept with ${what} that is wrong, which rejects at their first use`, async () => {
      const config = { ...bench.config(), ...wrong };
      const manager = await withDatabase(config);
      assert.equal(manager.connections.get('main').config, config);
      assert.deepEqual(Object.keys(manager.pools), ['main']);
      const first = await failure(manager.executeDDL('SELECT 1', { database: 'main' }));
      assert.equal(first.outcome, 'not applied');
      await manager.initialize();
      for (const use of [
        () => manager.executeDDL('SELECT 1', { database: 'main' }),
        () => manager.switchDatabase('main'),
        () => manager.query('SELECT 1'),
        () => manager.executeDDL('SELECT 1'),
        () => manager.runMigration(),
      ]) {
        const error = await failure(use());
        assert.equal(error.message, first.message);
        assert.doesNotMatch(error.message, /hush/);
      }
      assert.equal(manager.currentAppName, 'main');
      await manager.addDatabase('main', bench.config());
      assert.deepEqual(await manager.query('SELECT 1 AS one'), [{ one: 1 }]);
    });
  }

  test('an entry of initialize that is no configuration rejects at its first use', async () => {
    const manager = empty();
    await manager.initialize({
      text: 'postgres://app:hush@db.example/app',
      nothing: null,
      main: bench.config(),
    });
    for (const name of ['text', 'nothing']) {
      const error = await failure(manager.switchDatabase(name));
      assert.ok(error instanceof TypeError, error.message);
      assert.match(error.message, /^The configuration of a database must be an object/);
      assert.doesNotMatch(error.message, /hush/);
    }
    assert.equal(await manager.switchDatabase('main'), true);
  });

  test('need a name and a configuration at once', async () => {
    const manager = empty();
    for (const values of [[], [''], [5, {}], ['main'], ['main', null], ['main', 'postgres://a:hush@b/c']]) {
      const error = await failure(manager.addDatabase(...values));
      assert.ok(error instanceof TypeError, error.message);
      assert.doesNotMatch(error.message, /hush/);
    }
    assert.equal(manager.connections.size, 0);
    assert.deepEqual(manager.configs, {});
  });

  test('take every option of a pool, which wins over the defaults', async () => {
    const manager = await withDatabase({
      connectionString: bench.server.url(bench.database),
      ssl: false,
      max: 3,
      connectionTimeoutMillis: 1234,
    });
    const { max, connectionTimeoutMillis, idleTimeoutMillis } = manager.pools.main.options;
    assert.deepEqual([max, connectionTimeoutMillis, idleTimeoutMillis], [3, 1234, 30000]);
    await manager.switchConnection('main');
    const [row] = await manager.query('SELECT current_database() AS db, session_user AS role');
    assert.deepEqual(row, { db: bench.database, role: bench.server.user });
  });

  test('have a pool at the default host for a user of a project alone', async () => {
    const manager = empty();
    const dbPassword = 'x';
    await manager.addDatabase('project', { dbUser: 'postgres.abc123', dbPassword });
    await manager.addDatabase('nobody', { dbUser: 'postgres', dbPassword });
    await manager.addDatabase('no host', { dbUser: 'postgres.abc123', dbHost: null, dbPassword });
    assert.deepEqual(Object.keys(manager.pools), ['project']);
    assert.equal(manager.pools.project.options.host, 'aws-1-us-east-1.pooler.supabase.com');
  });

  test('are refused by a manager that was closed, in the words of the guide', async () => {
    const manager = await bench.manager();
    await manager.close();
    assert.match((await failure(manager.addDatabase('late', bench.config()))).message, /closed/);
    assert.match((await failure(manager.executeDDL('SELECT 1'))).message, /closed/);
    await manager.initialize();
    assert.deepEqual(await manager.switchDatabase('main'), true);
  });

  test('are none of them current, which executeDDL says in the words of the app', async () => {
    const manager = await withDatabase(bench.config());
    const message = 'No active database. Call switchDatabase() first.';
    const error = await failure(manager.executeDDL('SELECT 1'));
    assert.deepEqual([error.message, error.outcome], [message, 'not applied']);
    const named = await manager.executeDDL('SELECT 1 AS one', { database: 'main' });
    assert.deepEqual(named.rows, [{ one: 1 }]);
  });

  test('can be initialized while the old pools are still ending', async () => {
    const manager = await withDatabase(bench.config());
    await manager.switchConnection('main');
    const held = await manager.currentPool.connect();
    const ending = manager.shutdown();
    await manager.initialize();
    assert.equal(await manager.switchDatabase('main'), true);
    assert.deepEqual(await manager.query('SELECT 1 AS one'), [{ one: 1 }]);
    held.release();
    await ending;
    assert.deepEqual(await manager.query('SELECT 1 AS one'), [{ one: 1 }]);
    await manager.shutdown();
  });
});

ofOurManager('createTable', (bench) => {
  async function current() {
    const manager = bench.keep(new bench.DatabaseManager());
    await manager.initialize({ main: bench.config({ dbName: await bench.server.createDatabase() }) });
    await manager.switchDatabase('main');
    return manager;
  }

  test('quotes names as they are, so that nothing in them is SQL', async () => {
    const manager = await current();
    await manager.executeDDL('CREATE SCHEMA "Other Schema"');
    const names = ['Mixed Case', 'select', 'x"; DROP TABLE y; --', 'ünï'];
    for (const name of names) {
      await manager.createTable(name, { 'Weird "Column"': "text DEFAULT 'a;b' -- said", order: 'int' });
      assert.equal(await manager.tableExists(name), true, name);
      const columns = (await manager.getSchema(name)).map(({ column_name: column }) => column);
      assert.deepEqual(columns, ['Weird "Column"', 'order']);
    }
    await manager.createTable('Other Schema.Table', { id: 'int' });
    await manager.query('SELECT id FROM "Other Schema"."Table"');
    assert.deepEqual(
      (await manager.getSchema()).map(({ table_name: table }) => table).sort(),
      names.toSorted(),
    );
  });

  test('refuses arguments of another kind by name', async () => {
    const manager = await current();
    for (const values of [
      [],
      [5, {}],
      ['', {}],
      ['t'],
      ['t', null],
      ['t', ['id int']],
      ['t', { id: undefined }],
    ]) {
      const error = await failure(manager.createTable(...values));
      assert.ok(error instanceof TypeError, error.message);
    }
    assert.deepEqual(await manager.getSchema(), []);
  });
});
