// The program in a worker thread, in another one at the same time, and in the main thread behind them.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const file = new URL('./required.cjs', import.meta.url);
const codes = await Promise.all([0, 1].map(async () => (await once(new Worker(file), 'exit'))[0]));
if (codes.some((code) => code !== 0)) throw new Error(`the workers ended with ${codes}`);
await import('./imported.mjs');
