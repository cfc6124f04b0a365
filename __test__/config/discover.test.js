'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { eventually, failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');

ofOurManager('databases that a query gives', (bench) => {
  /** A manager whose database `main` has a table of tenants, and what changes the table. */
  async function fleet() {
    const manager = await bench.manager();
    const table = bench.unique('tenants');
    await bench.look(`CREATE TABLE ${table} (id serial, name text, config jsonb, tags text, "limit" int)`);
    await bench.look(`GRANT SELECT ON ${table} TO PUBLIC`);
    const put = (name, config, tags = null, limit = null) =>
      bench.look(`INSERT INTO ${table} (name, config, tags, "limit") VALUES ($1, $2, $3, $4)`, [
        name,
        config,
        tags,
        limit,
      ]);
    const sql = `SELECT name, config, tags, "limit", config->>'application_name' AS app FROM ${table} ORDER BY id`;
    const options = { database: 'main', sql, map: ({ name, config }) => ({ name, config }) };
    return { manager, table, put, options };
  }

  const nothing = { added: [], changed: [], removed: [] };
  const names = (manager) => [...manager.connections.keys()];

  test('are added, changed and removed as the query says', async () => {
    const { manager, table, put, options } = await fleet();
    const application = bench.unique('app');
    const config = bench.config({ application_name: application, max: 1 });
    await put('b', config);
    await put('a', config);
    assert.deepEqual(await manager.discover(options), { ...nothing, added: ['b', 'a'] });
    assert.deepEqual(names(manager), ['main', 'b', 'a']);
    assert.equal(manager.currentConnection, 'main');
    assert.equal(await bench.sockets(application), 0);
    assert.deepEqual(await manager.discover(options), nothing);

    const { rows } = await manager.executeDDL('SELECT 1 AS one', { database: 'b' });
    assert.deepEqual(rows, [{ one: 1 }]);
    const { pool } = manager.connections.get('b');
    await bench.look(`UPDATE ${table} SET config = config || '{"max": 2}' WHERE name = 'a'`);
    await put('c', config);
    assert.deepEqual(await manager.discover(options), { ...nothing, added: ['c'], changed: ['a'] });
    assert.equal(manager.connections.get('a').pool.options.max, 2);
    assert.equal(manager.connections.get('b').pool, pool);

    await bench.look(`DELETE FROM ${table} WHERE name IN ('b', 'c')`);
    assert.deepEqual(await manager.discover(options), { ...nothing, removed: ['b', 'c'] });
    assert.deepEqual(names(manager), ['main', 'a']);
    await eventually(async () => (await bench.sockets(application)) === 0, 'the end of its connections');
  });

  test('that change only in their tags keep their connections', async () => {
    const { manager, table, put, options } = await fleet();
    await put('a', bench.config({ tags: ['old'] }));
    await manager.discover(options);
    const { pool } = manager.connections.get('a');
    await bench.look(`UPDATE ${table} SET config = config || '{"tags": ["new"]}'`);
    assert.deepEqual(await manager.discover(options), { ...nothing, changed: ['a'] });
    assert.equal(manager.connections.get('a').pool, pool);
    assert.deepEqual(await manager._select('tag:new'), ['a']);
  });

  test('that are removed are closed once they are idle', async () => {
    const { manager, table, put, options } = await fleet();
    await put('a', bench.config());
    await manager.discover(options);
    const { pool } = manager.connections.get('a');
    const client = await pool.connect();
    await bench.look(`DELETE FROM ${table}`);
    assert.deepEqual(await manager.discover(options), { ...nothing, removed: ['a'] });
    assert.deepEqual((await client.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    client.release();
    await eventually(() => pool.ended, 'the end of the pool');
  });

  test('may come from columns, which need no function', async () => {
    const { manager, put, options } = await fleet();
    await put('a', { application_name: 'x' }, 'eu, paid ', 3);
    await put('b', {}, null, null);
    const map = { name: 'name', config: { max: 'limit', tags: 'tags', application_name: 'app' } };
    assert.deepEqual(await manager.discover({ ...options, map }), { ...nothing, added: ['a', 'b'] });
    assert.deepEqual(
      ['a', 'b'].map((name) => ({ ...manager.connections.get(name).config })),
      [{ max: 3, tags: ['eu', 'paid'], application_name: 'x' }, {}],
    );
  });

  test('may leave rows out, and take its time', async () => {
    const { manager, put, options } = await fleet();
    await put('a', {});
    await put('b', {});
    const map = async ({ name }) => (name === 'a' ? null : { name, config: { max: 1 } });
    assert.deepEqual(await manager.discover({ ...options, map }), { ...nothing, added: ['b'] });
  });

  const FAULTS = {
    'a query that fails': {
      sql: 'SELECT nonsense',
      message: /nonsense/,
    },
    'several statements': {
      sql: 'SELECT 1; SELECT 2',
      message: '"sql" of discover must be one query, got several statements',
    },
    'a name twice': {
      rows: [
        ['new', {}],
        ['new', {}],
      ],
      message: 'The query of discover gives the database "new" twice',
    },
    'a name that was added by hand': {
      rows: [['main', {}]],
      message: 'The query of discover gives the database "main", which was added otherwise already',
    },
    'no name': { rows: [[null, {}]], message: /must give \{ name, config \} or null, .* got null$/ },
    'no configuration': {
      rows: [['new', 5]],
      message: 'The configuration of database "new" must be an object, got 5',
    },
    'a reference to a command': {
      rows: [['new', { password: { command: ['rm'] } }]],
      message:
        '"password" of database "new" is a reference ("command"), which a query must not give: it would be read on this machine',
    },
    'a reference to a file, deeper': {
      rows: [['new', { ssl: { ca: [{ file: '/etc/passwd' }] } }]],
      message: /^"ssl.ca.0" of database "new" is a reference \("file"\)/,
    },
    'a reference to the environment': {
      rows: [['new', { url: { env: 'HOME' } }]],
      message: /^"url" of database "new" is a reference \("env"\)/,
    },
    'a connection string that names a file': {
      rows: [['new', { url: 'postgres://u@h/d?sslmode=verify-full&ssl%6Bey=/etc/key' }]],
      message:
        '"url" of database "new" has "sslkey", which names a file of this machine: a query must not give it',
    },
    'pairs that name a file': {
      rows: [['new', { connectionString: 'host=h user=u sslrootcert = /etc/passwd' }]],
      message: /^"connectionString" of database "new" has "sslrootcert"/,
    },
    'a policy that is not available': {
      rows: [['new', { policy: 'read-only' }]],
      message: /policies aren't available yet/,
    },
    'a schema': {
      rows: [['new', { schema: 'one' }]],
      message: /^"schema" of database "new".*aren't available yet$/,
    },
    'a map that gives nothing': { map: () => undefined, message: /must give \{ name, config \} or null/ },
    'a map that throws': {
      map() {
        throw new RangeError('mine');
      },
      message: 'mine',
    },
    'a column that is missing': {
      map: { name: 'nom', config: {} },
      message: 'The query of discover has no column "nom"',
    },
  };
  for (const [fault, { rows = [], message, ...overrides }] of Object.entries(FAULTS)) {
    test(`${fault} rejects, and nothing changes`, async () => {
      const { manager, table, put, options } = await fleet();
      await put('kept', {});
      await put('gone', {});
      await manager.discover(options);
      const before = [...manager.connections];
      await bench.look(`DELETE FROM ${table} WHERE name = 'gone'`);
      await put('early', {});
      for (const row of rows) await put(row[0], JSON.stringify(row[1]));
      const error = await failure(manager.discover({ ...options, ...overrides }));
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      assert.deepEqual([...manager.connections], before);
    });
  }

  test('need a database, a query and a map', async () => {
    const { manager, options } = await fleet();
    for (const [wrong, message] of [
      [undefined, /^"database" of discover must be the name of a database, got undefined/],
      [{ ...options, database: 5 }, /"database" of discover .* got 5/],
      [{ ...options, sql: undefined }, /"sql" of discover must be a query/],
      [{ ...options, querry: 'x' }, /^Unknown option "querry" of discover; the nearest known one is /],
      [
        { ...options, map: { name: 'a', confg: {} } },
        /^Unknown option "confg" of "map" of discover; .* is "config"$/,
      ],
      [{ ...options, map: undefined }, /"map" of discover must be a function/],
      [{ ...options, map: { name: 'a' } }, /"map.config" of discover must be an object/],
      [
        { ...options, map: { name: 'a', config: { max: 5 } } },
        /"map.config.max" of discover must be the name of a column/,
      ],
      [{ ...options, map: { name: 'a', config: { mx: 'a' } } }, /Unknown key "mx" .* "max"$/],
    ]) {
      const error = await failure(manager.discover(wrong));
      assert.ok(error instanceof TypeError, error.stack);
      assert.match(error.message, message);
    }
    const error = await failure(manager.discover({ ...options, database: 'other' }));
    assert.match(error.message, /^Unknown connection "other"/);
  });

  test('of one query are not those of another', async () => {
    const { manager, table, put, options } = await fleet();
    await put('a', {});
    await put('b', {});
    const only = (name) => ({ ...options, sql: `SELECT name, config FROM ${table} WHERE name = '${name}'` });
    assert.deepEqual(await manager.discover(only('a')), { ...nothing, added: ['a'] });
    assert.deepEqual(await manager.discover(only('b')), { ...nothing, added: ['b'] });
    assert.match(
      (await failure(manager.discover(options))).message,
      /"a", which was added otherwise already$/,
    );
    // What the program has taken out is added again.
    await manager.removeConnection('a');
    assert.deepEqual(await manager.discover(only('a')), { ...nothing, added: ['a'] });
  });

  test('are read one after another when they are asked for at once', async () => {
    const { manager, put, options } = await fleet();
    await put('a', {});
    const answers = await Promise.all([manager.discover(options), manager.discover(options)]);
    assert.deepEqual(answers, [{ ...nothing, added: ['a'] }, nothing]);
  });

  test('that were current leave no database current', async () => {
    const { manager, table, put, options } = await fleet();
    await put('a', bench.config());
    await manager.discover(options);
    await manager.switchConnection('a');
    await bench.look(`DELETE FROM ${table}`);
    await manager.discover(options);
    assert.equal(manager.currentConnection, null);
  });

  test('of a closed manager reject', async () => {
    const { manager, options } = await fleet();
    const reading = failure(manager.discover({ ...options, sql: 'SELECT pg_sleep(0.1)', map: () => null }));
    await manager.close();
    assert.match((await reading).message, /closed/);
    assert.match((await failure(manager.discover(options))).message, /closed/);
  });

  test('of a configuration are read before each selection, with its defaults and groups', async () => {
    const { table, put, options } = await fleet();
    const manager = bench.keep(
      await bench.DatabaseManager.fromConfig({
        defaults: { max: 1, ssl: false },
        databases: { main: bench.config() },
        groups: { tenants: ['t?'], first: ['t1'] },
        discover: { ...options, map: { name: 'name', config: { tags: 'tags' } } },
      }),
    );
    await put('t1', {}, 'eu');
    assert.deepEqual(await manager._select('all'), ['main', 't1']);
    const { config } = manager.connections.get('t1');
    assert.deepEqual(config, { max: 1, ssl: false, tags: ['eu'], groups: ['tenants', 'first'] });
    await put('t2', {});
    assert.deepEqual(await manager._select('group:tenants'), ['t1', 't2']);
    const again = { ...options, map: { name: 'name', config: { tags: 'tags' } } };
    assert.deepEqual(await manager.discover(again), nothing);
    await bench.look(`DELETE FROM ${table} WHERE name = 't1'`);
    assert.deepEqual(await manager._select(['!main']), ['t2']);
    await bench.look(`ALTER TABLE ${table} RENAME TO ${table}_old`);
    assert.equal((await failure(manager._select('main'))).code, '42P01');
  });
});
