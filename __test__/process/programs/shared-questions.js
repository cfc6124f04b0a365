'use strict';

// The first user of a shared pool can't be asked for the password any more when the pool needs one:
// `node shared-questions.js <why>`. The main thread says when it is asked.

const { Worker, isMainThread, parentPort, threadId, workerData } = require('node:worker_threads');
const { once } = require('node:events');
const { pg, target } = require('./target.js');

const options = {
  ...target,
  shared: true,
  max: 4,
  password: () => {
    if (threadId === 0) console.log('asked');
    return target.password;
  },
};

/** What becomes of the first user. */
const WHYS = {
  async terminated() {
    const worker = await begun('wait');
    return () => worker.terminate();
  },
  async ended() {
    const worker = await begun('end');
    return () => {
      worker.postMessage('end');
      return once(worker, 'message');
    };
  },
  async busy() {
    const worker = await begun('be busy');
    return async () => {
      worker.postMessage('be busy');
      await once(worker, 'message');
      worker.unref();
    };
  },
  async 'ended in the same thread'() {
    const first = new pg.Pool(options);
    await first.query('SELECT 1');
    return () => first.end();
  },
};

async function begun(what) {
  const worker = new Worker(__filename, { workerData: what });
  await once(worker, 'message');
  return worker;
}

async function main(why) {
  const leave = await WHYS[why]();
  const pool = new pg.Pool(options);
  const client = await pool.connect();
  await leave();
  console.log(why);
  const clients = await Promise.all([pool.connect(), pool.connect()]);
  console.log('connected');
  for (const one of [client, ...clients]) one.release();
  await pool.end();
  process.exit(0); // the busy threads go on for ever
}

async function first() {
  const pool = new pg.Pool(options);
  await pool.query('SELECT 1');
  parentPort.on('message', async () => {
    if (workerData === 'end') await pool.end();
    parentPort.postMessage('done');
    if (workerData === 'be busy') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
  parentPort.postMessage('ready');
}

if (isMainThread) main(process.argv[2]);
else first();
