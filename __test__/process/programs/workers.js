'use strict';

// Starts worker threads that query, and ends them in various ways: `node workers.js <how> <count>`.

const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { once } = require('node:events');
const { pg, target } = require('./target.js');

const WAYS = {
  /** Does its work, closes its pool and runs to its end. */
  async closing() {
    const pool = new pg.Pool({ ...target, max: 2 });
    const { rows } = await pool.query('SELECT $1::int AS n', [workerData.number]);
    await pool.end();
    return rows[0].n;
  },
  /** Leaves its manager open and runs to its end. */
  async leaving() {
    const manager = new pg.DatabaseManager();
    await manager.addConnection('main', { ...target });
    const { rows } = await manager.executeDDL(`SELECT ${workerData.number} AS n`);
    return rows[0].n;
  },
  /** Is terminated while a query runs, others wait, and rows stream in. */
  async querying() {
    const pool = new pg.Pool({ ...target, max: 2 });
    await pool.query('SELECT 1');
    for (let i = 0; i < 4; i += 1) pool.query('SELECT pg_sleep(600)').catch(() => {});
    pool.query(`SELECT i, repeat('x', 100) FROM generate_series(1, 200000) AS i`).catch(() => {});
    return workerData.number;
  },
  /** Is terminated while it is connecting. */
  async connecting() {
    const pool = new pg.Pool({ ...target, max: 5 });
    for (let i = 0; i < 5; i += 1) pool.query('SELECT 1').catch(() => {});
    return workerData.number;
  },
  /** Throws while a query runs. */
  async throwing() {
    const pool = new pg.Pool({ ...target, max: 2 });
    await pool.query('SELECT 1');
    pool.query('SELECT pg_sleep(600)').catch(() => {});
    // Not by itself: its error could overtake its answer.
    parentPort.once('message', () => {
      throw new Error('thrown in a worker');
    });
    return workerData.number;
  },
};

async function main() {
  const [how, count] = process.argv.slice(2);
  const ways = how === 'all' ? Object.keys(WAYS) : [how];
  for (let number = 0; number < Number(count); number += 1) {
    await oneWorker(ways[number % ways.length], number);
  }
  const pool = new pg.Pool({ ...target });
  const { rows } = await pool.query('SELECT 1 AS one');
  await pool.end();
  console.log(`${count} workers, and the main thread still counts to ${rows[0].one}`);
}

async function oneWorker(how, number) {
  const worker = new Worker(__filename, { workerData: { how, number } });
  worker.on('error', (error) => {
    if (error.message !== 'thrown in a worker') throw error;
  });
  // Not `once`: an error may come right before the exit, and would end the waiting.
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const [answer] = await once(worker, 'message');
  if (answer !== number) throw new Error(`worker ${number} answered ${answer}`);
  if (how === 'querying' || how === 'connecting') {
    // At another moment each time.
    await new Promise((resolve) => setTimeout(resolve, (number * 7) % 40));
    await worker.terminate();
  } else {
    if (how === 'throwing') worker.postMessage('throw');
    await exited;
  }
}

if (isMainThread) main();
else WAYS[workerData.how]().then((answer) => parentPort.postMessage(answer));
