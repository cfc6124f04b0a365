'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { before, afterEach, describe, test } = require('node:test');
const pgfleet = require('../..');
const { failure, settled } = require('../support/failure');
const { run } = require('../support/program');
const { postgres } = require('../support/server');

let server;
before(async () => {
  server = await postgres();
});

describe('maxWaiting', () => {
  let pool;
  afterEach(() => pool.end());
  const open = (options) => {
    pool = new pgfleet.Pool(server.config({ max: 1, ...options }));
    return pool;
  };

  test('lets so many requests wait, refuses one more at once, and serves those that wait', async () => {
    open({ maxWaiting: 2, pipelineDepth: 1 });
    const held = await pool.connect();
    const waiting = [pool.connect(), pool.query('SELECT 1 AS n')];
    for (const request of [pool.connect(), pool.query('SELECT 2')]) {
      const error = await settled(failure(request), 'the refusal');
      assert.equal(error.code, 'EMAXWAITING');
      assert.match(error.message, /maxWaiting/);
    }
    assert.equal(pool.waitingCount, 2);
    held.release();
    (await waiting[0]).release();
    assert.deepEqual((await waiting[1]).rows, [{ n: 1 }]);
  });

  test('of none has requests wait without a limit', async () => {
    open();
    const held = await pool.connect();
    const waiting = Array.from({ length: 300 }, () => pool.query('SELECT 1 AS n'));
    held.release();
    for (const { rows } of await Promise.all(waiting)) assert.deepEqual(rows, [{ n: 1 }]);
  });

  test('has a place again when a request that waits is aborted', async () => {
    open({ maxWaiting: 1 });
    const held = await pool.connect();
    const controller = new AbortController();
    const first = failure(pool.connect({ signal: controller.signal }));
    controller.abort();
    await first;
    const second = pool.connect();
    held.release();
    (await second).release();
  });
});

describe('leakTimeoutMillis', () => {
  /** Collects warnings of this process while `work` runs. */
  async function warningsOf(work) {
    const warnings = [];
    const keep = (warning) => warnings.push(warning);
    process.on('warning', keep);
    try {
      await work();
      await new Promise(setImmediate);
    } finally {
      process.off('warning', keep);
    }
    return warnings.filter(({ code }) => code === 'PGFLEET_CLIENT_LEAK');
  }

  const pools = [];
  const open = (options) => {
    const pool = new pgfleet.Pool(server.config({ max: 1, ...options }));
    pools.push(pool);
    return pool;
  };
  afterEach(async () => {
    for (const pool of pools.splice(0)) await pool.end();
  });

  async function aPlaceThatForgets(pool) {
    return pool.connect();
  }

  test('reports a client that is not given back, with the place where it was taken', async () => {
    const pool = open({ leakTimeoutMillis: 30 });
    let client;
    const warnings = await warningsOf(async () => {
      const leak = once(pool, 'leak');
      client = await aPlaceThatForgets(pool);
      const [leaked, error] = await settled(leak, 'the leak');
      assert.equal(leaked, client);
      assert.match(error.stack, /aPlaceThatForgets/);
      assert.match(error.message, /30 ms/);
    });
    assert.equal(warnings.length, 1);
    assert.equal(warnings[0].name, 'ClientLeakWarning');
    assert.match(warnings[0].detail, /aPlaceThatForgets/);
    assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    client.release();
  });

  test('reports with callbacks and with a Client class of the program’s own, too', async () => {
    class Own extends pgfleet.Client {}
    for (const options of [{}, { Client: Own }]) {
      const pool = open({ leakTimeoutMillis: 30, ...options });
      const leak = once(pool, 'leak');
      const release = await new Promise((resolve) => pool.connect((error, client, done) => resolve(done)));
      const [, error] = await settled(leak, 'the leak');
      assert.match(error.stack, /limits\.test\.js/);
      release();
    }
  });

  test('says nothing of clients that come back in time, nor of queries of the pool', async () => {
    // That there is no warning shows when twice the time has passed.
    const pool = open({ leakTimeoutMillis: 300, log: () => undefined });
    const warnings = await warningsOf(async () => {
      for (let round = 0; round < 5; round += 1) (await pool.connect()).release();
      await pool.query('SELECT pg_sleep(0.6)');
    });
    assert.deepEqual(warnings, []);
  });

  test('is off by default', async () => {
    const pool = open();
    const warnings = await warningsOf(async () => {
      const client = await pool.connect();
      await client.query('SELECT pg_sleep(0.1)');
      client.release();
    });
    assert.deepEqual(warnings, []);
    assert.throws(() => new pgfleet.Pool({ leakTimeoutMillis: 'soon' }), TypeError);
  });

  test('prints the place by default, and doesn’t keep the process alive', async () => {
    const source = `
      const { Pool } = require('./index.js');
      const pool = new Pool({ connectionString: process.env.DATABASE_URL, leakTimeoutMillis: 50 });
      async function forgetful() { return pool.connect(); }
      (async () => {
        const client = await forgetful();
        await new Promise((resolve) => process.once('warning', resolve));
        await client.release(true);
        pool.end();
      })();`;
    const outcome = await run({ source }, { env: { DATABASE_URL: server.url() } });
    assert.match(outcome.stderr, /ClientLeakWarning: A client was taken/);
    assert.match(outcome.stderr, /at forgetful/);
    assert.equal(outcome.code, 0);
  });
});
