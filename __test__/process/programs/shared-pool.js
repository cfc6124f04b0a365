'use strict';

// The main thread and worker threads each make pools that name the same server and settings, and query at once.
// Prints how many connections of that name the server ever had: `node shared-pool.js <shared: true|false>`.

const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads');
const { once } = require('node:events');
const { pg, target } = require('./target.js');

const WORKERS = 3;
const QUERIES = 6;
const MAX = 2;

function makePool(shared) {
  return new pg.Pool({ ...target, max: MAX, shared });
}

async function work(pool) {
  const queries = Array.from({ length: QUERIES }, () =>
    pool.query('SELECT pg_backend_pid() AS pid, pg_sleep(0.1)::text'),
  );
  return (await Promise.all(queries)).map(({ rows }) => rows[0].pid);
}

async function main() {
  const shared = process.argv[2] === 'true';
  const workers = Array.from({ length: WORKERS }, () => new Worker(__filename, { workerData: { shared } }));
  await Promise.all(workers.map((worker) => once(worker, 'message'))); // each is ready
  const pools = [makePool(shared), makePool(shared)];
  const answers = workers.map((worker) => once(worker, 'message'));
  for (const worker of workers) worker.postMessage('go');
  const pids = [...(await Promise.all(pools.map(work))), ...(await Promise.all(answers)).flat()].flat();
  console.log(JSON.stringify({ answered: pids.length, connections: new Set(pids).size }));

  // A pool that ends leaves the others of its kind at work.
  await pools[0].end();
  const { rows } = await pools[1].query('SELECT 1 AS one');
  console.log(`after the end of one of them: ${rows[0].one}`);
  await pools[1].end();
  for (const worker of workers) worker.postMessage('end');
}

async function inWorker() {
  const pool = makePool(workerData.shared);
  parentPort.on('message', async (message) => {
    if (message === 'go') {
      parentPort.postMessage(await work(pool));
    } else {
      await pool.end();
      parentPort.close();
    }
  });
  parentPort.postMessage('ready');
}

if (isMainThread) main();
else inWorker();
