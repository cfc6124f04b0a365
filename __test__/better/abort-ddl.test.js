'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { failure, settled } = require('../support/failure');
const { ofOurManager } = require('../support/managers');
const { endless, untilRunning, untilStopped } = require('./observer');

/** An error of its own, because one signal may stop many calls. */
function assertAborted(error, reason) {
  assert.notEqual(error, reason);
  assert.ok(error instanceof Error);
  assert.equal(error.name, 'AbortError');
  assert.equal(error.message, reason.message);
  assert.equal(error.cause, reason);
  assert.equal(error.outcome, 'not applied');
}

ofOurManager('a signal on executeDDL', (bench) => {
  const { tables, unique } = bench;

  test('rejects with the reason, stops the server and leaves nothing of the script', async () => {
    const manager = await bench.manager({ max: 1 });
    const [table, marker] = [unique(), unique('marker')];
    const controller = new AbortController();
    const script = `CREATE TABLE ${table} (n int4); ${endless(marker)}`;
    const ddl = failure(manager.executeDDL(script, true, { signal: controller.signal }));
    await untilRunning(bench.server, marker);
    controller.abort();
    assertAborted(await settled(ddl, 'executeDDL'), controller.signal.reason);
    await untilStopped(bench.server, marker);
    assert.deepEqual(await tables(table), []);
    await manager.executeDDL(`CREATE TABLE ${table} (n int4)`);
    assert.deepEqual(await tables(table), [table]);
  });

  test('is taken from an options object, beside useTransaction', async () => {
    const manager = await bench.manager({ max: 1 });
    const marker = unique('marker');
    const controller = new AbortController();
    const options = { useTransaction: false, signal: controller.signal };
    const ddl = failure(manager.executeDDL(endless(marker), options));
    await untilRunning(bench.server, marker);
    controller.abort();
    assertAborted(await settled(ddl, 'executeDDL'), controller.signal.reason);
    await untilStopped(bench.server, marker);
    await manager.executeDDL('VACUUM pg_class', { useTransaction: false });
  });

  test('that doesn’t abort changes nothing', async () => {
    const manager = await bench.manager({ max: 1 });
    const { signal } = new AbortController();
    const table = unique();
    const result = await manager.executeDDL(`CREATE TABLE ${table} (n int4)`, true, { signal });
    assert.equal(result.command, 'CREATE');
    const results = await manager.executeDDL('SELECT 1 AS a; SELECT 2 AS b', { signal });
    assert.deepEqual(
      results.map(({ rows }) => rows),
      [[{ a: 1 }], [{ b: 2 }]],
    );
    assert.equal((await failure(manager.executeDDL('SELECT nothing', { signal }))).code, '42703');
    assert.deepEqual(manager.currentPool.idleCount, 1);
  });

  test('keeps the refusal of what can’t run in a transaction, and the connection', async () => {
    const manager = await bench.manager({ max: 1 });
    const { signal } = new AbortController();
    const pid = async () => (await manager.currentPool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
    const before = await pid();
    const error = await failure(manager.executeDDL('VACUUM', true, { signal }));
    assert.equal(error.code, '25001');
    assert.equal(await pid(), before);
  });

  test('that has aborted before keeps the script from being sent', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = unique();
    const signal = AbortSignal.abort();
    const error = await failure(manager.executeDDL(`CREATE TABLE ${table} (n int4)`, { signal }));
    assertAborted(error, signal.reason);
    assert.deepEqual(await tables(table), []);
  });

  test('that is none is refused', async () => {
    const manager = await bench.manager({ max: 1 });
    assert.ok((await failure(manager.executeDDL('SELECT 1', { signal: 'no' }))) instanceof TypeError);
  });
});
