'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { eventually, failure, settled } = require('../support/failure.js');
const { heldLock } = require('../support/held-lock.js');
const { ofOurManager } = require('../support/managers.js');
const { CUTS, scriptProxy } = require('../support/script-proxy.js');

const LOST = /Connection terminated unexpectedly|ECONNRESET/;

ofOurManager('what executeDDL tells when its connection is lost', (bench) => {
  /** A manager of one connection behind a proxy that does something to its first script, and what its pool reports. */
  async function behind(taps, overrides) {
    const proxy = await scriptProxy(bench.server, taps);
    const manager = await bench.manager({ dbPort: proxy.port, max: 1, ...overrides });
    const alarms = [];
    manager.currentPool.on('error', (error) => alarms.push(error));
    return { alarms, manager, proxy, table: bench.unique('kept') };
  }

  /** That the manager works on, over another connection, and that there was no error event. */
  async function assertGoesOn({ alarms, manager, proxy }) {
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    assert.deepEqual(alarms, []);
    await manager.close();
    await proxy.close();
  }

  const open = (marker) =>
    bench.look(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND (xact_start IS NOT NULL OR state <> 'idle') AND query LIKE $1`,
      [`%${marker}%`],
    );

  const script = (table) => `CREATE TABLE ${table} (id int); INSERT INTO ${table} VALUES (1), (2)`;

  function assertResults(results) {
    assert.deepEqual(
      results.map(({ command, rowCount }) => [command, rowCount]),
      [
        ['CREATE', null],
        ['INSERT', 2],
      ],
    );
  }

  for (const [how, cut] of Object.entries(CUTS)) {
    const swallowAndCut = (link) => {
      cut(link);
      return false;
    };

    for (const [moment, taps] of Object.entries({
      'before the script arrives': { onScript: swallowAndCut },
      'after the script has run, before COMMIT': { onAnswer: swallowAndCut },
      'after COMMIT was sent, which never arrives': { onCommit: swallowAndCut },
    })) {
      test(`by ${how} ${moment}: it was not applied`, async () => {
        const run = await behind(taps);
        const error = await settled(failure(run.manager.executeDDL(script(run.table))), 'executeDDL');
        assert.match(error.message, LOST);
        assert.equal(error.outcome, 'not applied');
        assert.equal('steps' in error, false);
        assert.deepEqual(await bench.tables(run.table), []);
        await assertGoesOn(run);
      });
    }

    test(`by ${how} in mid-script: it was not applied`, async () => {
      const run = await behind();
      const { manager, proxy, table } = run;
      const outcome = failure(manager.executeDDL(`CREATE TABLE ${table} (); SELECT pg_sleep(600)`));
      await eventually(async () => (await open(table)).length === 1, 'the script on the server');
      for (const link of proxy.links) cut(link);
      const error = await settled(outcome, 'executeDDL');
      assert.match(error.message, LOST);
      assert.equal(error.outcome, 'not applied');
      await bench.look(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE $1`,
        [`%${table}%`],
      );
      assert.deepEqual(await bench.tables(table), []);
      await assertGoesOn(run);
    });

    test(`by ${how} after COMMIT, whose answer is lost: it resolves with the results`, async () => {
      const run = await behind({ onCommitted: swallowAndCut });
      assertResults(await settled(run.manager.executeDDL(script(run.table)), 'executeDDL'));
      assert.deepEqual(await bench.look(`SELECT id FROM ${run.table} ORDER BY id`), [{ id: 1 }, { id: 2 }]);
      await assertGoesOn(run);
    });

    test(`by ${how} while COMMIT runs on the server: the outcome is what is there afterwards`, async () => {
      const run = await behind();
      const { manager, proxy, table } = run;
      const held = await lock();
      const outcome = failure(manager.executeDDL(deferredWait(table, held)));
      await eventually(async () => (await open('COMMIT')).length === 1, 'COMMIT on the server');
      for (const link of proxy.links) cut(link);
      const error = await settled(outcome, 'executeDDL');
      assert.equal(error.outcome, 'not applied');
      assert.match(error.message, LOST);
      assert.deepEqual(await bench.tables(table), []);
      assert.deepEqual(await open('COMMIT'), [], 'nothing goes on there');
      await held.release();
      await assertGoesOn(run);
    });
  }

  const lock = () => heldLock(bench.server.config({ database: bench.database }));

  /** A script whose COMMIT takes the server as long as the lock is held. */
  function deferredWait(table, { key }) {
    return `CREATE TABLE ${table} (id int);
      CREATE FUNCTION ${table}_wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(${key}); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON ${table} DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION ${table}_wait();
      INSERT INTO ${table} VALUES (1)`;
  }

  test('not at all, but the answer to COMMIT never comes: the look-up resolves it, and the connection is closed', async () => {
    const run = await behind({ onCommitted: () => false });
    assertResults(await settled(run.manager.executeDDL(script(run.table)), 'executeDDL'));
    assert.deepEqual(await bench.tables(run.table), [run.table]);
    await eventually(() => run.proxy.links.length === 0, 'the end of its connection');
    await assertGoesOn(run);
  });

  test('not at all, but COMMIT never arrives: its idle transaction is ended, and it was not applied', async () => {
    const run = await behind({ onCommit: () => false });
    const error = await settled(failure(run.manager.executeDDL(script(run.table))), 'executeDDL');
    assert.equal(error.outcome, 'not applied');
    assert.deepEqual(await bench.tables(run.table), []);
    assert.deepEqual(await open(run.table), [], 'its transaction is over');
    await assertGoesOn(run);
  });

  test('not at all, and COMMIT takes the server long: it is waited for', async () => {
    const run = await behind();
    const held = await lock();
    const ddl = run.manager.executeDDL(deferredWait(run.table, held));
    await eventually(() => run.proxy.accepted > 1, 'a look-up');
    await held.release();
    const results = await settled(ddl, 'executeDDL');
    assert.equal(results.length, 4);
    assert.deepEqual(await bench.look(`SELECT id FROM ${run.table}`), [{ id: 1 }]);
    const before = run.proxy.links.map(({ number }) => number);
    assert.deepEqual((await run.manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    assert.ok(
      run.proxy.links.some(({ number }) => number === 0 && before.includes(number)),
      'the connection is kept',
    );
    await assertGoesOn(run);
  });
});

