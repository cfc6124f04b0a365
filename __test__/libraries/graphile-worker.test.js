'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { after, before, test } = require('node:test');
const { Logger, makeWorkerUtils, run, runOnce } = require('graphile-worker');
const { eventually } = require('../support/failure');
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

  /** The worker doesn't wait until it has written down that a job failed. */
  const failed = async (task, attempts) => {
    for (;;) {
      const { rows } = await pool.query(
        `SELECT attempts, last_error FROM graphile_worker.jobs
          WHERE task_identifier = $1 AND attempts = $2 AND locked_at IS NULL AND last_error IS NOT NULL`,
        [task, attempts],
      );
      if (rows.length > 0) return rows[0];
    }
  };

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
    const { attempts, last_error } = await failed('fail', 1);
    assert.equal(attempts, 1);
    assert.match(last_error, /the task gives up/);
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
    await once(runner.events, 'pool:listen:success');
    // That is said before it listens.
    await eventually(async () => {
      const { rows } = await pool.query(
        `SELECT pid FROM pg_stat_activity
          WHERE datname = current_database() AND state = 'idle' AND query LIKE 'LISTEN%'`,
      );
      return rows.length > 0;
    }, 'the worker listening');
    await utils.addJob('hello', { name: 'Ada' });
    assert.equal(await done.promise, 'Ada');
    await runner.stop();
  });

  test('graphile-worker tries a job again until it works', async () => {
    const attempts = [];
    const task = async (payload, { job }) => {
      attempts.push(job.attempts);
      if (job.attempts < 3) throw new Error('not yet');
    };
    await utils.addJob('stubborn', { n: 1 });
    for (let round = 0; round < 3; round++) {
      await runOnce({ pgPool: pool, logger, noHandleSignals: true, taskList: { stubborn: task } });
      if (attempts.length === 3) break;
      await failed('stubborn', attempts.length);
      // The next attempt is due after some seconds; this is no test of patience.
      await pool.query(
        "UPDATE graphile_worker._private_jobs SET run_at = now() WHERE last_error LIKE '%not yet%'",
      );
    }
    assert.deepEqual(attempts, [1, 2, 3]);
  });

  test('graphile-worker adds a job with the transaction that asks for it, or not at all', async () => {
    const client = await pool.connect();
    const add = () => client.query("SELECT graphile_worker.add_job('together', '{}'::json)");
    await client.query('BEGIN');
    await add();
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await add();
    await client.query('COMMIT');
    client.release();
    let done = 0;
    await runOnce({
      pgPool: pool,
      logger,
      noHandleSignals: true,
      taskList: { together: async () => void done++ },
    });
    assert.equal(done, 1);
  });

  test('graphile-worker does the jobs of a queue one after the other', async () => {
    for (let n = 0; n < 6; n++) await utils.addJob('serial', { n }, { queueName: 'line' });
    let running = 0;
    const seen = [];
    const serial = async ({ n }, { withPgClient }) => {
      running++;
      assert.equal(running, 1);
      await withPgClient((client) => client.query('SELECT pg_sleep(0.005)'));
      seen.push(n);
      running--;
    };
    // A worker goes when it finds the queue locked by another, so that one run may leave some behind.
    while (seen.length < 6) {
      await runOnce({ pgPool: pool, logger, concurrency: 3, noHandleSignals: true, taskList: { serial } });
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5]);
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
