'use strict';

const { after, before, test } = require('node:test');
const assert = require('node:assert/strict');
const { failure } = require('../support/failure.js');
const { blocker } = require('../support/locks.js');
const { ofOurManager } = require('../support/managers.js');
const { pgbouncer, startPgBouncer } = require('../support/pgbouncer.js');

const skip = pgbouncer === undefined && 'PgBouncer is not installed (PGFLEET_PGBOUNCER says where it is)';

for (const mode of /** @type {const} */ (['session', 'transaction'])) {
  ofOurManager(`executeDDL through PgBouncer in ${mode} mode`, (bench) => {
    let pooler;
    before(async () => {
      if (!skip) pooler = await startPgBouncer(bench.server, mode);
    });
    after(() => pooler?.stop());

    const open = () => bench.manager({ max: 1, dbHost: pooler.host, dbPort: pooler.port });

    test('lets go of a lock and names what stood in the way', { skip }, async () => {
      const manager = await open();
      const table = bench.unique();
      await manager.executeDDL(`CREATE TABLE ${table} (a int)`);
      const { pid, end } = await blocker(bench, `BEGIN; SELECT * FROM ${table}`);
      for (const [script, options] of [
        [`ALTER TABLE ${table} ADD b int`, {}],
        [`SELECT 1; ALTER TABLE ${table} ADD b int`, { transaction: false }],
        [`VACUUM FULL ${table}`, { transaction: false }],
      ]) {
        const error = await failure(manager.executeDDL(script, { lockTimeout: 200, retries: 1, ...options }));
        assert.deepEqual([error.code, error.blockers.map((one) => one.pid)], ['55P03', [pid]], script);
        assert.equal(error.attempts, 2);
      }
      await end();
      await manager.executeDDL(`ALTER TABLE ${table} ADD b int`, { lockTimeout: 200 });
    });

    test('leaves no setting on the server connection', { skip }, async () => {
      const manager = await open();
      const shown = `SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS lock,
        current_setting('statement_timeout') AS statement, current_setting('app.tenant', true) AS tenant`;
      const usual = { path: '"$user", public', lock: '0', statement: '0', tenant: null };
      const table = bench.unique();
      const dump = `SELECT pg_catalog.set_config('search_path', '', false);
        CREATE TABLE public.${table} (a int);
COPY public.${table} FROM STDIN;
1
\\.
SET app.tenant = '5';`;
      await manager.executeDDL(dump);
      await manager.executeDDL("SET search_path = 'elsewhere'; SET lock_timeout = '7s'", {
        lockTimeout: 500,
        statementTimeout: 5000,
      });
      const inParts = `SET search_path = ''; VACUUM public.${table}; SELECT 1`;
      if (mode === 'session') {
        await manager.executeDDL(inParts, { transaction: 'auto' });
      } else {
        // Its second part may run on another server connection, which would lack the setting.
        const error = await failure(manager.executeDDL(inParts, { transaction: 'auto' }));
        assert.deepEqual([error.code, error.outcome], ['PGFLEET_TRANSACTION_MODE', 'not applied']);
      }
      for (let i = 0; i < 5; i++) {
        const { rows } = await manager.executeDDL(shown);
        assert.deepEqual({ ...rows[0], tenant: rows[0].tenant || null }, usual);
      }
      assert.deepEqual(await bench.look(`SELECT a FROM ${table}`), [{ a: 1 }]);
    });

    test('builds what an earlier try left invalid', { skip }, async () => {
      const manager = await open();
      const table = bench.unique();
      await manager.executeDDL(`CREATE TABLE ${table} (a int); INSERT INTO ${table} VALUES (1), (1)`);
      const build = `CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ${table}_a ON ${table} (a)`;
      assert.equal((await failure(manager.executeDDL(build, { transaction: 'auto' }))).code, '23505');
      await manager.executeDDL(`TRUNCATE ${table}`);
      await manager.executeDDL(build, { transaction: 'auto', lockTimeout: 100 });
      const [{ valid }] = await bench.look(
        `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = '${table}_a'::regclass`,
      );
      assert.equal(valid, true);
    });
  });
}
