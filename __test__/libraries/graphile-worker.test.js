'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { after, before, test } = require('node:test');
const { Logger, makeWorkerUtils, run, runOnce } = require('graphile-worker');
const { newDatabase, onBothDrivers } = require('../support/library');

const logger = new Logger(() => () => undefined);

onBothDrivers(({ driver }) => {
  let pool;
  let utils;

  before(async () => {
    const { config } = await newDatabase();
    pool = new driver.Pool({ ...config, max: 5 });
    pool.on('error', assert.ifError);
    utils = await makeWorkerUtils({ pgPool: pool, logger });
    await utils.migrate();
  });

  after(async () => {
    await utils.release();
    await pool.end();
  });

  test('graphile-worker does the jobs that were added, once each', async () => {
    for (let n = 0; n < 20; n++) await utils.addJob('add', { n, text: `"${n}"\\` });
    const seen = [];
    await runOnce({
      pgPool: pool,
      logger,
      concurrency: 3,
      noHandleSignals: true,
      taskList: { add: async (payload) => void seen.push(payload) },
    });
    const expected = Array.from({ length: 20 }, (_, n) => ({ n, text: `"${n}"\\` }));
    assert.deepEqual(
      seen.sort((a, b) => a.n - b.n),
      expected,
    );
  });

  test('graphile-worker keeps a job that failed, with its error', async () => {
    await utils.addJob('fail', {}, { maxAttempts: 1 });
    await runOnce({
      pgPool: pool,
      logger,
      noHandleSignals: true,
      taskList: {
        fail: async () => {
          throw new Error('the task gives up');
        },
      },
    });
    const { rows } = await pool.query('SELECT attempts, last_error FROM graphile_worker.jobs');
    assert.equal(rows.length, 1);
    assert.equal(rows[0].attempts, 1);
    assert.match(rows[0].last_error, /the task gives up/);
  });

  test('graphile-worker is woken by a notification, long before it would poll', async () => {
    const done = Promise.withResolvers ? Promise.withResolvers() : withResolvers();
    const runner = await run({
      pgPool: pool,
      logger,
      noHandleSignals: true,
      pollInterval: 3_600_000,
      taskList: {
        hello: async (payload, { withPgClient }) => {
          const { rows } = await withPgClient((client) =>
            client.query('SELECT $1::text AS name', [payload.name]),
          );
          done.resolve(rows[0].name);
        },
      },
    });
    const listening = once(runner.events, 'pool:listen:success');
    await listening;
    await utils.addJob('hello', { name: 'Ada' });
    assert.equal(await done.promise, 'Ada');
    await runner.stop();
  });

  test('graphile-worker replaces a job of the same key', async () => {
    await utils.addJob('keyed', { version: 1 }, { jobKey: 'one' });
    await utils.addJob('keyed', { version: 2 }, { jobKey: 'one' });
    const seen = [];
    await runOnce({
      pgPool: pool,
      logger,
      noHandleSignals: true,
      taskList: { keyed: async (payload) => void seen.push(payload) },
    });
    assert.deepEqual(seen, [{ version: 2 }]);
  });
});

function withResolvers() {
  const out = {};
  out.promise = new Promise((resolve, reject) => Object.assign(out, { resolve, reject }));
  return out;
}
