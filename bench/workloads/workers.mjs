// Worker threads with 100 queries in flight each, on ten connections in all: pgfleet's threads share one
// pool of the process, the peers' threads each have a pool with their part of the ten.

import { Worker } from 'node:worker_threads';
import { once } from 'node:events';

const CONNECTIONS = 10;
export const IN_FLIGHT = 100;

function workers(threads) {
  return {
    name: `workers-${threads}`,
    title: `${threads} worker threads, ${CONNECTIONS} connections in all, 100 queries in flight each`,
    unit: 'query',
    modes: ['free'],
    freeOnly: true,
    inWorkers: true,
    once: true,
    warmUp: false,
    async open({ adapter, target, contender }) {
      const shared = adapter.sharesPools === true;
      const workerData = {
        contender,
        target,
        shared,
        size: shared ? CONNECTIONS : Math.max(1, Math.floor(CONNECTIONS / threads)),
      };
      const file = new URL('./worker.mjs', import.meta.url);
      const crew = Array.from({ length: threads }, () => new Worker(file, { workerData }));
      await Promise.all(crew.map((worker) => once(worker, 'message')));
      return crew;
    },
    async batch(crew, { seconds }) {
      const answers = crew.map((worker) => once(worker, 'message'));
      for (const worker of crew) worker.postMessage({ seconds });
      const counts = await Promise.all(answers);
      return counts.reduce((sum, [{ count }]) => sum + count, 0);
    },
    async close(crew) {
      const ended = crew.map((worker) => once(worker, 'exit'));
      for (const worker of crew) worker.postMessage({ close: true });
      await Promise.all(ended);
    },
  };
}

export const workloads = [2, 4, 8].map(workers);
