'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');

ofOurManager("executeDDL with transaction: 'auto'", (bench) => {
  const auto = { transaction: 'auto' };
  const states = ({ steps }) => steps.map(({ state }) => state);

  test('has in one transaction what can be, and the rest by itself in order', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    const xid = 'SELECT pg_current_xact_id()::text AS id';
    const results = await manager.executeDDL(
      `CREATE TABLE ${table} (a int); ${xid}; ${xid}; CREATE INDEX CONCURRENTLY ${table}_a ON ${table} (a); ${xid}; VACUUM ${table}`,
      auto,
    );
    assert.deepEqual(
      results.map(({ command }) => command),
      ['CREATE', 'SELECT', 'SELECT', 'CREATE', 'SELECT', 'VACUUM'],
    );
    const ids = [1, 2, 4].map((place) => results[place].rows[0].id);
    assert.equal(ids[0], ids[1]);
    assert.notEqual(ids[1], ids[2]);
  });

  test('says after a failure which steps are applied', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    const error = await failure(
      manager.executeDDL(
        `CREATE TABLE ${table} (); VACUUM ${table}; CREATE TABLE ${table}_b (); SELECT 1/0; SELECT 2; VACUUM ${table}`,
        auto,
      ),
    );
    assert.deepEqual([error.code, error.outcome], ['22012', 'partly applied']);
    assert.deepEqual(states(error), ['done', 'done', 'not run', 'failed', 'not run', 'not run']);
    assert.equal(error.steps[0].statement, `CREATE TABLE ${table} ()`);
    assert.deepEqual(await bench.tables(table, `${table}_b`), [table]);
  });

  test('runs by itself under limits what only the server knows to be none for a transaction', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    await manager.executeDDL(
      `CREATE TABLE ${table} (a int PRIMARY KEY) PARTITION BY RANGE (a); CREATE TABLE ${table}_1 PARTITION OF ${table} DEFAULT`,
    );
    const reindex = `REINDEX TABLE ${table}`;
    for (const [transaction, script, tags] of [
      [false, reindex, ['REINDEX']],
      ['auto', reindex, ['REINDEX']],
      ['auto', `SELECT 1; ${reindex}; SELECT 2`, ['SELECT', 'REINDEX', 'SELECT']],
    ]) {
      const results = await manager.executeDDL(script, {
        transaction,
        lockTimeout: 1000,
        statementTimeout: 5000,
      });
      assert.deepEqual(
        [results].flat().map(({ command }) => command),
        tags,
      );
    }
  });

  test("doesn't count what the script has rolled back itself as applied", async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    const undone = `BEGIN; CREATE TABLE ${table} (); ROLLBACK`;
    const nothing = await failure(manager.executeDDL(`${undone}; SELECT 1/0`, auto));
    assert.deepEqual([nothing.code, nothing.outcome], ['22012', 'not applied']);
    const error = await failure(
      manager.executeDDL(`${undone}; CREATE TABLE ${table}_b (); VACUUM ${table}_b; SELECT 1/0`, auto),
    );
    assert.deepEqual([error.code, error.outcome], ['22012', 'partly applied']);
    assert.deepEqual(states(error), ['not run', 'not run', 'not run', 'done', 'done', 'failed']);
  });

  test('keeps in one transaction what only resembles the use of a new enum value', async () => {
    const manager = await bench.manager({ max: 1 });
    const type = bench.unique('mood');
    await manager.executeDDL(`CREATE TYPE ${type} AS ENUM ('sad')`);
    const error = await failure(
      manager.executeDDL(`ALTER TYPE ${type} ADD VALUE 'calm'; SELECT 1 AS calm; SELECT 1/0`, auto),
    );
    assert.equal(error.outcome, 'not applied');
    const labels = await bench.look('SELECT enumlabel FROM pg_enum WHERE enumtypid = $1::regtype', [type]);
    assert.deepEqual(labels, [{ enumlabel: 'sad' }]);
  });

  test('says that nothing is applied when the first part fails', async () => {
    const manager = await bench.manager({ max: 1 });
    const error = await failure(manager.executeDDL('SELECT 1/0; VACUUM', auto));
    assert.equal(error.outcome, 'not applied');
    assert.equal('steps' in error, false);
  });

  test('commits an enum value before it is used', async () => {
    const manager = await bench.manager({ max: 1 });
    const type = bench.unique('mood');
    await manager.executeDDL(`CREATE TYPE ${type} AS ENUM ('sad'); CREATE TABLE ${type}_t (m ${type})`);
    const results = await manager.executeDDL(
      `ALTER TYPE ${type} ADD VALUE 'calm'; INSERT INTO ${type}_t VALUES ('calm'); SELECT * FROM ${type}_t`,
      auto,
    );
    assert.deepEqual(results[2].rows, [{ m: 'calm' }]);
  });

  test('finds an enum value whose use only the server sees', async () => {
    const manager = await bench.manager({ max: 1 });
    const type = bench.unique('mood');
    await manager.executeDDL(`CREATE TYPE ${type} AS ENUM ('sad')`);
    const results = await manager.executeDDL(
      `ALTER TYPE ${type} ADD VALUE 'calm'; SELECT ('ca' || 'lm')::${type} AS m`,
      auto,
    );
    assert.deepEqual(
      results.map(({ command }) => command),
      ['ALTER', 'SELECT'],
    );
    assert.deepEqual(results[1].rows, [{ m: 'calm' }]);
  });

  test('runs a procedure that commits by itself', async () => {
    const manager = await bench.manager({ max: 1 });
    const name = bench.unique('p');
    const results = await manager.executeDDL(
      `CREATE TABLE ${name}_t (a int);
       CREATE PROCEDURE ${name}() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO ${name}_t VALUES (1); COMMIT; END $$;
       CALL ${name}(); SELECT * FROM ${name}_t`,
      auto,
    );
    assert.deepEqual(
      results.map(({ command }) => command),
      ['CREATE', 'CREATE', 'CALL', 'SELECT'],
    );
    assert.deepEqual(results[3].rows, [{ a: 1 }]);
  });

  test("runs a transaction of the script's own as it is", async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    await manager.executeDDL(
      `BEGIN; CREATE TABLE ${table} (); COMMIT; VACUUM ${table}; BEGIN; CREATE TABLE ${table}_b (); ROLLBACK`,
      auto,
    );
    assert.deepEqual(await bench.tables(table, `${table}_b`), [table]);
  });

  test('tells of each step', async () => {
    const manager = await bench.manager({ max: 1 });
    const seen = [];
    await failure(
      manager.executeDDL('SELECT 1; VACUUM (SKIP_LOCKED) pg_depend; SELECT 1/0', {
        ...auto,
        onProgress: ({ step, state }) => seen.push(`${step} ${state}`),
      }),
    );
    assert.deepEqual(seen, ['1 started', '1 done', '2 started', '2 done', '3 started', '3 failed']);
  });

  test('runs a query with values, and a script of nothing', async () => {
    const manager = await bench.manager({ max: 1 });
    const { rows } = await manager.executeDDL({ text: 'SELECT $1::int AS n', values: [5] }, auto);
    assert.deepEqual(rows, [{ n: 5 }]);
    assert.deepEqual((await manager.executeDDL('-- nothing', auto)).rows, []);
  });
});
