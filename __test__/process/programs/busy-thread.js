'use strict';

// Uses the one connection of a shared pool, and lets a worker have it while this thread does nothing but wait for that.

const { Worker, isMainThread, workerData } = require('node:worker_threads');
const { once } = require('node:events');
const { pg, target } = require('./target.js');

const options = { ...target, shared: true, max: 1 };
const PATIENCE_MILLIS = 20_000;

async function main() {
  const answered = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(__filename, { workerData: answered });
  await once(worker, 'online');
  const pool = new pg.Pool(options);
  const client = await pool.connect();
  // So many that this thread would read the answers by itself, were it the only one.
  for (let n = 0; n < 40; n += 1) await client.query('SELECT 1');
  client.release();
  Atomics.store(answered, 1, 1);
  Atomics.notify(answered, 1);
  const outcome = Atomics.wait(answered, 0, 0, PATIENCE_MILLIS);
  console.log(outcome === 'timed-out' ? 'not answered' : 'answered');
  await pool.end();
}

async function others() {
  Atomics.wait(workerData, 1, 0);
  const pool = new pg.Pool(options);
  const client = await pool.connect();
  await client.query('SELECT 1');
  Atomics.store(workerData, 0, 1);
  Atomics.notify(workerData, 0);
  client.release();
  await pool.end();
}

if (isMainThread) main();
else others();
