// One of the threads of the workers workload.

import { parentPort, workerData } from 'node:worker_threads';
import { performance } from 'node:perf_hooks';
import { contenders } from '../contenders/index.mjs';
import { QUERY } from './sequential.mjs';
import { IN_FLIGHT } from './workers.mjs';

const { module } = contenders.find(({ name }) => name === workerData.contender);
const { adapter } = await import(new URL(module, new URL('../contenders/', import.meta.url)));
const { size, shared } = workerData;
const session = await adapter.open(workerData.target, { size, shared });
await burst(); // connect and warm up

parentPort.on('message', async ({ seconds, close }) => {
  if (close) {
    await session.close();
    parentPort.close();
    return;
  }
  const end = performance.now() + seconds * 1000;
  let count = 0;
  while (performance.now() < end) count += await burst();
  parentPort.postMessage({ count });
});
parentPort.postMessage('ready');

async function burst() {
  const pending = Array.from({ length: IN_FLIGHT }, (_, i) => session.query(QUERY, [i, 'some label']));
  await Promise.all(pending);
  return IN_FLIGHT;
}
