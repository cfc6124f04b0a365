'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { Worker } = require('node:worker_threads');
const { eventually, failure, settled } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');
const { scriptProxy } = require('../support/script-proxy.js');

ofOurManager('an abort of executeDDL', (bench) => {
  const backends = (marker) =>
    bench.look(
      `SELECT pid, state FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE $1 AND xact_start IS NOT NULL`,
      [`%${marker}%`],
    );
  const isRunning = (marker) => async () => (await backends(marker)).length > 0;

  /** The error of a script that is aborted in its middle. */
  async function aborted(manager, reason) {
    const controller = new AbortController();
    const marker = bench.unique();
    const ddl = failure(
      manager.executeDDL(`CREATE TABLE ${marker} (); SELECT pg_sleep(600)`, { signal: controller.signal }),
    );
    await eventually(isRunning(marker), 'the script on the server');
    controller.abort(...reason);
    const error = await settled(ddl, 'executeDDL');
    assert.deepEqual(await backends(marker), [], 'the server has stopped when the promise rejects');
    assert.deepEqual(await bench.tables(marker), []);
    return { error, reason: controller.signal.reason };
  }

  const REASONS = {
    'no reason': { reason: [], name: 'AbortError', message: 'This operation was aborted', code: 'ABORT_ERR' },
    'an error': { reason: [new RangeError('too long')], name: 'RangeError', message: 'too long' },
    'a timeout': {
      reason: [new DOMException('time is up', 'TimeoutError')],
      name: 'TimeoutError',
      message: 'time is up',
    },
    'a string': {
      reason: ['enough'],
      name: 'AbortError',
      message: 'This operation was aborted',
      code: 'ABORT_ERR',
    },
    'a frozen object': {
      reason: [Object.freeze({ name: 'Frozen', message: 'cold', code: 'COLD' })],
      name: 'Frozen',
      message: 'cold',
      code: 'COLD',
    },
    'an object that can’t be read': {
      reason: [
        {
          get message() {
            throw new Error('a getter');
          },
        },
      ],
      name: 'AbortError',
      message: 'This operation was aborted',
      code: 'ABORT_ERR',
    },
  };
  for (const [what, { reason: given, name, message, code }] of Object.entries(REASONS)) {
    test(`with ${what} rejects with an error of its own once the server has stopped`, async () => {
      const manager = await bench.manager({ max: 1 });
      const { error, reason } = await aborted(manager, given);
      assert.ok(error instanceof Error);
      assert.notEqual(error, reason);
      assert.deepEqual(
        [error.name, error.message, error.code, error.cause, error.outcome],
        [name, message, code, reason, 'not applied'],
      );
      await manager.close();
    });
  }

  test('with null for a reason is an AbortError', async () => {
    const manager = await bench.manager({ max: 1 });
    const { error } = await aborted(manager, [null]);
    assert.deepEqual([error.name, error.code, error.outcome], ['AbortError', 'ABORT_ERR', 'not applied']);
    await manager.close();
  });

  test('of fifty calls by one signal gives fifty errors', async () => {
    const manager = await bench.manager({ max: 5 });
    const controller = new AbortController();
    const marker = bench.unique();
    const script = `SELECT pg_sleep(600) AS ${marker}`;
    const calls = Array.from({ length: 50 }, () =>
      failure(manager.executeDDL(script, { signal: controller.signal })),
    );
    await eventually(async () => (await backends(marker)).length === 5, 'scripts on all connections');
    controller.abort();
    const errors = await settled(Promise.all(calls), 'the calls');
    assert.equal(new Set(errors).size, 50);
    for (const error of errors) {
      assert.deepEqual([error.cause, error.outcome], [controller.signal.reason, 'not applied']);
    }
    assert.deepEqual(await backends(marker), []);
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    await manager.close();
  });

  for (const [how, options] of Object.entries({
    'in Rust': {},
    'in JavaScript': { onConnect: () => undefined },
  })) {
    test(`while it waits for a connection (${how}) gives up its place in the queue`, async () => {
      const manager = await bench.manager({ max: 1, ...options });
      const pool = manager.currentPool;
      const client = await pool.connect();
      const controller = new AbortController();
      const table = bench.unique();
      const ddl = failure(manager.executeDDL(`CREATE TABLE ${table} ()`, { signal: controller.signal }));
      const next = manager.executeDDL('SELECT 1 AS one');
      assert.equal(pool.waitingCount, 2);
      controller.abort();
      const error = await settled(ddl, 'executeDDL');
      assert.deepEqual([error.name, error.outcome], ['AbortError', 'not applied']);
      client.release();
      assert.deepEqual((await settled(next, 'the one behind it')).rows, [{ one: 1 }]);
      assert.deepEqual([pool.totalCount, pool.idleCount, pool.waitingCount], [1, 1, 0]);
      assert.deepEqual(await bench.tables(table), []);
      await manager.close();
    });
  }

  for (const commit of ['confirmed', 'pipelined']) {
    test(`during a COMMIT that is ${commit} stops it: it was not applied`, async () => {
      const manager = await bench.manager({ max: 1 });
      const controller = new AbortController();
      const table = bench.unique();
      const ddl = failure(
        manager.executeDDL(
          `CREATE TABLE ${table} (id int);
           CREATE FUNCTION ${table}_sleep() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
           CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON ${table} DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION ${table}_sleep();
           INSERT INTO ${table} VALUES (1)`,
          { commit, signal: controller.signal },
        ),
      );
      await eventually(isRunning('COMMIT'), 'COMMIT on the server');
      controller.abort();
      const error = await settled(ddl, 'executeDDL');
      assert.deepEqual([error.name, error.outcome], ['AbortError', 'not applied']);
      assert.deepEqual(await bench.tables(table), []);
      assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
      await manager.close();
    });
  }

  test('that comes when the server has committed is too late: it resolves', async () => {
    const controller = new AbortController();
    const proxy = await scriptProxy(bench.server, {
      onCommitted() {
        controller.abort();
        return false;
      },
    });
    const manager = await bench.manager({ dbPort: proxy.port, max: 1 });
    const table = bench.unique();
    const ddl = manager.executeDDL(`CREATE TABLE ${table} ()`, { signal: controller.signal });
    assert.equal((await settled(ddl, 'executeDDL')).command, 'CREATE');
    assert.deepEqual(await bench.tables(table), [table]);
    await manager.close();
    await proxy.close();
  });

  /** What a process or a thread of its own runs, and is ended in the middle of. */
  const program = (table) => `
    const DatabaseManager = require(${JSON.stringify(require.resolve('../..'))});
    const manager = new DatabaseManager();
    manager.addConnection('main', ${JSON.stringify(bench.config())}).then(() =>
      manager.executeDDL('CREATE TABLE ${table} (); SELECT pg_sleep(2)'));`;

  test('by the end of its process in mid-script commits nothing', async () => {
    const table = bench.unique();
    const child = spawn(process.execPath, ['--eval', program(table)], { stdio: 'inherit' });
    await eventually(isRunning(table), 'the script on the server', 30_000);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await eventually(async () => (await backends(table)).length === 0, 'the end of the script');
    assert.deepEqual(await bench.tables(table), []);
  });

  test('by the end of its thread in mid-script stops the server, and commits nothing', async () => {
    const table = bench.unique();
    const worker = new Worker(program(table).replace('pg_sleep(2)', 'pg_sleep(600)'), { eval: true });
    await eventually(isRunning(table), 'the script on the server', 30_000);
    await worker.terminate();
    await eventually(
      async () =>
        (
          await bench.look(
            'SELECT pid FROM pg_stat_activity WHERE query LIKE $1 AND pid <> pg_backend_pid()',
            [`%${table}%`],
          )
        ).length === 0,
      'the end of its connection',
    );
    assert.deepEqual(await bench.tables(table), []);
  });
});
