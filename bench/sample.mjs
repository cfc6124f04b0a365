// One sample: one contender does one workload in this process, and what it took goes to standard output as
// JSON. The job comes in the environment, as it holds a password. A probe only connects and asks once, to
// see whether the contender runs here at all.

import { before, contenders } from './contenders/index.mjs';
import { Gaps } from './gaps.mjs';
import { Meter } from './meter.mjs';
import { workloads } from './workloads/index.mjs';

/** @param {import('./workloads/index.mjs').Context} context @param {boolean} check */
async function measure(context, check) {
  const { workload, warmUpSeconds } = context;
  const state = await workload.open(context);
  if (workload.warmUp !== false) {
    await repeat(context, state, warmUpSeconds);
    collectGarbage();
    // A full collection leaves a small heap, and what it takes to grow again isn't what a server pays all day.
    await repeat(context, state, warmUpSeconds / 2);
  } else {
    collectGarbage();
  }

  const { count, cost } = workload.once
    ? await measureOnce(context, state)
    : await measureStretches(context, state);
  // This thread only waits then, and neither its time nor its gaps say anything about the work.
  if (workload.inWorkers)
    Object.assign(cost, { threadCpuSeconds: null, longestGapMillis: null, gap99Millis: null });

  const result = check && workload.check ? await workload.check(state, context) : undefined;
  await workload.close(state);
  return { count, ...cost, result };
}

async function measureOnce(context, state) {
  const gaps = new Gaps();
  const meter = new Meter();
  gaps.start();
  meter.start();
  const count = await context.workload.batch(state, context);
  return { count, cost: { ...meter.stop(), ...gaps.stop() } };
}

/** Cost first and gaps afterwards, in a stretch of the same length. */
async function measureStretches(context, state) {
  const meter = new Meter();
  meter.start();
  let count = 0;
  do count += await context.workload.batch(state, context);
  while (meter.elapsed() < context.seconds);
  const cost = meter.stop();

  const gaps = new Gaps();
  gaps.start();
  await repeat(context, state, context.seconds);
  return { count, cost: { ...cost, ...gaps.stop() } };
}

// What the warm-up left behind isn't part of what is measured.
function collectGarbage() {
  if (globalThis.Bun) Bun.gc(true);
  else globalThis.gc();
}

async function repeat({ workload, ...rest }, state, seconds) {
  const end = performance.now() + seconds * 1000;
  do await workload.batch(state, { workload, ...rest });
  while (performance.now() < end);
}

/** Connects once; also says which methods a session has, so that a contender gets only workloads that it supports. */
async function probe({ adapter, target }) {
  const session = await adapter.open(target, { size: 1 });
  const rows = session.rowsOf(await session.query('SELECT 1 AS one'));
  if (Number(rows[0]?.one) !== 1) throw new Error('SELECT 1 gave something else');
  await session.close();
  return {
    offers: Object.keys(session).filter((name) => session[name]),
    manager: typeof adapter.Manager === 'function',
  };
}

async function main() {
  const { contender, workload, check, ...job } = JSON.parse(process.env.PGFLEET_BENCH_JOB);
  delete process.env.PGFLEET_BENCH_JOB;
  const { module } = [...contenders, before].find(({ name }) => name === contender);
  const { adapter, version } = await import(new URL(module, new URL('./contenders/', import.meta.url)));
  const context = { ...job, contender, adapter, workload: workloads.find(({ name }) => name === workload) };
  const outcome = workload ? await measure(context, check) : await probe(context);
  return { ...outcome, version };
}

main().then(
  (outcome) => {
    process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
  },
  (error) => {
    process.stderr.write(`${error?.stack ?? error}\n`, () => process.exit(1));
  },
);
