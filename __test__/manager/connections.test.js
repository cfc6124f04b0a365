'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { eventually, failure } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { ofOurManager } = require('../support/managers.js');
const { tappedProxy } = require('../support/proxy.js');

ofOurManager('the manager and its connections', (bench) => {
  test('a new manager has nothing', () => {
    const manager = new bench.DatabaseManager();
    assert.ok(manager instanceof bench.DatabaseManager);
    assert.ok(manager.connections instanceof Map);
    assert.equal(Object.getPrototypeOf(manager.connections), Map.prototype);
    assert.equal(manager.connections.size, 0);
    assert.equal(manager.currentConnection, null);
    assert.equal(manager.currentPool, undefined);
  });

  test("addConnection resolves to the server's version and nothing else", async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const result = await manager.addConnection('main', bench.config());
    const [{ version }] = await bench.look('SELECT version()');
    assert.deepEqual(result, { success: true, version });
  });

  test("an entry has the name, the config, the pool and Supabase's url and key", async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const config = bench.config({ supabaseUrl: 'https://abc.supabase.co', supabaseKey: 'anon' });
    await manager.addConnection('main', config);
    const entry = manager.connections.get('main');
    assert.deepEqual(Object.keys(entry), ['name', 'config', 'pool', 'supabaseUrl', 'supabaseKey']);
    assert.equal(entry.name, 'main');
    assert.equal(entry.config, config);
    assert.ok(entry.pool instanceof bench.DatabaseManager.Pool);
    assert.equal(entry.supabaseUrl, 'https://abc.supabase.co');
    assert.equal(entry.supabaseKey, 'anon');
  });

  test("the first one added becomes current, the next ones don't", async () => {
    const manager = await bench.manager();
    await manager.addConnection('second', bench.config());
    assert.equal(manager.currentConnection, 'main');
    assert.equal(manager.currentPool, manager.connections.get('main').pool);
    assert.deepEqual([...manager.connections.keys()], ['main', 'second']);
  });

  test('several may be added at once', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const names = ['a', 'b', 'c', 'd'];
    await Promise.all(names.map((name) => manager.addConnection(name, bench.config())));
    assert.deepEqual([...manager.connections.keys()].sort(), names);
    assert.ok(names.includes(manager.currentConnection));
    assert.equal(manager.currentPool, manager.connections.get(manager.currentConnection).pool);
  });

  test("what is left out takes the guide's defaults", async () => {
    const { server } = bench;
    const manager = bench.keep(new bench.DatabaseManager());
    await manager.addConnection('main', {
      dbHost: server.host,
      dbPort: server.port,
      dbUser: server.user,
      dbPassword: server.password,
    });
    const { options } = manager.currentPool;
    assert.equal(options.max, 5);
    assert.equal(options.idleTimeoutMillis, 30000);
    assert.equal(options.connectionTimeoutMillis, 10000);
    const { rows } = await manager.currentPool.query(
      'SELECT current_database() AS name, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())',
    );
    assert.deepEqual(rows, [{ name: 'postgres', ssl: true }]);
  });

  test('the port is 5432 by default', { skip: process.platform === 'win32' }, async () => {
    const manager = new bench.DatabaseManager();
    const host = path.join(bench.server.socketDirectory, 'nowhere');
    const error = await failure(
      manager.addConnection('main', { dbHost: host, dbUser: 'x', dbPassword: 'x' }),
    );
    assert.equal(error.address, `${host}/.s.PGSQL.5432`);
  });

  test('every option of a node-postgres pool is taken and wins over the default', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const name = bench.unique('app');
    await manager.addConnection('main', {
      connectionString: bench.server.url(bench.database),
      ssl: false,
      max: 2,
      idleTimeoutMillis: 1234,
      connectionTimeoutMillis: 4321,
      application_name: name,
      statement_timeout: 60_000,
    });
    const { options } = manager.currentPool;
    assert.deepEqual(
      [options.max, options.idleTimeoutMillis, options.connectionTimeoutMillis],
      [2, 1234, 4321],
    );
    const { rows } = await manager.currentPool.query(
      `SELECT current_database() AS db, current_setting('application_name') AS name,
              current_setting('statement_timeout') AS timeout,
              (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())`,
    );
    assert.deepEqual(rows, [{ db: bench.database, name, timeout: '1min', ssl: false }]);
  });

  test("node-postgres's own names for host, port and so on are taken as well", async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    await manager.addConnection('main', { ...bench.server.config({ database: bench.database }), ssl: false });
    const { rows } = await manager.currentPool.query('SELECT current_database() AS db');
    assert.deepEqual(rows, [{ db: bench.database }]);
  });

  test('a port may be a string of digits, as it comes from the environment', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    await manager.addConnection('main', bench.config({ dbPort: String(bench.server.port) }));
    assert.equal(manager.currentConnection, 'main');
  });

  test('unknown keys are ignored', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    await manager.addConnection('main', bench.config({ projectRef: 'abc', nonsense: { deep: true } }));
    assert.equal(manager.currentConnection, 'main');
  });

  test('the config is neither changed nor held against later changes', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const config = bench.config();
    const before = { ...config };
    await manager.addConnection('main', config);
    assert.deepEqual({ ...config }, before);
    config.dbPort = 1;
    await manager.executeDDL('SELECT 1');

    await manager.addConnection('frozen', Object.freeze(bench.config()));
    await manager.switchConnection('frozen');
    await manager.executeDDL('SELECT 1');
  });

  const FAILURES = {
    'a wrong password': { change: { dbPassword: 'wrong' }, code: '28P01' },
    'an unknown database': { change: { dbName: 'not_here' }, code: '3D000' },
    'a port on which nothing listens': { change: { dbPort: 1 }, code: 'ECONNREFUSED' },
  };
  for (const [what, { change, code }] of Object.entries(FAILURES)) {
    test(`addConnection that fails because of ${what} leaves nothing`, async () => {
      const manager = bench.keep(new bench.DatabaseManager());
      const name = bench.unique('app');
      const error = await failure(
        manager.addConnection('main', bench.config({ application_name: name, ...change })),
      );
      assert.equal(error.code, code);
      assert.equal(manager.connections.size, 0);
      assert.equal(manager.currentConnection, null);
      assert.equal(manager.currentPool, undefined);
      await eventually(async () => (await bench.sockets(name)) === 0, 'no connection');
      await manager.addConnection('main', bench.config());
      assert.equal(manager.currentConnection, 'main', 'the manager is usable');
    });
  }

  test('addConnection whose version query fails leaves no open socket', async () => {
    const fake = await fakeServer(async (connection) => {
      await connection.greet();
      await connection.readUntil('Q');
      connection.send(
        messages.errorResponse({ C: '42501', M: 'no version for you' }),
        messages.readyForQuery(),
      );
    });
    const manager = new bench.DatabaseManager();
    const error = await failure(manager.addConnection('main', { ...fake.config(), ssl: false }));
    assert.equal(error.code, '42501');
    assert.equal(manager.connections.size, 0);
    await fake.connections[0].gone();
    await fake.close();
  });

  test('addConnection stops waiting for a silent server after connectionTimeoutMillis', async () => {
    const fake = await fakeServer(() => {});
    const manager = new bench.DatabaseManager();
    const config = { ...fake.config(), ssl: false, connectionTimeoutMillis: 800 };
    const error = await failure(manager.addConnection('main', config));
    assert.equal(error.code, 'ETIMEDOUT');
    assert.equal(error.phase, 'authenticate');
    await fake.connections[0].gone();
    await fake.close();
  });

  test('a name that is taken is replaced once the new one has connected, also as current', async () => {
    const proxy = await tappedProxy(bench.server);
    const manager = await bench.manager({ dbPort: proxy.port });
    const old = manager.currentPool;
    const held = await old.connect();

    const replaced = await manager.addConnection('main', bench.config({ application_name: 'the new one' }));
    assert.equal(replaced.success, true);
    assert.equal(manager.connections.size, 1);
    assert.notEqual(manager.currentPool, old);
    assert.equal(manager.currentPool, manager.connections.get('main').pool);
    const { rows } = await manager.executeDDL(`SELECT current_setting('application_name') AS name`);
    assert.deepEqual(rows, [{ name: 'the new one' }]);

    // The old pool waits for its client.
    assert.deepEqual((await held.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    held.release();
    await eventually(() => proxy.links.length === 0, 'the end of the old pool');
    await proxy.close();
  });

  test('a replacement that fails leaves the old one in place', async () => {
    const manager = await bench.manager();
    const entry = manager.connections.get('main');
    const error = await failure(manager.addConnection('main', bench.config({ dbPassword: 'wrong' })));
    assert.equal(error.code, '28P01');
    assert.equal(manager.connections.get('main'), entry);
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  test('switchConnection resolves to true and decides where the next request goes', async () => {
    const other = await bench.server.createDatabase();
    const manager = await bench.manager();
    await manager.addConnection('other', bench.config({ dbName: other }));
    const where = async () => (await manager.executeDDL('SELECT current_database() AS db')).rows[0].db;

    assert.equal(await where(), bench.database);
    assert.equal(await manager.switchConnection('other'), true);
    assert.equal(manager.currentConnection, 'other');
    assert.equal(manager.currentPool, manager.connections.get('other').pool);
    assert.equal(await where(), other);
    assert.equal(await manager.switchConnection('main'), true);
    assert.equal(await where(), bench.database);
  });

  test('an unknown name is an error that lists the known ones, and changes nothing', async () => {
    const manager = await bench.manager();
    await manager.addConnection('other', bench.config());
    const error = await failure(manager.switchConnection('third'));
    for (const name of ['third', 'main', 'other']) assert.match(error.message, new RegExp(`\\b${name}\\b`));
    assert.equal(manager.currentConnection, 'main');
    assert.match((await failure(new bench.DatabaseManager().switchConnection('x'))).message, /x/);
  });

  test('a request runs on the connection that was current when it was made', async () => {
    const other = await bench.server.createDatabase();
    const manager = await bench.manager({ max: 1 });
    await manager.addConnection('other', bench.config({ dbName: other }));
    const holder = await manager.currentPool.connect(); // so that the requests have to wait
    const ask = () => manager.executeDDL('SELECT current_database() AS db');
    const before = [ask(), ask()];
    const switching = manager.switchConnection('other');
    const after = ask();
    await switching;
    holder.release();
    const names = (await Promise.all([...before, after])).map(({ rows }) => rows[0].db);
    assert.deepEqual(names, [bench.database, bench.database, other]);
  });

  test("a program may set currentPool by hand, as it could on the guide's class", async () => {
    const other = await bench.server.createDatabase();
    const manager = await bench.manager();
    await manager.addConnection('other', bench.config({ dbName: other }));
    manager.currentPool = manager.connections.get('other').pool;
    assert.deepEqual((await manager.executeDDL('SELECT current_database() AS db')).rows, [{ db: other }]);
  });

  test('a program may read and iterate the map, and delete from it', async () => {
    const manager = await bench.manager();
    await manager.addConnection('other', bench.config());
    const seen = [];
    for (const [name, { pool }] of manager.connections) {
      seen.push([name, (await pool.query('SELECT 1 AS one')).rows[0].one]);
    }
    assert.deepEqual(seen, [
      ['main', 1],
      ['other', 1],
    ]);
    const { pool } = manager.connections.get('other');
    manager.connections.delete('other');
    await failure(manager.switchConnection('other'));
    await pool.end();
  });

  test('a subclass can add to it and call super', async () => {
    class Audited extends bench.DatabaseManager {
      #statements = [];
      constructor(owner) {
        super();
        this.owner = owner;
      }
      async executeDDL(sql, ...rest) {
        this.#statements.push(sql);
        return super.executeDDL(sql, ...rest);
      }
      get statements() {
        return this.#statements;
      }
    }
    const manager = bench.keep(new Audited('me'));
    await manager.addConnection('main', bench.config());
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    assert.deepEqual(manager.statements, ['SELECT 1 AS one']);
    assert.equal(manager.owner, 'me');
    assert.equal(manager.constructor, Audited);
    assert.ok(manager instanceof bench.DatabaseManager);
  });

  test("the class itself can't be called as a function", () => {
    assert.throws(() => bench.DatabaseManager(), TypeError);
  });

  test('two managers have nothing in common', async () => {
    const [one, two] = [await bench.manager(), await bench.manager()];
    assert.notEqual(one.currentPool, two.currentPool);
    await one.close();
    assert.deepEqual((await two.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });
});
