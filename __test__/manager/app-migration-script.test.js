'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs/promises');
const Module = require('node:module');
const os = require('node:os');
const path = require('node:path');
const { after, before, beforeEach, test } = require('node:test');
const { eventually, failure, settled } = require('../support/failure');
const { heldLock } = require('../support/held-lock');
const { ofOurManager } = require('../support/managers');
const { run } = require('../support/program');
const { CUTS, scriptProxy } = require('../support/script-proxy');
const { writeTree } = require('../support/tree');

const names = (migrations) => migrations.map(({ name }) => name);

ofOurManager("the app's migrations on this package's own engine", (bench) => {
  let home;
  let folder;

  before(async () => {
    home = process.cwd();
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'migrations-'));
    process.chdir(folder);
  });

  beforeEach(() => fs.rm(path.join(folder, 'migrations'), { recursive: true, force: true }));

  after(async () => {
    process.chdir(home);
    await fs.rm(folder, { recursive: true });
  });

  async function write(files) {
    await fs.mkdir(path.join(folder, 'migrations'), { recursive: true });
    writeTree(path.join(folder, 'migrations'), files);
  }

  /** A manager with a new database, which is current. */
  async function migrating(files, overrides) {
    await write(files);
    const manager = bench.keep(new bench.DatabaseManager());
    const dbName = await bench.server.createDatabase();
    await manager.initialize({ main: bench.config({ dbName, ...overrides }) });
    await manager.switchDatabase('main');
    return manager;
  }

  const nothingIsApplied = async (manager, table) => {
    assert.equal(await manager.tableExists(table), false);
    assert.deepEqual(await manager.getMigrationStatus(), []);
  };

  test('SQL files need no package, and a JavaScript file says which one', async () => {
    const manager = await migrating({ '1_one.sql': 'CREATE TABLE one ()' });
    const find = Module._resolveFilename;
    Module._resolveFilename = function (request, ...rest) {
      if (request !== 'node-pg-migrate') return find.call(this, request, ...rest);
      throw Object.assign(new Error('not installed'), { code: 'MODULE_NOT_FOUND' });
    };
    try {
      assert.deepEqual(names(await manager.runMigration()), ['1_one']);
      await write({ '2_two.sql': 'CREATE TABLE two ()', '3_three.js': 'exports.up = () => {}' });
      const error = await failure(manager.runMigration());
      assert.equal(error.code, 'MODULE_NOT_FOUND');
      assert.match(error.message, /node-pg-migrate, which isn't installed: run npm install node-pg-migrate$/);
      assert.equal(await manager.tableExists('two'), false);
      assert.deepEqual(names(await manager.runMigration('up', 1)), ['2_two']);
      assert.equal(await manager.isMigrationAvailable(), true);
    } finally {
      Module._resolveFilename = find;
    }
  });

  test('node-pg-migrate goes on where this left off, and this where that did', async () => {
    const sql = (name) => `CREATE TABLE ${name} ();\n-- Down Migration\nDROP TABLE ${name};`;
    const up = (name) => `-- Up Migration\n${sql(name)}`;
    const manager = await migrating({ '1_a.sql': up('a'), '2_b.sql': up('b'), '3_c.sql': up('c') });
    const { runner } = await import('node-pg-migrate');
    const byTool = async (direction, count) => {
      const client = await manager.currentPool.connect();
      try {
        const logger = { debug() {}, info() {}, warn() {}, error() {} };
        const options = { dir: path.join(folder, 'migrations'), migrationsTable: 'pgmigrations', logger };
        return names(
          await runner({ ...options, dbClient: client, direction, count, singleTransaction: true }),
        );
      } finally {
        client.release();
      }
    };
    assert.deepEqual(await byTool('up', 1), ['1_a']);
    assert.deepEqual(names(await manager.runMigration('up', 1)), ['2_b']);
    assert.deepEqual(await byTool('up'), ['3_c']);
    assert.deepEqual(names(await manager.getMigrationStatus()), ['3_c', '2_b', '1_a']);
    assert.deepEqual(await byTool('down', 1), ['3_c']);
    assert.deepEqual(names(await manager.runMigration('down')), ['2_b', '1_a']);
    assert.deepEqual(await byTool('down', 1), []);
  });

  test('two at a time apply each file once', async () => {
    const held = await heldLock(bench.server.config({ database: bench.database }));
    const first = bench.keep(new bench.DatabaseManager());
    const second = bench.keep(new bench.DatabaseManager());
    await write({ '1_once.sql': `${held.text}; CREATE TABLE once ()` });
    for (const manager of [first, second]) {
      await manager.initialize({ main: bench.config() });
      await manager.switchDatabase('main');
    }
    const running = first.runMigration();
    await held.wanted();
    assert.match((await failure(second.runMigration())).message, /^Another migration is already running/);
    await held.release();
    assert.deepEqual(names(await running), ['1_once']);
    assert.deepEqual(await second.runMigration(), []);
  });

  test('a pool with one connection is enough, and has its session back as it was', async () => {
    const manager = await migrating(
      {
        '1_dump.sql': [
          "SELECT pg_catalog.set_config('search_path', '', false);",
          'CREATE TABLE public.copied (id int, word text);',
          "COPY public.copied FROM stdin;\n1\tit''s\n2\t$$\n\\.\n",
        ].join('\n'),
        '2_more.sql': "INSERT INTO public.copied VALUES (3, 'x')",
      },
      { max: 1 },
    );
    const [before] = await manager.query('SHOW search_path');
    assert.deepEqual(names(await manager.runMigration()), ['1_dump', '2_more']);
    assert.deepEqual(await manager.query('SHOW search_path'), [before]);
    assert.deepEqual(await manager.query('SELECT count(*)::int AS n FROM copied'), [{ n: 3 }]);
  });

  const REFUSED = {
    'a literal that has no end': ["SELECT 'open", /^Migration 2_wrong ends within a literal/, undefined],
    'a comment that has no end': ['SELECT 1 /* open', /^Migration 2_wrong ends within a literal/, undefined],
    "a command of psql's": ['\\connect other', /\\connect/, 'PGFLEET_PSQL'],
    'what can not be in a transaction': [
      'CREATE INDEX CONCURRENTLY i ON first (id)',
      /CREATE INDEX CONCURRENTLY/,
      '25001',
    ],
  };
  for (const [what, [text, message, code]] of Object.entries(REFUSED)) {
    test(`${what} is refused by the name of its file, before anything is sent`, async () => {
      const manager = await migrating({
        '1_first.sql': 'CREATE TABLE first (id int)',
        '2_wrong.sql': text,
        '3_last.sql': "SELECT 'closed' /* */",
      });
      const error = await failure(manager.runMigration());
      assert.match(error.message, message);
      assert.deepEqual([error.code, error.migration, error.outcome], [code, '2_wrong', 'not applied']);
      await nothingIsApplied(manager, 'first');
    });
  }

  test('an error without a position has the name of its file as well', async () => {
    const manager = await migrating({
      '1_first.sql': 'CREATE TABLE first (id int PRIMARY KEY); INSERT INTO first VALUES (1)',
      '2_twice.sql': 'SELECT 1; INSERT INTO first VALUES (1)',
      '3_last.sql': 'SELECT 1',
    });
    const error = await failure(manager.runMigration());
    assert.deepEqual([error.code, error.migration, error.outcome], ['23505', '2_twice', 'not applied']);
    await nothingIsApplied(manager, 'first');
  });

  test("a pool of npm's pg will do, and its clients come back", async () => {
    const { Pool } = require('pg');
    const database = await bench.server.createDatabase();
    const pool = new Pool(bench.server.config({ database, max: 1 }));
    const manager = bench.keep(new bench.DatabaseManager());
    await manager.initialize({});
    manager.pools.own = pool;
    await manager.switchDatabase('own');
    await write({ '1_first.sql': 'CREATE TABLE first (id int PRIMARY KEY)', '2_twice.sql': 'SELECT 1' });
    assert.deepEqual(names(await manager.runMigration('up', 1)), ['1_first']);
    await write({ '2_twice.sql': 'INSERT INTO first VALUES (1), (1)' });
    const error = await failure(manager.runMigration());
    assert.deepEqual([error.code, error.migration, error.outcome], ['23505', undefined, 'not applied']);
    await write({ '2_twice.sql': 'INSERT INTO first VALUES (nothing)' });
    const { code, migration, position } = await failure(manager.runMigration());
    assert.deepEqual([code, migration, position], ['42703', '2_twice', '27']);
    assert.deepEqual(names(await manager.getMigrationStatus()), ['1_first']);
    assert.deepEqual(manager.getPoolStatus(), { totalCount: 1, idleCount: 1, waitingCount: 0 });
  });

  test('names are taken as they are', async () => {
    const manager = await migrating({ "1_it's.sql": 'CREATE TABLE quoted ()' });
    assert.deepEqual(names(await manager.runMigration()), ["1_it's"]);
    assert.deepEqual(names(await manager.getMigrationStatus()), ["1_it's"]);
  });

  test('arguments of another kind are TypeErrors', async () => {
    const manager = await migrating({ '1_one.sql': 'SELECT 1' });
    for (const values of [['sideways'], [null], ['up', 'many'], ['up', NaN]]) {
      assert.ok((await failure(manager.runMigration(...values))) instanceof TypeError);
    }
    assert.deepEqual(await manager.runMigration('up', 0), []);
    assert.deepEqual(names(await manager.runMigration('up', '1')), ['1_one']);
  });

  for (const [how, cut] of Object.entries(CUTS)) {
    test(`by ${how} with the answer to COMMIT, a run is found committed and resolves`, async () => {
      const onCommitted = (link) => {
        cut(link);
        return false;
      };
      const proxy = await scriptProxy(bench.server, { onCommitted });
      const files = { '1_one.sql': 'CREATE TABLE one ()', '2_two.sql': 'CREATE TABLE two ()' };
      const manager = await migrating(files, { dbPort: proxy.port });
      assert.deepEqual(names(await settled(manager.runMigration(), 'the run')), ['1_one', '2_two']);
      assert.deepEqual(names(await manager.getMigrationStatus()), ['2_two', '1_one']);
      await manager.shutdown();
      await proxy.close();
    });
  }

  test('a connection that is lost in the middle leaves nothing, and the next run goes on', async () => {
    const onAnswer = (link) => {
      link.destroy();
      return false;
    };
    const proxy = await scriptProxy(bench.server, { onAnswer });
    const manager = await migrating({ '1_one.sql': 'CREATE TABLE one ()' }, { dbPort: proxy.port });
    const error = await settled(failure(manager.runMigration()), 'the run');
    assert.equal(error.outcome, 'not applied');
    await nothingIsApplied(manager, 'one');
    await eventually(async () => {
      // Until the server has noticed the loss, the lost session has the lock.
      const free =
        'SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = $1 AND database = $2::oid) AS free';
      const [{ oid }] = await manager.query('SELECT oid FROM pg_database WHERE datname = current_database()');
      return (await manager.query(free, ['advisory', oid]))[0].free;
    }, 'the end of the lost session');
    assert.deepEqual(names(await manager.runMigration()), ['1_one']);
    await manager.shutdown();
    await proxy.close();
  });

  test('nothing is printed', async () => {
    await write({
      '1_one.sql': 'CREATE TABLE one (id int);\n-- Down Migration\nDROP TABLE one;',
      '2_two.cjs': "exports.up = (pgm) => pgm.addColumn('one', { two: 'int' }); exports.down = false;",
      '3_bad.cjs': "exports.up = (pgm) => pgm.sql('SELECT 1/0');",
    });
    const program = path.join(folder, 'program.js');
    await fs.writeFile(
      program,
      `const DatabaseManager = require(${JSON.stringify(path.join(home))});
       (async () => {
         const [config] = [JSON.parse(process.argv[2])];
         const manager = new DatabaseManager({ main: config, wrong: { ...config, dbPassword: 'wrong' } });
         await manager.loadConfigurations();
         await manager.initialize({ main: config, wrong: { ...config, dbPassword: 'wrong' } });
         await manager.addDatabase('late', config);
         await manager.switchDatabase('wrong').catch(() => {});
         await manager.switchDatabase('main');
         await manager.createTable('t', { id: 'int' });
         await manager.query('SELECT nothing').catch(() => {});
         await manager.executeDDL('SELECT 1/0').catch(() => {});
         await manager.runMigration('up', 1);
         await manager.runMigration().catch(() => {});
         await manager.runMigration('down').catch(() => {});
         await manager.crossDatabaseQuery({ late: { sql: 'SELECT 1' }, join: {} });
         await manager.shutdown();
       })();`,
    );
    const dbName = await bench.server.createDatabase();
    const { code, stdout, stderr } = await run(program, {
      args: [JSON.stringify(bench.config({ dbName }))],
      cwd: folder,
    });
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
  });
});
