'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');

ofOurManager('the options of executeDDL', (bench) => {
  const wrong = [
    [[{}, { lockTimeout: 1 }], /takes its options once, as its second or as its third argument/],
    [[undefined, { transaction: 'maybe' }], /"transaction" must be true, false or 'auto'/],
    [[true, { transaction: false }], /opposite of each other/],
    [[true, { transaction: 'auto' }], /opposite of each other/],
    [[{ useTransaction: false, transaction: 'auto' }], /opposite of each other/],
    [[true, { useTransaction: false }], /opposite of each other/],
    [[{ lockTimeout: -1 }], /"lockTimeout" must be a number of milliseconds/],
    [[{ lockTimeout: '5s' }], /"lockTimeout" must be a number of milliseconds/],
    [[{ lockBudget: NaN }], /"lockBudget" must be a number of milliseconds/],
    [[{ statementTimeout: null }], /"statementTimeout" must be a number of milliseconds/],
    [[{ retries: 1.5 }], /"retries" must be a whole number/],
    [[{ retries: -1 }], /"retries" must be a whole number/],
    [[{ commit: 'later' }], /"commit" must be/],
    [[{ database: 5 }], /"database" must be the name/],
    [[{ onNotice: true }], /"onNotice" must be a function/],
    [[{ onProgress: {} }], /"onProgress" must be a function/],
    [
      [{ lockTimout: 1 }],
      /^Unknown option "lockTimout" of executeDDL; the nearest known one is "lockTimeout"$/,
    ],
    [[false, { statement_timeout: 1 }], /"statement_timeout" .* is "statementTimeout"$/],
    [[{ signal: {} }], /"signal" must be an AbortSignal/],
  ];

  test('are refused when they are none, and nothing is applied', async () => {
    const manager = await bench.manager({ max: 1 });
    for (const [args, message] of wrong) {
      const error = await failure(manager.executeDDL('SELECT 1', ...args), JSON.stringify(args));
      assert.match(error.message, message);
      assert.deepEqual([error.name, error.outcome], ['TypeError', 'not applied'], error.message);
    }
  });

  test('may say the same twice', async () => {
    const manager = await bench.manager({ max: 1 });
    const result = await manager.executeDDL('SELECT 1 AS one', true, {
      useTransaction: true,
      transaction: true,
    });
    assert.deepEqual(result.rows, [{ one: 1 }]);
    assert.equal((await manager.executeDDL('VACUUM', false, { transaction: false })).command, 'VACUUM');
  });

  test('name another database than the current one', async () => {
    const manager = await bench.manager({ max: 1 });
    const other = await bench.server.createDatabase();
    await manager.addConnection('other', bench.config({ database: other, max: 1 }));
    const sql = 'SELECT current_database()::text AS name';
    assert.deepEqual((await manager.executeDDL(sql, { database: 'other' })).rows, [{ name: other }]);
    assert.deepEqual((await manager.executeDDL(sql)).rows, [{ name: bench.database }]);
    const error = await failure(manager.executeDDL(sql, { database: 'elsewhere' }));
    assert.match(error.message, /Unknown connection "elsewhere"/);
    assert.equal(error.outcome, 'not applied');
  });

  test('tell of each statement and of notices, with and without other options', async () => {
    const manager = await bench.manager({ max: 1 });
    const script = `DO $$ BEGIN RAISE NOTICE 'first'; END $$; SELECT 1 AS one; SELECT 2 AS two`;
    for (const more of [{}, { transaction: false }, { transaction: 'auto' }, { lockTimeout: 1000 }]) {
      const [seen, notices] = [[], []];
      const results = await manager.executeDDL(script, {
        onProgress: (event) => seen.push(event),
        onNotice: (notice) => notices.push(notice),
        ...more,
      });
      assert.deepEqual(
        results.map(({ rows }) => rows),
        [[], [{ one: 1 }], [{ two: 2 }]],
      );
      assert.deepEqual(
        seen.map(({ step, steps, state }) => `${step}/${steps} ${state}`),
        ['1/3 started', '1/3 done', '2/3 started', '2/3 done', '3/3 started', '3/3 done'],
      );
      assert.equal(seen[1].statement, "DO $$ BEGIN RAISE NOTICE 'first'; END $$");
      assert.deepEqual(
        notices.map(({ message, name }) => [message, name]),
        [['first', 'notice']],
      );
    }
  });

  test('bound what a statement takes', async () => {
    const manager = await bench.manager({ max: 1 });
    for (const transaction of [true, false, 'auto']) {
      const options = { statementTimeout: 50, transaction };
      const error = await failure(manager.executeDDL('SELECT pg_sleep(30)', options));
      assert.deepEqual([error.code, error.outcome], ['57014', 'not applied']);
    }
    const table = bench.unique();
    await manager.executeDDL(`CREATE TABLE ${table} ()`);
    await manager.executeDDL(`VACUUM ${table}`, { transaction: false, statementTimeout: 20_000 });
    const { rows } = await manager.executeDDL('SHOW statement_timeout');
    assert.deepEqual(rows, [{ statement_timeout: '0' }]);
  });

  test('set limits for the transaction alone, so that the server notices a lost client', async () => {
    const manager = await bench.manager({ max: 1 });
    const names = ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout'];
    const check = 'client_connection_check_interval';
    const script = [...names, check].map((name) => `SHOW ${name}`).join(';');
    const shown = async (options) =>
      (await manager.executeDDL(script, options)).map(({ rows }) => Object.values(rows[0])[0]);
    const usual = await shown();
    assert.deepEqual(await shown({ lockTimeout: 1500, statementTimeout: 90_000 }), [
      '1500ms',
      '90s',
      '1min',
      '2s',
    ]);
    assert.deepEqual(await shown(), usual);
  });

  test('let SET TRANSACTION be the first statement', async () => {
    const manager = await bench.manager({ max: 1 });
    const script = 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SHOW transaction_isolation';
    const [, { rows }] = await manager.executeDDL(script, { lockTimeout: 1000 });
    assert.deepEqual(rows, [{ transaction_isolation: 'serializable' }]);
  });

  test('place an error where it is in the script', async () => {
    const manager = await bench.manager({ max: 1 });
    const script = "SELECT 'ü';\n  VACUUM; /* ä */ SELECT 1; SELECT nonsense";
    const error = await failure(manager.executeDDL(script, { transaction: 'auto' }));
    assert.equal(Number(error.position) - 1, script.indexOf('nonsense'));
    const plain = "SELECT 'ü'; SELECT nonsense";
    for (const options of [{ lockTimeout: 1000 }, { transaction: false, lockTimeout: 1000 }]) {
      const { position } = await failure(manager.executeDDL(plain, options));
      assert.equal(Number(position) - 1, plain.indexOf('nonsense'));
    }
  });

  test('that only the native side can serve are refused where JavaScript makes the connections', async () => {
    const { Socket } = require('node:net');
    const manager = await bench.manager({ max: 1, stream: () => new Socket() });
    for (const name of ['lockTimeout', 'lockBudget', 'retries', 'statementTimeout']) {
      const error = await failure(manager.executeDDL('SELECT 1', { [name]: 5 }));
      assert.match(error.message, new RegExp(`^"${name}" needs connections`));
      assert.equal(error.outcome, 'not applied');
    }
    const table = bench.unique();
    const copy = await failure(manager.executeDDL(`COPY ${table} FROM STDIN;\n1\n\\.\n`));
    assert.match(copy.message, /^COPY data in a script needs connections/);
    const results = await manager.executeDDL(`CREATE TABLE ${table} (); VACUUM ${table}; SELECT 1 AS one`, {
      transaction: 'auto',
    });
    assert.deepEqual(
      results.map(({ command }) => command),
      ['CREATE', 'VACUUM', 'SELECT'],
    );
    const error = await failure(
      manager.executeDDL(`CREATE TABLE x${table} (); VACUUM ${table}; SELECT 1/0`, { transaction: 'auto' }),
    );
    assert.deepEqual([error.code, error.outcome], ['22012', 'partly applied']);
    assert.deepEqual(
      error.steps.map(({ state }) => state),
      ['done', 'done', 'failed'],
    );
  });
});
