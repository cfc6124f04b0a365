'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const diagnostics = require('node:diagnostics_channel');
const net = require('node:net');
const { eventually, failure, settled } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');
const { CUTS, scriptProxy } = require('../support/script-proxy.js');

const LOST = /Connection terminated unexpectedly|ECONNRESET/;
const ignore = () => undefined;

function cutAndSwallow(link) {
  CUTS.FIN(link);
  return false;
}

function listenFor(event) {
  return {
    enter(manager) {
      manager.currentPool.on(event, ignore);
      return () => manager.currentPool.removeListener(event, ignore);
    },
  };
}

/** What makes a pool show its clients, or run their queries in another way. */
const DOORS = {
  'nothing of the kind': {},
  'a listener for connect': listenFor('connect'),
  'a listener for acquire': listenFor('acquire'),
  'a listener for release': listenFor('release'),
  'a listener for remove': listenFor('remove'),
  query_timeout: { config: { query_timeout: 60_000 } },
  onConnect: { config: { onConnect: ignore } },
  verify: { config: { verify: (_client, done) => done() } },
  log: { config: { log: ignore } },
  'a subscriber of the acquire channel': {
    enter() {
      diagnostics.subscribe('tracing:pgfleet:pool:acquire:start', ignore);
      return () => diagnostics.unsubscribe('tracing:pgfleet:pool:acquire:start', ignore);
    },
  },
};

/** Pools whose connections JavaScript makes. */
const MADE_BY_JAVASCRIPT = {
  stream: { stream: () => new net.Socket() },
  'a Client of another make': { Client: require('pg').Client },
};

