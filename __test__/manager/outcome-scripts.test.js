'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { eventually, failure, settled } = require('../support/failure.js');
const { frontendSplitter, rewriteQueries } = require('../support/frontend-messages.js');
const { ofOurManager } = require('../support/managers.js');
const { tappedProxy } = require('../support/proxy.js');
const { CUTS, scriptProxy } = require('../support/script-proxy.js');

/** What became of each statement, in short. */
const statesOf = ({ steps }) => steps.map(({ state }) => state);

ofOurManager('what executeDDL tells of scripts that end their transaction themselves', (bench) => {
  /** The error of a script, and which of the tables a and b are there. `a` and `b` in the script become names. */
  async function failed(script, options) {
    const manager = await bench.manager({ max: 1 });
    const [a, b] = [bench.unique('a'), bench.unique('b')];
    const text = script.replaceAll('$a', a).replaceAll('$b', b);
    const error = await settled(failure(manager.executeDDL(text, options)), 'executeDDL');
    const there = await bench.tables(a, b);
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    await manager.close();
    return { error, there: { a: there.includes(a), b: there.includes(b) } };
  }

  test('with a COMMIT before the failure: partly applied, and each step says whether it is', async () => {
    const { error, there } = await failed(
      'CREATE TABLE $a (); COMMIT; CREATE TABLE $b (); SELECT 1/0; SELECT 2',
    );
    assert.deepEqual([error.code, error.outcome], ['22012', 'partly applied']);
    assert.deepEqual(statesOf(error), ['done', 'done', 'not run', 'failed', 'not run']);
    assert.match(error.steps[0].statement, /^CREATE TABLE a_\w+ \(\)$/);
    assert.deepEqual(there, { a: true, b: false });
  });

  test('with COMMIT AND CHAIN before the failure: partly applied', async () => {
    const { error, there } = await failed(
      'CREATE TABLE $a (); COMMIT AND CHAIN; CREATE TABLE $b (); SELECT 1/0',
    );
    assert.equal(error.outcome, 'partly applied');
    assert.deepEqual(statesOf(error), ['done', 'done', 'not run', 'failed']);
    assert.deepEqual(there, { a: true, b: false });
  });

  test('with PREPARE TRANSACTION before the failure: partly applied', async () => {
    const id = bench.unique('prepared');
    const { error } = await failed(`CREATE TABLE $a (); PREPARE TRANSACTION '${id}'; SELECT 1/0`);
    assert.equal(error.outcome, 'partly applied');
    assert.deepEqual(statesOf(error), ['done', 'done', 'failed']);
    await bench.look(`ROLLBACK PREPARED '${id}'`);
  });

  test('with a ROLLBACK before the failure: not applied', async () => {
    const { error, there } = await failed('CREATE TABLE $a (); ROLLBACK; CREATE TABLE $b (); SELECT 1/0');
    assert.equal(error.outcome, 'not applied');
    assert.equal('steps' in error, false);
    assert.deepEqual(there, { a: false, b: false });
  });

  test('with a savepoint that is rolled back to: not applied', async () => {
    const { error, there } = await failed(
      'CREATE TABLE $a (); SAVEPOINT s; CREATE TABLE $b (); ROLLBACK TO s; SELECT 1/0',
    );
    assert.equal(error.outcome, 'not applied');
    assert.deepEqual(there, { a: false, b: false });
  });

  test('with a COMMIT of nothing but settings: not applied', async () => {
    const { error } = await failed("SET application_name = 'x'; COMMIT; SELECT 1/0");
    assert.equal(error.outcome, 'not applied');
  });

  for (const commit of ['confirmed', 'pipelined']) {
    test(`a deferred constraint that fails at a COMMIT that is ${commit}: not applied`, async () => {
      const { error, there } = await failed(
        `CREATE TABLE $a (id int PRIMARY KEY);
         CREATE TABLE $b (id int REFERENCES $a DEFERRABLE INITIALLY DEFERRED); INSERT INTO $b VALUES (1)`,
        { commit },
      );
      assert.deepEqual([error.code, error.outcome], ['23503', 'not applied']);
      assert.deepEqual(there, { a: false, b: false });
    });
  }

  test('a procedure that commits can do so in no transaction, so that nothing of it is applied', async () => {
    const { error, there } = await failed('DO $$ BEGIN CREATE TABLE $a (); COMMIT; END $$');
    assert.deepEqual([error.code, error.outcome], ['2D000', 'not applied']);
    assert.deepEqual(there, { a: false, b: false });
  });

  for (const [what, script] of Object.entries({
    'its own COMMIT': 'CREATE TABLE $a (); COMMIT',
    'COMMIT AND CHAIN': 'CREATE TABLE $a (); COMMIT AND CHAIN',
    'a transaction of its own': 'BEGIN; CREATE TABLE $a (); COMMIT',
    'SET TRANSACTION in front': 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; CREATE TABLE $a ()',
    'a savepoint': 'SAVEPOINT pgfleet; CREATE TABLE $a (); RELEASE pgfleet',
    'a line comment at the end': 'CREATE TABLE $a () -- that is all',
  })) {
    test(`with ${what} a script resolves, and its work is there`, async () => {
      const manager = await bench.manager({ max: 1 });
      const table = bench.unique('a');
      await settled(manager.executeDDL(script.replaceAll('$a', table)), 'executeDDL');
      assert.deepEqual(await bench.tables(table), [table]);
      const { rows } = await manager.executeDDL('SELECT 1 AS one');
      assert.deepEqual(rows, [{ one: 1 }]);
      await manager.close();
    });
  }

  for (const [what, script] of Object.entries({
    'no text': '',
    'a comment': '/* nothing */',
    'a semicolon': ';',
  })) {
    test(`${what} resolves`, async () => {
      const manager = await bench.manager({ max: 1 });
      assert.deepEqual((await settled(manager.executeDDL(script), 'executeDDL')).rows, []);
      await manager.close();
    });
  }

  test('a comment that is not closed is an error that was not applied', async () => {
    const { error, there } = await failed('CREATE TABLE $a (); /* and then');
    assert.deepEqual([error.code, error.outcome], ['42601', 'not applied']);
    assert.deepEqual(there, { a: false, b: false });
  });

  // PostgreSQL takes FROM STDOUT for a slip, and reads data.
  for (const end of ['STDIN', 'stdout']) {
    for (const commit of ['confirmed', 'pipelined']) {
      test(`COPY FROM ${end} in a script that is ${commit} is refused, and nothing was applied`, async () => {
        const { error, there } = await failed(`CREATE TABLE $a (id int); COPY $a FROM ${end}`, { commit });
        assert.deepEqual([error.code, error.outcome], ['57014', 'not applied']);
        assert.deepEqual(there, { a: false, b: false });
      });
    }
  }

  test("a row that can't be read hides nothing of what became of a script that fails later", async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique('a');
    const types = {
      getTypeParser: () => () => {
        throw new RangeError('no such value');
      },
    };
    const text = `SELECT 1; CREATE TABLE ${table} (); COMMIT; SELECT 1/0`;
    const error = await failure(manager.executeDDL({ text, types }));
    assert.deepEqual([error.name, error.outcome], ['RangeError', 'partly applied']);
    assert.deepEqual(statesOf(error), ['done', 'done', 'done', 'failed']);
    assert.deepEqual(await bench.tables(table), [table]);
  });

  test('an error that tells of another script becomes the cause of one that tells of this', async () => {
    const other = Object.assign(new Error('the hook has failed'), { outcome: 'unknown', steps: [] });
    let hook = () => undefined;
    const manager = await bench.manager({ max: 1, idleTimeoutMillis: 1, onConnect: () => hook() });
    hook = () => Promise.reject(other);
    await eventually(() => manager.currentPool.totalCount === 0, 'a pool without connections');
    const error = await failure(manager.executeDDL('SELECT 1'));
    assert.deepEqual([error.message, error.outcome, 'steps' in error], [other.message, 'not applied', false]);
    assert.equal(error.cause, other);
    assert.equal(other.outcome, 'unknown');
  });
});

