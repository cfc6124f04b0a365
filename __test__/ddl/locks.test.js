'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { failure, settled } = require('../support/failure.js');
const { blocker, waits } = require('../support/locks.js');
const { ofOurManager } = require('../support/managers.js');

ofOurManager('executeDDL that waits for locks', (bench) => {
  /** Tables of these many names, in an own manager. */
  async function stage(count = 1) {
    const manager = await bench.manager({ max: 2 });
    const tables = Array.from({ length: count }, () => bench.unique());
    await manager.executeDDL(tables.map((table) => `CREATE TABLE ${table} (id int)`).join(';'));
    return { manager, tables };
  }

  test('gives up within its budget, names what stood in the way, and leaves nothing', async () => {
    const { manager, tables } = await stage(2);
    const [free, held] = tables;
    const { pid, end } = await blocker(bench, `BEGIN; SELECT * FROM ${held}`, 'a long report');
    const error = await failure(
      manager.executeDDL(`ALTER TABLE ${free} ADD b int; ALTER TABLE ${held} ADD b int`, {
        lockTimeout: 150,
        lockBudget: 900,
      }),
    );
    assert.deepEqual([error.code, error.outcome, error.name], ['55P03', 'not applied', 'error']);
    const [{ transactionAge, ...named }, ...others] = error.blockers;
    assert.deepEqual(others, []);
    assert.deepEqual(named, {
      pid,
      user: bench.server.user,
      application: 'a long report',
      state: 'idle in transaction',
      query: 'SELECT pg_backend_pid() AS pid',
      mode: 'ACCESS SHARE',
      relation: `public.${held}`,
    });
    assert.ok(transactionAge > 0 && Number.isInteger(error.waitedMs) && error.waitedMs <= 900, error.detail);
    assert.ok(error.attempts >= 2, `${error.attempts} tries`);
    assert.match(error.detail, /a long report/);
    assert.equal('steps' in error, false);
    await end();
    assert.deepEqual((await manager.executeDDL(`SELECT * FROM ${free}`)).fields.length, 1);
  });

  test('lets the queue behind it go, and comes through once the way is free', async () => {
    const { manager, tables } = await stage();
    const [table] = tables;
    const { client, end } = await blocker(bench, `BEGIN; SELECT * FROM ${table}`);
    const seen = [];
    const altered = manager.executeDDL(`SELECT 1 AS one; ALTER TABLE ${table} ADD b int`, {
      lockTimeout: 100,
      onProgress: (event) => seen.push(event),
    });
    await waits(bench, `ALTER TABLE ${table}`);
    // It stands behind the ALTER in the queue, until that lets go.
    await bench.look(`SELECT count(*) FROM ${table}`);
    await client.query('COMMIT');
    const results = await settled(altered, 'the ALTER');
    await end();
    // A try that failed has left no results.
    assert.deepEqual(
      results.map(({ command, rows }) => [command, rows]),
      [
        ['SELECT', [{ one: 1 }]],
        ['ALTER', []],
      ],
    );
    const ofSecond = seen.filter(({ step }) => step === 2).map(({ state }) => state);
    assert.deepEqual([ofSecond[0], ofSecond.at(-1)], ['started', 'done']);
    assert.ok(ofSecond.includes('retrying'), ofSecond.join());
    const waiting = seen.find(({ state }) => state === 'waiting');
    assert.deepEqual([waiting.step, waiting.blockers[0].relation], [2, `public.${table}`]);
  });

  test('counts its tries', async () => {
    const { manager, tables } = await stage();
    const { end } = await blocker(bench, `BEGIN; SELECT * FROM ${tables[0]}`);
    for (const retries of [0, 2]) {
      const error = await failure(
        manager.executeDDL(`DROP TABLE ${tables[0]}`, { lockTimeout: 60, retries }),
      );
      assert.deepEqual([error.code, error.attempts, error.blockers.length], ['55P03', retries + 1, 1]);
    }
    await end();
  });

  test('may wait no longer for two locks than for one, in one statement or in several', async () => {
    const { manager, tables } = await stage(2);
    const [first, second] = tables;
    await manager.executeDDL(`ALTER TABLE ${second} ADD PRIMARY KEY (id)`);
    const statements = {
      several: `ALTER TABLE ${first} ADD b int; ALTER TABLE ${second} ADD b int`,
      one: `TRUNCATE ${first}, ${second}`,
    };
    for (const [what, script] of Object.entries(statements)) {
      const [one, other] = [
        await blocker(bench, `BEGIN; SELECT * FROM ${first}`),
        await blocker(bench, `BEGIN; SELECT * FROM ${second}`),
      ];
      const running = failure(manager.executeDDL(script, { lockTimeout: 4000, retries: 0 }));
      await waits(bench, first);
      const timer = setTimeout(() => one.client.query('COMMIT'), 3000);
      const error = await settled(running, what);
      clearTimeout(timer);
      assert.deepEqual(
        [error.code, error.outcome, error.blockers[0].pid],
        ['55P03', 'not applied', other.pid],
        what,
      );
      // Had the server ended it, which counts each lock for itself, it would say where.
      assert.equal(error.routine, undefined, what);
      await one.end();
      await other.end();
    }
  });

  test('names a prepared transaction', async () => {
    const { manager, tables } = await stage();
    const id = bench.unique('prepared');
    await bench.look(`BEGIN; LOCK TABLE ${tables[0]} IN SHARE MODE; PREPARE TRANSACTION '${id}'`);
    const error = await failure(
      manager.executeDDL(`ALTER TABLE ${tables[0]} ADD b int`, { lockTimeout: 200, retries: 0 }),
    );
    await bench.look(`ROLLBACK PREPARED '${id}'`);
    const [{ pid, state, query, mode, relation }] = error.blockers;
    assert.deepEqual(
      [pid, state, query, mode, relation],
      [0, 'prepared', `PREPARE TRANSACTION '${id}'`, 'SHARE', `public.${tables[0]}`],
    );
  });

  test('bounds what runs outside of a transaction too', async () => {
    const { manager, tables } = await stage();
    const { end } = await blocker(bench, `BEGIN; LOCK TABLE ${tables[0]}`);
    for (const script of [
      `VACUUM FULL ${tables[0]}`,
      `ALTER TABLE ${tables[0]} ADD b int`,
      `SELECT 1; DROP TABLE ${tables[0]}`,
    ]) {
      const options = { transaction: false, lockTimeout: 150, retries: 1 };
      const error = await failure(manager.executeDDL(script, options));
      assert.deepEqual([error.code, error.blockers.length], ['55P03', 1], script);
    }
    await end();
    const { rows } = await manager.executeDDL('SHOW lock_timeout');
    assert.deepEqual(rows, [{ lock_timeout: '0' }]);
  });

  test("tries a transaction of the script's own again, and comes through", async () => {
    for (const transaction of [true, 'auto']) {
      const { manager, tables } = await stage();
      const { client, end } = await blocker(bench, `BEGIN; SELECT * FROM ${tables[0]}`);
      const options = {
        transaction,
        lockTimeout: 80,
        onProgress: ({ state }) => state === 'retrying' && client.query('COMMIT'),
      };
      const script = `BEGIN; ALTER TABLE ${tables[0]} ADD b int; COMMIT`;
      const results = await settled(manager.executeDDL(script, options), `transaction: ${transaction}`);
      await end();
      assert.deepEqual(
        results.map(({ command }) => command),
        ['BEGIN', 'ALTER', 'COMMIT'],
      );
    }
  });

  test('lets a procedure commit that is called under limits, whatever stands before the call', async () => {
    const { manager, tables } = await stage();
    const procedure = bench.unique('p');
    await manager.executeDDL(
      `CREATE PROCEDURE ${procedure}() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO ${tables[0]} VALUES (1); COMMIT; END $$`,
    );
    for (const before of ['', '-- now\n', '\n  ', '/* so */ ']) {
      for (const script of [`${before}CALL ${procedure}()`, `${before}DO 'BEGIN COMMIT; END'`]) {
        for (const transaction of [false, 'auto']) {
          await manager.executeDDL(script, { transaction, lockTimeout: 500, statementTimeout: 5000 });
        }
      }
    }
    assert.deepEqual(await bench.look(`SELECT count(*)::int AS calls FROM ${tables[0]}`), [{ calls: 8 }]);
  });

  test('is aborted while it pauses, and while it waits', async () => {
    const { manager, tables } = await stage();
    const { end } = await blocker(bench, `BEGIN; SELECT * FROM ${tables[0]}`);
    for (const state of ['retrying', 'waiting']) {
      const controller = new AbortController();
      const error = await failure(
        manager.executeDDL(`ALTER TABLE ${tables[0]} ADD b int`, {
          lockTimeout: state === 'waiting' ? 30_000 : 60,
          signal: controller.signal,
          onProgress: (event) => event.state === state && controller.abort(new Error('enough')),
        }),
      );
      assert.deepEqual([error.message, error.outcome], ['enough', 'not applied'], state);
    }
    await end();
    const waiting = `SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '${tables[0]}'::regclass`;
    assert.deepEqual((await bench.look(waiting)).length, 0);
  });

  test('never waits in an advisory lock', async () => {
    const { manager, tables } = await stage();
    const before = await bench.look(
      "SELECT count(*)::int AS n FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' AND datname = current_database()",
    );
    await manager.executeDDL(`ALTER TABLE ${tables[0]} ADD b int; SELECT pg_sleep(0.1)`, {
      lockTimeout: 500,
    });
    assert.deepEqual(
      await bench.look(
        "SELECT count(*)::int AS n FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' AND datname = current_database()",
      ),
      before,
    );
  });
});