ofOurManager('executeDDL goes through the same core', (bench) => {
  /** A manager behind a proxy, with one connection open. */
  async function behind(taps, config) {
    const proxy = await scriptProxy(bench.server, taps);
    const manager = await bench.manager({ dbPort: proxy.port, max: 1, ...config });
    const alarms = [];
    manager.currentPool.on('error', (error) => alarms.push(error.message));
    await manager.currentPool.query('SELECT 1');
    proxy.forget();
    const close = async () => {
      await manager.close();
      await proxy.close();
      assert.deepEqual(alarms, []);
    };
    return { close, manager, proxy, table: bench.unique('door') };
  }

  /** That its one connection can be had, so that no slot is lost. */
  async function assertGoesOn(manager) {
    const { rows } = await settled(manager.executeDDL('SELECT 1 AS one'), 'the next script');
    assert.deepEqual(rows, [{ one: 1 }]);
    assert.equal(manager.currentPool.totalCount, 1);
    assert.equal(manager.currentPool.waitingCount, 0);
  }

  const running = (marker) =>
    bench.look(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
       AND state = 'active' AND query LIKE $1`,
      [`%${marker}%`],
    );

  for (const [name, { config, enter }] of Object.entries(DOORS)) {
    test(`with ${name}: BEGIN and the script leave in one write, COMMIT in a second one`, async () => {
      const { close, manager, proxy, table } = await behind({}, config);
      const leave = enter?.(manager);
      await manager.executeDDL(`CREATE TABLE ${table} ()`);
      const [first, second, ...others] = proxy.queries();
      assert.equal(first[0], `BEGIN;CREATE TABLE ${table} ()`);
      assert.deepEqual([second, others], [['COMMIT'], []]);
      assert.equal(proxy.trips(), 2);
      leave?.();
      await close();
    });

    test(`with ${name}: what can't run in a transaction is refused before anything is sent`, async () => {
      const { close, manager, proxy } = await behind({}, config);
      const leave = enter?.(manager);
      const error = await failure(manager.executeDDL('VACUUM'));
      assert.deepEqual([error.code, error.outcome], ['25001', 'not applied']);
      assert.equal(proxy.trips(), 0);
      leave?.();
      await close();
    });

    test(`with ${name}: a signal stops the script on the server, and its error has an outcome`, async () => {
      const { close, manager, table } = await behind({}, config);
      const leave = enter?.(manager);
      const controller = new AbortController();
      const script = `CREATE TABLE ${table} (); SELECT pg_sleep(600)`;
      const ddl = failure(manager.executeDDL(script, { signal: controller.signal }));
      await eventually(async () => (await running(table)).length === 1, 'the script on the server');
      controller.abort();
      const error = await settled(ddl, 'executeDDL');
      assert.deepEqual(
        [error.name, error.outcome, error.cause],
        ['AbortError', 'not applied', controller.signal.reason],
      );
      assert.deepEqual(await running(table), []);
      assert.deepEqual(await bench.tables(table), []);
      await assertGoesOn(manager);
      leave?.();
      await close();
    });

    test(`with ${name}: an answer to COMMIT that is lost is looked up, without an error event`, async () => {
      const { close, manager, table } = await behind({ onCommitted: cutAndSwallow }, config);
      const leave = enter?.(manager);
      const { command } = await settled(manager.executeDDL(`CREATE TABLE ${table} ()`), 'executeDDL');
      assert.equal(command, 'CREATE');
      assert.deepEqual(await bench.tables(table), [table]);
      await assertGoesOn(manager);
      leave?.();
      await close();
    });

    test(`with ${name}: a connection that is lost in mid-script is an error with an outcome`, async () => {
      const { close, manager, table } = await behind({ answers: { count: 0, then: CUTS.RST } }, config);
      const leave = enter?.(manager);
      const error = await settled(failure(manager.executeDDL(`CREATE TABLE ${table} ()`)), 'executeDDL');
      assert.match(error.message, LOST);
      assert.equal(error.outcome, 'not applied');
      assert.deepEqual(await bench.tables(table), []);
      await assertGoesOn(manager);
      leave?.();
      await close();
    });
  }

  for (const name of ['nothing of the kind', 'a listener for acquire', 'onConnect']) {
    const { config, enter } = DOORS[name];
    test(`with ${name}: the look-up gets the password of a function`, async () => {
      const password = () => Promise.resolve(bench.server.password);
      const options = { dbPassword: undefined, password, connectionTimeoutMillis: 3000, ...config };
      const { close, manager, table } = await behind({ onCommitted: cutAndSwallow }, options);
      const leave = enter?.(manager);
      const { command } = await settled(manager.executeDDL(`CREATE TABLE ${table} ()`), 'executeDDL');
      assert.equal(command, 'CREATE');
      assert.deepEqual(await bench.tables(table), [table]);
      leave?.();
      await close();
    });
  }

  test('query_timeout stops the script on the server, with an error that has an outcome', async () => {
    const { close, manager, table } = await behind({}, { query_timeout: 300 });
    const script = `CREATE TABLE ${table} (); SELECT pg_sleep(600)`;
    const error = await settled(failure(manager.executeDDL(script)), 'executeDDL');
    assert.deepEqual([error.message, error.outcome], ['Query read timeout', 'not applied']);
    assert.deepEqual(await running(table), []);
    assert.deepEqual(await bench.tables(table), []);
    await assertGoesOn(manager);
    await close();
  });

  for (const [name, { config, enter }] of Object.entries({ ...DOORS, query_timeout: {} })) {
    test(`with ${name}: a query_timeout of its own stops the script on the server`, async () => {
      const { close, manager, table } = await behind({}, config);
      const leave = enter?.(manager);
      const text = `CREATE TABLE ${table} (); SELECT pg_sleep(600)`;
      const error = await settled(failure(manager.executeDDL({ text, query_timeout: 300 })), 'executeDDL');
      assert.deepEqual([error.message, error.outcome], ['Query read timeout', 'not applied']);
      assert.deepEqual(await running(table), []);
      assert.deepEqual(await bench.tables(table), []);
      await assertGoesOn(manager);
      leave?.();
      await close();
    });
  }

  test('a query_timeout beyond what a timer can wait is no short one', async () => {
    const { close, manager } = await behind({}, { query_timeout: 2 ** 32 });
    assert.equal((await manager.executeDDL('SELECT pg_sleep(0.2)')).rows.length, 1);
    await close();
  });

  for (const [name, config] of Object.entries(MADE_BY_JAVASCRIPT)) {
    test(`with ${name}: query_timeout ends a script, and no slot is lost`, async () => {
      const { close, manager, table } = await behind({}, { ...config, query_timeout: 1000 });
      const script = `CREATE TABLE ${table} (); SELECT pg_sleep(5)`;
      const error = await settled(failure(manager.executeDDL(script)), 'executeDDL');
      assert.deepEqual([error.message, error.outcome], ['Query read timeout', 'not applied']);
      assert.equal('steps' in error, false);
      await assertGoesOn(manager);
      const outside = await settled(failure(manager.executeDDL('SELECT pg_sleep(5)', false)), 'executeDDL');
      assert.deepEqual([outside.message, outside.outcome], ['Query read timeout', 'unknown']);
      await assertGoesOn(manager);
      assert.deepEqual(await bench.tables(table), []);
      await close();
    });

    test(`with ${name}: a BEGIN that isn't answered in time leaves its transaction to no other caller`, async () => {
      const { close, manager, table } = await behind(
        { onScript: () => false },
        { ...config, query_timeout: 1000 },
      );
      const error = await settled(failure(manager.executeDDL(`CREATE TABLE ${table} ()`)), 'executeDDL');
      assert.deepEqual([error.message, error.outcome], ['Query read timeout', 'not applied']);
      await assertGoesOn(manager);
      await close();
    });

    test(`with ${name}: values that aren't sent leave nothing in doubt`, async () => {
      const { close, manager } = await behind({}, config);
      const query = { text: 'SELECT $1', values: 7 };
      const error = await failure(manager.executeDDL(query, false));
      assert.deepEqual([error.message, error.outcome], ['Query values must be an array', 'not applied']);
      await assertGoesOn(manager);
      await close();
    });

    test(`with ${name}: BEGIN, the script and COMMIT are three messages`, async () => {
      const { close, manager, proxy, table } = await behind({}, config);
      await manager.executeDDL(`CREATE TABLE ${table} ()`);
      assert.deepEqual(proxy.queries(), [['BEGIN'], [`CREATE TABLE ${table} ()`], ['COMMIT']]);
      await close();
    });

    test(`with ${name}: what can't run in a transaction is refused before anything is sent`, async () => {
      const { close, manager, proxy } = await behind({}, config);
      const error = await failure(manager.executeDDL('SELECT 1; VACUUM'));
      assert.deepEqual([error.code, error.outcome], ['25001', 'not applied']);
      assert.equal(proxy.trips(), 0);
      await close();
    });

    test(`with ${name}: a script that fails was not applied, or its own COMMIT leaves that unknown`, async () => {
      const { close, manager, proxy, table } = await behind({}, config);
      const error = await failure(manager.executeDDL(`CREATE TABLE ${table} (); SELECT 1/0`));
      assert.deepEqual([error.code, error.outcome], ['22012', 'not applied']);
      assert.equal('steps' in error, false);
      const script = `CREATE TABLE ${table} (); COMMIT; SELECT 1/0`;
      const committing = await failure(manager.executeDDL(script));
      assert.deepEqual([committing.code, committing.outcome], ['22012', 'unknown']);
      assert.deepEqual(
        committing.steps.map(({ statement }) => statement),
        [`CREATE TABLE ${table} ()`, 'COMMIT', 'SELECT 1/0'],
      );
      assert.deepEqual(await bench.tables(table), [table]);
      await assertGoesOn(manager);
      assert.equal(proxy.accepted, 1);
      await close();
    });

    test(`with ${name}: a connection that is lost in mid-script is an error with an outcome`, async () => {
      const { close, manager, proxy, table } = await behind({}, config);
      const outcome = failure(manager.executeDDL(`CREATE TABLE ${table} (); SELECT pg_sleep(2)`));
      await eventually(async () => (await running(table)).length === 1, 'the script on the server');
      for (const link of proxy.links) CUTS.FIN(link);
      const error = await settled(outcome, 'executeDDL');
      assert.match(error.message, LOST);
      assert.equal(error.outcome, 'not applied');
      await assertGoesOn(manager);
      await close();
    });

    test(`with ${name}: what became of a script whose COMMIT isn't answered is unknown`, async () => {
      const { close, manager, table } = await behind({ onCommitted: cutAndSwallow }, config);
      const error = await settled(failure(manager.executeDDL(`CREATE TABLE ${table} ()`)), 'executeDDL');
      assert.match(error.message, LOST);
      assert.equal(error.outcome, 'unknown');
      assert.deepEqual(error.steps, [{ statement: `CREATE TABLE ${table} ()`, state: 'unknown' }]);
      await assertGoesOn(manager);
      await close();
    });

    test(`with ${name}: a signal stops the script, and no slot is lost`, async () => {
      const { close, manager, table } = await behind({}, config);
      const controller = new AbortController();
      const { signal } = controller;
      const ddl = failure(manager.executeDDL(`CREATE TABLE ${table} (); SELECT pg_sleep(2)`, { signal }));
      await eventually(async () => (await running(table)).length === 1, 'the script on the server');
      controller.abort(new Error('enough'));
      const error = await settled(ddl, 'executeDDL');
      assert.deepEqual([error.message, error.cause, error.outcome], ['enough', signal.reason, 'not applied']);
      await assertGoesOn(manager);
      assert.deepEqual(await bench.tables(table), []);
      await manager.executeDDL('SELECT 1', { signal: new AbortController().signal });
      await close();
    });

    test(`with ${name}: a signal that aborts what runs without a transaction leaves no slot lost`, async () => {
      const { close, manager, table } = await behind({}, config);
      const controller = new AbortController();
      const options = { signal: controller.signal, transaction: false };
      const ddl = failure(manager.executeDDL(`SELECT pg_sleep(2) AS ${table}`, options));
      await eventually(async () => (await running(table)).length === 1, 'the script on the server');
      controller.abort();
      const error = await settled(ddl, 'executeDDL');
      assert.equal(error.name, 'AbortError');
      // Closing the connection is all that can be done to a client of another make.
      assert.equal(error.outcome, name === 'stream' ? 'not applied' : 'unknown');
      await assertGoesOn(manager);
      await close();
    });
  }
});
