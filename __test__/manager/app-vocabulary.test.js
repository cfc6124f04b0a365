'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { eventually, failure } = require('../support/failure');
const { forAppManagers } = require('../support/app-managers');

const NO_DATABASE = 'No active database. Call switchDatabase() first.';

forAppManagers((bench) => {
  const where = async (manager) => (await manager.query('SELECT current_database() AS db'))[0].db;

  /** Runs `use` with these variables and no others of Supabase's. */
  async function withEnvironment(variables, use) {
    const before = { ...process.env };
    for (const name of Object.keys(process.env)) if (name.includes('SUPABASE')) delete process.env[name];
    Object.assign(process.env, variables);
    try {
      return await use();
    } finally {
      for (const name of Object.keys(variables)) delete process.env[name];
      Object.assign(process.env, before);
    }
  }

  test('before initialize nothing can be switched to', async () => {
    const manager = bench.keep(new bench.AppManager({ main: await bench.config() }));
    const message = 'DatabaseManager not initialized. Call initialize() first.';
    await assert.rejects(manager.switchDatabase('main'), { message });
    await manager.addDatabase('other', await bench.config());
    await assert.rejects(manager.switchDatabase('other'), { message });
    assert.equal(await manager.initialize(), undefined);
    assert.equal(await manager.switchDatabase('main'), true);
    assert.equal(await manager.switchDatabase('other'), true);
  });

  test('a name that has no configuration, or one without host or password, can not be switched to', async () => {
    const config = await bench.config();
    const manager = bench.keep(
      new bench.AppManager({
        nothing: {},
        'no host': { ...config, dbHost: null },
        'no password': { ...config, dbPassword: undefined },
      }),
    );
    await manager.initialize();
    for (const name of ['nothing', 'no host', 'no password', 'unknown', undefined]) {
      await assert.rejects(manager.switchDatabase(name), {
        message: `No database configuration found for: ${name}`,
      });
    }
    assert.deepEqual(Object.keys(manager.pools), []);
    assert.equal(manager.currentAppName, null);
  });

  test('a pool has the limits of the app, TLS without a check of the certificate, and a listener for errors', async () => {
    const { server } = bench;
    const own = {
      dbHost: server.host,
      dbPort: server.port,
      dbUser: server.user,
      dbPassword: server.password,
    };
    const manager = bench.keep(new bench.AppManager({ first: own }));
    await manager.initialize();
    await manager.addDatabase('second', own);
    for (const name of ['first', 'second']) {
      const pool = manager.pools[name];
      const { max, idleTimeoutMillis, connectionTimeoutMillis } = pool.options;
      assert.deepEqual([max, idleTimeoutMillis, connectionTimeoutMillis], [10, 30000, 5000]);
      assert.equal(pool.listenerCount('error'), 1);
      await manager.switchDatabase(name);
      assert.deepEqual(
        await manager.query(
          'SELECT current_database() AS db, (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())',
        ),
        [{ db: 'postgres', ssl: true }],
      );
    }
  });

  test('user, database and port have defaults', async () => {
    const manager = bench.keep(new bench.AppManager({ main: { dbHost: 'db.example', dbPassword: 'x' } }));
    await manager.initialize();
    const { user, database, port } = manager.pools.main.options;
    assert.deepEqual([user, database, port], ['postgres', 'postgres', 5432]);
  });

  test('switchDatabase stays where the database does not answer, and tells why', async () => {
    const manager = await bench.manager();
    await manager.addDatabase('wrong', await bench.config({ database: 'not_here' }));
    assert.equal((await failure(manager.switchDatabase('wrong'))).code, '3D000');
    assert.equal(manager.currentAppName, 'wrong');
    assert.equal(manager.currentPool, manager.pools.wrong);
    assert.equal((await failure(manager.query('SELECT 1'))).code, '3D000');
    await manager.switchDatabase('main');
    assert.deepEqual(await manager.query('SELECT 1 AS one'), [{ one: 1 }]);
  });

  test('without an active database every request is refused in the same words', async () => {
    const manager = bench.keep(new bench.AppManager({ main: await bench.config() }));
    await manager.initialize();
    for (const request of [
      () => manager.query('SELECT 1'),
      () => manager.executeDDL('SELECT 1'),
      () => manager.createTable('t', { id: 'int' }),
      () => manager.tableExists('t'),
      () => manager.getSchema(),
    ]) {
      await assert.rejects(request(), { message: NO_DATABASE });
    }
    assert.equal(manager.getPoolStatus(), null);
    await assert.rejects(manager.supabaseQuery('t'), {
      message: 'No active Supabase client. Call switchDatabase() first.',
    });
  });

  test('query gives the rows, and rejects with what the server says', async () => {
    const manager = await bench.manager();
    assert.deepEqual(await manager.query('SELECT $1::int + 1 AS sum', [41]), [{ sum: 42 }]);
    assert.deepEqual(await manager.query('SELECT 1 AS one WHERE false'), []);
    assert.deepEqual(await manager.query('CREATE TABLE nothing ()'), []);
    assert.equal((await failure(manager.query('SELECT nothing_here'))).code, '42703');
  });

  test('createTable creates a table unless it is there', async () => {
    const manager = await bench.manager();
    const columns = {
      id: 'serial PRIMARY KEY',
      email: 'text UNIQUE NOT NULL',
      at: 'timestamptz DEFAULT now()',
    };
    const result = await manager.createTable('members', columns);
    assert.equal(result.command, 'CREATE');
    await manager.createTable('members', { other: 'int' });
    assert.deepEqual(
      (await manager.getSchema('members')).sort((a, b) => (a.column_name < b.column_name ? -1 : 1)),
      [
        { column_name: 'at', data_type: 'timestamp with time zone', is_nullable: 'YES' },
        { column_name: 'email', data_type: 'text', is_nullable: 'NO' },
        { column_name: 'id', data_type: 'integer', is_nullable: 'NO' },
      ],
    );
    await manager.createTable('public.visits', { member: 'int REFERENCES members (id) CHECK (member > 0)' });
    assert.equal(await manager.tableExists('visits'), true);
    await manager.createTable('empty', {});
    assert.deepEqual(await manager.getSchema('empty'), []);
    assert.equal((await failure(manager.createTable('t', { id: 'no_such_type' }))).code, '42704');
  });

  test('tableExists and getSchema look into schema public alone', async () => {
    const manager = await bench.manager();
    await manager.executeDDL(`
      CREATE SCHEMA aside; CREATE TABLE aside.hidden (id int);
      CREATE TABLE seen (id int); CREATE VIEW looked AS SELECT 1 AS one`);
    assert.equal(await manager.tableExists('seen'), true);
    assert.equal(await manager.tableExists('looked'), true);
    for (const name of ['hidden', 'Seen', "'; DROP TABLE seen; --"]) {
      assert.equal(await manager.tableExists(name), false);
      assert.deepEqual(await manager.getSchema(name), []);
    }
    assert.deepEqual(await manager.getSchema(), [{ table_name: 'seen' }]);
    assert.deepEqual(await manager.getSchema(null), [{ table_name: 'seen' }]);
  });

  test('getPoolStatus counts the current pool at once', async () => {
    const manager = await bench.manager();
    assert.deepEqual(manager.getPoolStatus(), { totalCount: 1, idleCount: 1, waitingCount: 0 });
    const client = await manager.currentPool.connect();
    assert.deepEqual(manager.getPoolStatus(), { totalCount: 1, idleCount: 0, waitingCount: 0 });
    client.release();
  });

  test('crossDatabaseQuery asks each database in order and stays on the last', async () => {
    const manager = await bench.manager();
    await manager.addDatabase('other', await bench.config());
    const main = await where(manager);
    const results = await manager.crossDatabaseQuery({
      other: { sql: 'SELECT current_database() AS db, $1::int AS n', params: [2] },
      main: { sql: 'SELECT current_database() AS db' },
      join: { on: 'id' },
    });
    assert.deepEqual(Object.keys(results), ['other', 'main']);
    assert.deepEqual(results.main, [{ db: main }]);
    assert.equal(results.other[0].n, 2);
    assert.notEqual(results.other[0].db, main);
    assert.equal(manager.currentAppName, 'main');

    const error = await failure(
      manager.crossDatabaseQuery({ other: { sql: 'SELECT 1/0' }, unknown: { sql: 'SELECT 1' } }),
    );
    assert.equal(error.code, '22012');
    assert.equal(manager.currentAppName, 'other');
  });

  test(
    'plans that are run at once ask each its own databases',
    { skip: !bench.ours && 'the app asks what is current by then' },
    async () => {
      const manager = await bench.manager();
      await manager.addDatabase('other', await bench.config());
      const ask = (name) => ({ [name]: { sql: 'SELECT current_database() AS db' } });
      const [{ main: alone }] = [await manager.crossDatabaseQuery(ask('main'))];
      const plans = ['main', 'other', 'main', 'other'].map((name) => manager.crossDatabaseQuery(ask(name)));
      const [first, second, third] = await Promise.all(plans);
      assert.deepEqual([first.main, third.main], [alone, alone]);
      assert.notDeepEqual(second.other, alone);
    },
  );

  test('shutdown ends all pools, may be called twice, and initialize opens the databases again', async () => {
    const manager = await bench.manager();
    const { main } = manager.pools;
    assert.equal(await manager.shutdown(), undefined);
    assert.equal(main.ended, true);
    assert.equal(manager.initialized, false);
    assert.equal(await manager.shutdown(), undefined);
    const message = 'DatabaseManager not initialized. Call initialize() first.';
    await assert.rejects(manager.switchDatabase('main'), { message });
    await manager.initialize();
    await manager.switchDatabase('main');
    assert.deepEqual(await manager.query('SELECT 1 AS one'), [{ one: 1 }]);
    assert.equal(manager.initialized, true);
  });

  test('a database that is added after shutdown is opened by initialize', async () => {
    const manager = await bench.manager();
    await manager.shutdown();
    assert.equal(await manager.addDatabase('late', await bench.config()), undefined);
    await manager.initialize();
    assert.equal(await manager.switchDatabase('late'), true);
    assert.equal(await manager.switchDatabase('main'), true);
  });

  test('a connection that is lost while it is idle ends nothing', async () => {
    const manager = await bench.manager();
    const [{ pid }] = await manager.query('SELECT pg_backend_pid() AS pid');
    const losses = [];
    manager.currentPool.on('error', (error) => losses.push(error));
    await bench.server.asSuperuser((client) => client.query('SELECT pg_terminate_backend($1)', [pid]));
    await eventually(() => losses.length === 1, 'the loss');
    assert.deepEqual(await manager.query('SELECT 1 AS one'), [{ one: 1 }]);
  });

  test('extractHostFromUrl gives the database server of a project', () => {
    const manager = new bench.AppManager();
    assert.equal(manager.extractHostFromUrl('https://abc123.supabase.co'), 'db.abc123.supabase.co');
    assert.equal(manager.extractHostFromUrl('https://abc123.supabase.co/rest/v1'), 'db.abc123.supabase.co');
    for (const url of [
      undefined,
      null,
      '',
      'http://abc.supabase.co',
      'https://example.com',
      'abc.supabase.co',
    ]) {
      assert.equal(manager.extractHostFromUrl(url), null);
    }
  });

  const VARIABLES = {
    SUPABASE_URL: 'https://abc123.supabase.co',
    SUPABASE_ANON_KEY: 'anon',
    SUPABASE_SERVICE_ROLE_KEY: 'role',
    SUPABASE_DB_PASSWORD: 'secret',
  };
  const OF_ENVIRONMENT = {
    projectUrl: 'https://abc123.supabase.co',
    anonKey: 'anon',
    serviceRoleKey: 'role',
    dbHost: 'db.abc123.supabase.co',
    dbPort: 5432,
    dbUser: 'postgres',
    dbPassword: 'secret',
    dbName: 'postgres',
  };

  test('loadConfigurations reads the environment, by either of its names', async () => {
    await bench.folder();
    const manager = new bench.AppManager();
    const loaded = await withEnvironment(VARIABLES, () => manager.loadConfigurations());
    assert.deepEqual(loaded, { ehg_engineer: OF_ENVIRONMENT });
    assert.equal(manager.configs, loaded);
    assert.equal(manager.initialized, false);

    const { SUPABASE_URL, SUPABASE_ANON_KEY } = VARIABLES;
    const browser = {
      NEXT_PUBLIC_SUPABASE_URL: SUPABASE_URL,
      NEXT_PUBLIC_SUPABASE_ANON_KEY: SUPABASE_ANON_KEY,
    };
    const { ehg_engineer: main } = await withEnvironment(browser, () => manager.loadConfigurations());
    assert.deepEqual(main, { ...OF_ENVIRONMENT, serviceRoleKey: undefined, dbPassword: undefined });

    const nothing = await withEnvironment({}, () => manager.loadConfigurations());
    assert.equal(nothing.ehg_engineer.dbHost, null);
    await manager.initialize();
    assert.deepEqual(Object.keys(manager.pools), []);
  });

  test('config/databases.json of the working directory is laid over the environment', async () => {
    const main = await bench.config();
    await bench.folder({
      'config/databases.json': JSON.stringify({ main, ehg_engineer: { purpose: 'own' } }),
    });
    const manager = bench.keep(new bench.AppManager());
    const loaded = await withEnvironment(VARIABLES, () => manager.loadConfigurations());
    assert.deepEqual(loaded, { ehg_engineer: { purpose: 'own' }, main });
    await manager.initialize();
    await manager.switchDatabase('main');
    assert.deepEqual(await manager.query('SELECT 1 AS one'), [{ one: 1 }]);
  });

  test('a config/databases.json that can not be read as such counts as empty', async () => {
    const manager = new bench.AppManager();
    for (const text of ['{ broken', '']) {
      await bench.folder({ 'config/databases.json': text });
      const loaded = await withEnvironment(VARIABLES, () => manager.loadConfigurations());
      assert.deepEqual(loaded, { ehg_engineer: OF_ENVIRONMENT });
    }
  });
});