ofOurManager("what executeDDL with commit: 'pipelined' tells when its connection is lost", (bench) => {
  async function pipelined(taps, text = create) {
    const proxy = await scriptProxy(bench.server, taps);
    const manager = await bench.manager({ dbPort: proxy.port, max: 1 });
    const table = bench.unique('pipelined');
    const ddl = manager.executeDDL(text(table), { commit: 'pipelined' });
    const close = async () => {
      await manager.close();
      await proxy.close();
    };
    return { close, ddl, manager, proxy, table };
  }

  const create = (table) => `CREATE TABLE ${table} (id int)`;

  for (const [how, cut] of Object.entries(CUTS)) {
    const swallowAndCut = (link) => {
      cut(link);
      return false;
    };

    test(`by ${how} with all of its answers: it is unknown, and says what to do`, async () => {
      const { ddl, close, table } = await pipelined({ answers: { count: 0, then: cut } });
      const error = await settled(failure(ddl), 'executeDDL');
      assert.equal(error.outcome, 'unknown');
      assert.deepEqual(error.steps, [{ statement: create(table), state: 'unknown' }]);
      assert.match(error.message, LOST);
      assert.match(
        error.message,
        /unknown, because the server had not said by then which transaction it ran in/,
      );
      assert.match(error.message, /Look for its effects before it is run again/);
      await eventually(async () => (await bench.tables(table)).length === 1, 'its COMMIT');
      await close();
    });

    test(`by ${how} behind the answer that names its transaction: the look-up resolves it`, async () => {
      const { ddl, close, manager, table } = await pipelined({ answers: { count: 2, then: cut } });
      assert.equal((await settled(ddl, 'executeDDL')).command, 'CREATE');
      assert.deepEqual(await bench.tables(table), [table]);
      assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
      await close();
    });

    test(`by ${how} with a COMMIT that never arrives: it was not applied`, async () => {
      const { ddl, close, table } = await pipelined({
        onCommit: () => false,
        answers: { count: 2, then: cut },
      });
      const error = await settled(failure(ddl), 'executeDDL');
      assert.equal(error.outcome, 'not applied');
      assert.deepEqual(await bench.tables(table), []);
      await close();
    });

    test(`by ${how} before the script arrives: it is unknown, since it might have arrived`, async () => {
      const { ddl, close, table } = await pipelined({ onScript: swallowAndCut, onCommit: () => false });
      assert.equal((await settled(failure(ddl), 'executeDDL')).outcome, 'unknown');
      assert.deepEqual(await bench.tables(table), []);
      await close();
    });
  }

  test('not at all, and the script fails: it was not applied, and the connection is kept', async () => {
    const { ddl, close, manager, proxy, table } = await pipelined(
      {},
      (table) => `${create(table)}; SELECT 1/0`,
    );
    const error = await settled(failure(ddl), 'executeDDL');
    assert.deepEqual([error.code, error.outcome], ['22012', 'not applied']);
    assert.deepEqual(await bench.tables(table), []);
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    assert.equal(proxy.accepted, 1);
    await close();
  });
});