ofOurManager('what executeDDL tells of scripts that run without a transaction', (bench) => {
  test('several statements are one transaction on the wire: a failure was not applied', async () => {
    const manager = await bench.manager();
    const table = bench.unique();
    const error = await failure(manager.executeDDL(`CREATE TABLE ${table} (); SELECT 1/0`, false));
    assert.deepEqual([error.code, error.outcome], ['22012', 'not applied']);
    assert.deepEqual(await bench.tables(table), []);
  });

  test('a transaction that the script ends itself is partly applied', async () => {
    const manager = await bench.manager();
    const table = bench.unique();
    const script = `BEGIN; CREATE TABLE ${table} (); COMMIT; SELECT 1/0`;
    const error = await failure(manager.executeDDL(script, { transaction: false }));
    assert.equal(error.outcome, 'partly applied');
    assert.deepEqual(statesOf(error), ['done', 'done', 'done', 'failed']);
    assert.deepEqual(await bench.tables(table), [table]);
  });

  test('CREATE INDEX CONCURRENTLY that finds a duplicate leaves an invalid index: unknown', async () => {
    const manager = await bench.manager();
    const table = bench.unique();
    await manager.executeDDL(`CREATE TABLE ${table} (id int); INSERT INTO ${table} VALUES (1), (1)`);
    const script = `CREATE UNIQUE INDEX CONCURRENTLY ${table}_id ON ${table} (id)`;
    const error = await failure(manager.executeDDL(script, false));
    assert.deepEqual([error.code, error.outcome], ['23505', 'unknown']);
    assert.deepEqual(error.steps, [{ statement: script, state: 'failed' }]);
  });

  test('a procedure that fails after its own COMMIT: unknown', async () => {
    const manager = await bench.manager();
    const table = bench.unique();
    await manager.executeDDL(`CREATE TABLE ${table} (id int);
      CREATE PROCEDURE ${table}_p() LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO ${table} VALUES (1); COMMIT; PERFORM 1/0; END $$`);
    const error = await failure(manager.executeDDL(`CALL ${table}_p()`, false));
    assert.deepEqual([error.code, error.outcome], ['22012', 'unknown']);
    assert.deepEqual(statesOf(error), ['failed']);
    assert.deepEqual(await bench.look(`SELECT id FROM ${table}`), [{ id: 1 }]);
  });

  test('CREATE DATABASE that is refused was not applied', async () => {
    const manager = await bench.manager();
    const error = await failure(manager.executeDDL(`CREATE DATABASE ${bench.database}`, false));
    assert.deepEqual([error.code, error.outcome], ['42P04', 'not applied']);
  });

  test('a connection that is lost meanwhile: unknown, with steps', async () => {
    const proxy = await scriptProxy(bench.server);
    const manager = await bench.manager({ dbPort: proxy.port, max: 1 });
    const marker = bench.unique();
    const script = `SELECT pg_sleep(2) AS ${marker}; SELECT 1`;
    const outcome = failure(manager.executeDDL(script, false));
    await eventually(
      async () =>
        (
          await bench.look(`SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE $1`, [
            `%${marker}%`,
          ])
        ).length > 0,
      'the script on the server',
    );
    for (const link of proxy.links) CUTS.FIN(link);
    const error = await settled(outcome, 'executeDDL');
    assert.equal(error.outcome, 'unknown');
    assert.deepEqual(error.steps, [
      { statement: `SELECT pg_sleep(2) AS ${marker}`, state: 'unknown' },
      { statement: 'SELECT 1', state: 'unknown' },
    ]);
    await manager.close();
    await proxy.close();
  });
});

