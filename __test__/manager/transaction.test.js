'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { eventually, failure, settled } = require('../support/failure.js');
const { frontendSplitter, rewriteQueries } = require('../support/frontend-messages.js');
const { ofOurManager } = require('../support/managers.js');
const { tappedProxy } = require('../support/proxy.js');

/** Statements that no server takes in a transaction block, with what an error has to call them. */
const REFUSED_IN_TRANSACTIONS = {
  'CREATE INDEX CONCURRENTLY': 'CREATE INDEX CONCURRENTLY i ON t (id)',
  'CREATE UNIQUE INDEX CONCURRENTLY': 'create unique index concurrently if not exists i on t (id)',
  'DROP INDEX CONCURRENTLY': 'DROP INDEX CONCURRENTLY IF EXISTS i',
  'REINDEX TABLE CONCURRENTLY': 'REINDEX TABLE CONCURRENTLY t',
  VACUUM: 'VACUUM t',
  'VACUUM (ANALYZE)': 'VACUUM (ANALYZE) t',
  'CREATE DATABASE': 'CREATE DATABASE another',
  'DROP DATABASE': 'DROP DATABASE IF EXISTS another',
  'ALTER SYSTEM': 'ALTER SYSTEM RESET work_mem',
};

ofOurManager('executeDDL and its transaction', (bench) => {
  /** A manager behind a proxy, with one connection open, and what its client says from now on. */
  async function tapped(taps = {}) {
    const seen = [];
    const proxy = await tappedProxy(bench.server, {
      onClientBytes(bytes, link) {
        seen.push({ from: 'client', bytes: Buffer.from(bytes) });
        return taps.onClientBytes?.(bytes, link);
      },
      onServerBytes(bytes, link) {
        seen.push({ from: 'server', bytes: Buffer.from(bytes) });
        return taps.onServerBytes?.(bytes, link);
      },
    });
    const manager = await bench.manager({ dbPort: proxy.port, max: 1 });
    seen.length = 0;
    return { manager, proxy, seen };
  }

  /** How often the client spoke after the server had answered: what a slow network makes one wait for. */
  function roundTrips(seen) {
    return seen.filter(({ from }, at) => from === 'client' && seen[at - 1]?.from !== 'client').length;
  }

  for (const [commit, trips] of Object.entries({ confirmed: 2, pipelined: 1 })) {
    test(`BEGIN, the script and a COMMIT that is ${commit} take ${trips} round trips`, async () => {
      const { manager, proxy, seen } = await tapped();
      const table = `in_${trips}_trips`;
      await manager.executeDDL(`CREATE TABLE ${table} (id int); INSERT INTO ${table} VALUES (1)`, { commit });
      await eventually(() => seen.at(-1)?.from === 'server', 'an answer');
      assert.equal(roundTrips(seen), trips);
      assert.deepEqual(await bench.look(`SELECT id FROM ${table}`), [{ id: 1 }]);
      await proxy.close();
    });
  }

  test('a script that fails takes two round trips as well, rolled back', async () => {
    const { manager, proxy, seen } = await tapped();
    const error = await failure(manager.executeDDL('CREATE TABLE not_kept (id int); SELECT 1/0'));
    assert.equal(error.code, '22012');
    const { rows } = await manager.executeDDL('SELECT 1 AS one');
    assert.deepEqual(rows, [{ one: 1 }]);
    assert.equal(roundTrips(seen), 4);
    assert.equal(proxy.accepted, 1, 'the connection is kept');
    assert.deepEqual(await bench.tables('not_kept'), []);
    await proxy.close();
  });

  test('without a transaction nothing but the script is sent', async () => {
    const { manager, proxy, seen } = await tapped();
    await manager.executeDDL('SELECT 1', false);
    const sent = Buffer.concat(seen.filter(({ from }) => from === 'client').map(({ bytes }) => bytes));
    const queries = frontendSplitter({ startup: false })(sent).map(
      ({ type, body }) => type + body.toString(),
    );
    assert.deepEqual(queries, ['QSELECT 1\0']);
    await proxy.close();
  });

  // A BEGIN that isn't one: what a pooler or a server in trouble may do to it.
  const BROKEN_BEGINS = {
    'a syntax error': { replacement: 'BEGIX', code: '42601' },
    'an error of its own': { replacement: 'SELECT 1/0', code: '22012' },
  };
  for (const [how, { replacement, code }] of Object.entries(BROKEN_BEGINS)) {
    test(`when BEGIN is refused with ${how}, no part of the script runs`, async () => {
      const onClientBytes = rewriteQueries((sql) =>
        sql.replace(/\b(BEGIN|START TRANSACTION)\b[^;]*/i, replacement),
      );
      const { manager, proxy } = await tapped({ onClientBytes });
      const table = bench.unique('refused');
      const error = await settled(
        failure(manager.executeDDL(`CREATE TABLE ${table}_a (); CREATE TABLE ${table}_b ()`)),
        'executeDDL',
      );
      assert.equal(error.code, code);
      assert.deepEqual(await bench.tables(`${table}_a`, `${table}_b`), []);
      await proxy.close();
    });

    test(`when BEGIN is refused with ${how}, a script with its own COMMIT doesn't run either`, async () => {
      const onClientBytes = rewriteQueries((sql) =>
        sql.replace(/^\s*(BEGIN|START TRANSACTION)\b[^;]*/i, replacement),
      );
      const { manager, proxy } = await tapped({ onClientBytes });
      const table = bench.unique('refused');
      await settled(failure(manager.executeDDL(`CREATE TABLE ${table} (); COMMIT; SELECT 1`)), 'executeDDL');
      assert.deepEqual(await bench.tables(table), []);
      await proxy.close();
    });
  }

  test('when BEGIN is cancelled, no part of the script runs', async () => {
    const marker = bench.unique('begin');
    const onClientBytes = rewriteQueries((sql) =>
      sql.replace(/\b(BEGIN|START TRANSACTION)\b[^;]*/i, `SELECT pg_sleep(600) /* ${marker} */`),
    );
    const { manager, proxy } = await tapped({ onClientBytes });
    const table = bench.unique('cancelled');
    const outcome = failure(manager.executeDDL(`CREATE TABLE ${table} ()`));
    await eventually(async () => {
      const rows = await bench.look(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
         WHERE state = 'active' AND pid <> pg_backend_pid() AND datname = current_database() AND query LIKE $1`,
        [`%${marker}%`],
      );
      return rows.length > 0;
    }, 'the cancelling');
    assert.equal((await settled(outcome, 'executeDDL')).code, '57014');
    assert.deepEqual(await bench.tables(table), []);
    await proxy.close();
  });

  test('a script that is cancelled on the server is rolled back', async () => {
    const manager = await bench.manager();
    const table = bench.unique('cancelled');
    const outcome = failure(manager.executeDDL(`CREATE TABLE ${table} (); SELECT pg_sleep(600)`));
    await eventually(async () => {
      const rows = await bench.look(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
         WHERE state = 'active' AND datname = current_database() AND wait_event = 'PgSleep' AND query LIKE $1`,
        [`%${table}%`],
      );
      return rows.length > 0;
    }, 'the cancelling');
    assert.equal((await settled(outcome, 'executeDDL')).code, '57014');
    assert.deepEqual(await bench.tables(table), []);
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  test("a connection that breaks after the error of the script doesn't hide the error", async () => {
    const onServerBytes = (bytes, link) => {
      if (!bytes.includes('division by zero')) return undefined;
      // Up to the end of the error, and nothing after it.
      let at = 0;
      while (at < bytes.length && bytes[at] !== 'E'.charCodeAt(0)) at += 1 + bytes.readInt32BE(at + 1);
      assert.ok(at < bytes.length);
      link.client.write(bytes.subarray(0, at + 1 + bytes.readInt32BE(at + 1)));
      link.client.end();
      link.server.destroy();
      return null;
    };
    const { manager, proxy } = await tapped({ onServerBytes });
    const error = await settled(failure(manager.executeDDL('SELECT 1/0')), 'executeDDL');
    assert.equal(error.code, '22012');
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    assert.equal(proxy.accepted, 2, 'a connection in an unknown state is not used again');
    await proxy.close();
  });

  test('a connection that breaks in mid-script is an error, and the next request gets a new one', async () => {
    const { manager, proxy } = await tapped();
    const outcome = failure(manager.executeDDL('SELECT pg_sleep(600)'));
    await eventually(
      async () =>
        (
          await bench.look(
            `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`,
          )
        ).length > 0,
      'the script on the server',
    );
    for (const link of proxy.links) link.destroy();
    const error = await settled(outcome, 'executeDDL');
    assert.match(error.message, /Connection terminated unexpectedly|ECONNRESET/);
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    await proxy.close();
    // The server notices a lost client only when the statement ends; until then it would hold up later tests.
    await bench.look(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE wait_event = 'PgSleep' AND datname = current_database()`,
    );
  });

  for (const [name, sql] of Object.entries(REFUSED_IN_TRANSACTIONS)) {
    test(`${name} in a transaction fails before anything is sent, as the server would fail it`, async () => {
      const { manager, proxy, seen } = await tapped();
      for (const script of [sql, `SELECT 1; ${sql}; SELECT 2`, `/* first */ ${sql} -- last`]) {
        const error = await failure(manager.executeDDL(script));
        assert.equal(error.code, '25001');
        const keyword = name.split(' (')[0].replace(' UNIQUE', '').replace(' TABLE', '');
        for (const word of keyword.split(' ')) assert.match(error.message, new RegExp(word, 'i'));
        assert.match(error.message, /useTransaction|executeDDL\(.*false\)/, 'the remedy');
      }
      assert.deepEqual(seen, []);
      await proxy.close();

      const verdict = await bench.server.asSuperuser(async (client) => {
        await client.query('BEGIN');
        return failure(client.query(sql));
      }, bench.database);
      assert.equal(verdict.code, '25001', 'the server agrees');
    });
  }

  test('words that only look like such a statement are let through', async () => {
    const manager = await bench.manager();
    await manager.executeDDL(`
      CREATE TABLE vacuum_log (note text DEFAULT 'VACUUM; CREATE DATABASE x', "create index concurrently" int);
      -- CREATE INDEX CONCURRENTLY would not do here
      /* VACUUM; /* DROP DATABASE x */ */
      CREATE INDEX ON vacuum_log (note);
      CREATE FUNCTION tidy() RETURNS text LANGUAGE sql AS $$ SELECT 'VACUUM;' $$;
      COMMENT ON TABLE vacuum_log IS $tag$ ; VACUUM ; $tag$;
      ANALYZE vacuum_log
    `);
    assert.deepEqual(await bench.tables('vacuum_log'), ['vacuum_log']);
  });

  test("a COMMIT in front doesn't let a script do what no transaction allows", async () => {
    const manager = await bench.manager();
    await manager.executeDDL('CREATE TABLE indexed (id int)');
    assert.equal((await failure(manager.executeDDL('COMMIT; VACUUM indexed'))).code, '25001');
    await manager.executeDDL('CREATE INDEX CONCURRENTLY ON indexed (id)', false);
  });

  test("a script with syntax that the splitter has never seen is the server's to judge", async () => {
    const manager = await bench.manager();
    const error = await failure(manager.executeDDL('FROBNICATE THE "TABLES" \'of'));
    assert.equal(error.code, '42601');
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  test('COPY FROM STDIN in a script fails and leaves the connection usable', async () => {
    const { manager, proxy } = await tapped();
    await manager.executeDDL('CREATE TABLE IF NOT EXISTS copied (id int)');
    const error = await settled(failure(manager.executeDDL('COPY copied FROM STDIN')), 'executeDDL');
    assert.equal(error.code, '57014');
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    await proxy.close();
  });

  test('a script of a megabyte goes through', async () => {
    const manager = await bench.manager();
    const statements = Array.from(
      { length: 2000 },
      (_, i) => `INSERT INTO big VALUES (${i}, '${'x'.repeat(500)}')`,
    );
    const results = await manager.executeDDL(
      `CREATE TABLE big (id int, text text); ${statements.join(';\n')}`,
    );
    assert.equal(results.length, 2001);
    assert.deepEqual(await bench.look('SELECT count(*)::int AS rows FROM big'), [{ rows: 2000 }]);
  });
});