ofOurManager('executeDDL and its question for the transaction', (bench) => {
  /** A manager behind a proxy that changes queries on their way. */
  async function rewriting(rewrite, { onServerBytes } = {}) {
    const proxy = await tappedProxy(bench.server, { onClientBytes: rewriteQueries(rewrite), onServerBytes });
    const manager = await bench.manager({ dbPort: proxy.port, max: 1 });
    const table = bench.unique();
    const close = async () => {
      await manager.close();
      await proxy.close();
    };
    return { close, manager, table };
  }

  const QUESTION = /^SAVEPOINT pgfleet_\w+; SELECT /;

  for (const commit of ['confirmed', 'pipelined']) {
    for (const [what, replacement] of Object.entries({
      'a time limit stops it': 'SET LOCAL statement_timeout = 1; SELECT pg_sleep(600)',
      'the server has no such functions': 'SELECT pg_catalog.no_such_function()',
      'the server gives something else': 'SELECT 1',
    })) {
      test(`when ${what}, a script that is ${commit} is committed all the same`, async () => {
        const rewritten = [];
        const { close, manager, table } = await rewriting((sql) => {
          if (!QUESTION.test(sql)) return sql;
          rewritten.push(sql);
          return sql.replace(/SELECT .*/s, replacement);
        });
        await settled(manager.executeDDL(`CREATE TABLE ${table} ()`, { commit }), 'executeDDL');
        assert.equal(rewritten.length, 1);
        assert.deepEqual(await bench.tables(table), [table]);
        assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
        await close();
      });
    }
  }

  for (const [version, question] of Object.entries({
    '9.6.24': null,
    12.9: 'txid_current',
    13.1: 'pg_current_xact_id',
  })) {
    test(`a server that calls itself ${version} is ${question === null ? 'not asked' : `asked for ${question}`}`, async () => {
      const asked = [];
      const splitters = new Map();
      const proxy = await tappedProxy(bench.server, {
        onClientBytes(bytes, link) {
          if (!splitters.has(link)) splitters.set(link, frontendSplitter());
          const messages = splitters
            .get(link)(bytes)
            .filter(({ type }) => type === 'Q');
          asked.push(
            ...messages.map(({ body }) => body.toString()).filter((text) => text.startsWith('SAVEPOINT')),
          );
        },
        onServerBytes: (bytes) => calledVersion(bytes, version),
      });
      const manager = await bench.manager({ dbPort: proxy.port, max: 1 });
      const table = bench.unique();
      await settled(manager.executeDDL(`CREATE TABLE ${table} ()`), 'executeDDL');
      assert.deepEqual(await bench.tables(table), [table]);
      assert.equal(asked.length, question === null ? 0 : 1);
      if (question !== null) assert.ok(asked[0].includes(`pg_catalog.${question}()`));
      await manager.close();
      await proxy.close();
    });
  }

  /** The same bytes, with another server_version of the same length. */
  function calledVersion(bytes, version) {
    const name = Buffer.from('server_version\0');
    const at = bytes.indexOf(name);
    if (at === -1) return undefined;
    const begin = at + name.length;
    const end = bytes.indexOf(0, begin);
    const header = at - 4;
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes.readInt32BE(header) - (end - begin) + version.length);
    return Buffer.concat([
      bytes.subarray(0, header),
      length,
      name,
      Buffer.from(version),
      bytes.subarray(end),
    ]);
  }

  test('where nothing can be written, a script that reads works', async () => {
    const manager = await bench.manager({ options: '-c default_transaction_read_only=on' });
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    const error = await failure(manager.executeDDL(`CREATE TABLE ${bench.unique()} ()`));
    assert.deepEqual([error.code, error.outcome], ['25006', 'not applied']);
  });
});
