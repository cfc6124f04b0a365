// What this package wants to reach against its peers and the limits. A target is only judged where both
// sides were measured in the same run.

import { microsEach, rateOf, ratioOf } from './summary.mjs';

const NODE_PEERS = ['pg', 'pg-native', 'postgres'];

/** @type {Array<Target>} */
const TARGETS = [
  ...['unnamed', 'named'].flatMap((kind) => [
    rate(`sequential-${kind}`, 'pinned', 'peers', 0.95),
    rate(`sequential-${kind}`, 'free', 'peers', 1.1),
    rate(`sequential-${kind}`, 'free', 'bun', 1.0),
    thread(`sequential-${kind}`, 'pinned', { ofPg: 0.6 }),
  ]),
  ...[5, 10].flatMap((size) => [
    rate(`in-flight-1000-pool-${size}-unnamed`, 'pinned', 'peers', 3.5),
    rate(`in-flight-1000-pool-${size}-unnamed`, 'pinned', 'bun', 2.7),
    rate(`in-flight-1000-pool-${size}-unnamed`, 'pinned', 'raw-pipelined', 0.8),
    rate(`in-flight-1000-pool-${size}-named`, 'pinned', 'peers', 3.0),
    rate(`in-flight-1000-pool-${size}-named`, 'pinned', 'bun', 1.15),
    rate(`in-flight-1000-pool-${size}-named`, 'pinned', 'raw-pipelined', 0.75),
    thread(`in-flight-1000-pool-${size}-unnamed`, 'pinned', { micros: 1.6 }),
  ]),
  rate('rows-10000', 'pinned', 'peers', 2.7),
  rate('rows-10000', 'pinned', 'bun', 1.2),
  rate('rows-10000', 'pinned', 'raw', 0.6),
  thread('rows-10000', 'pinned', { micros: 0.75 }),
  rate('rows-100000', 'pinned', 'peers', 2.0),
  rate('rows-100000', 'pinned', 'bun', 1.0),
  rate('rows-100000', 'pinned', 'raw', 0.45),
  atMostOfPg('rows-100000', 'pinned', 'longest gap', ({ longestGapMillis }) => longestGapMillis, 0.5),
  atMostOfPg('rows-100000', 'pinned', 'peak memory', ({ peakBytes }) => peakBytes, 1.1),
  rate('ddl-20ms', 'free', 'pg', 1.45),
  roundTrips('ddl-20ms', 20, 2.1),
  rate('ddl-20ms-pipelined', 'free', 'pg', 2.8),
  roundTrips('ddl-20ms-pipelined', 20, 1.1),
  {
    title: 'addConnection to 20 databases at 20 ms, all at once, against the best peer one after the other',
    wanted: 10,
    least: true,
    measure(find) {
      const own = find('add-20-connections-at-once', 'free', 'pgfleet');
      const peer = bestOf(find, 'add-20-connections-in-turn', 'free', NODE_PEERS);
      return own && peer && own.rate.median / peer.rate.median;
    },
  },
  rate('connect-tls', 'pinned', 'peers', 1.1),
  rate('connect-tls', 'pinned', 'bun', 1.0),
  rate('connect-tls', 'pinned', 'libpq', 0.9),
  rate('insert-copy', 'pinned', 'peers', 2.0),
  rate('copy-out-1000000', 'pinned', 'peers', 2.0),
  rate('cursor-1000000', 'pinned', 'peers', 2.0),
];

/**
 * @typedef {object} Target
 * @property {string} title
 * @property {number} wanted
 * @property {boolean} least whether `wanted` is the least that will do, or the most
 * @property {string} [unit]
 * @property {(find: (workload: string, mode: string, contender: string) => any, run: any) => number | undefined} measure
 */

/**
 * @param {object} run
 * @returns {Array<{ title: string, wanted: string, measured: string, met: boolean }>}
 */
export function judge(run) {
  const find = (name, mode, contender) =>
    workloadOf(run, name, mode)?.lines.find((line) => line.contender === contender);
  return TARGETS.flatMap(({ title, wanted, least, unit = '', measure }) => {
    const measured = measure(find, run);
    if (measured === undefined || !Number.isFinite(measured)) return [];
    return [
      {
        title,
        wanted: `${least ? '≥' : '≤'} ${wanted}${unit}`,
        measured: `${measured.toFixed(2)}${unit}`,
        met: least ? measured >= wanted : measured <= wanted,
      },
    ];
  });
}

function rate(workload, mode, against, wanted) {
  const names = against === 'peers' ? NODE_PEERS : [against];
  const rival = against === 'peers' ? 'the best Node peer' : against;
  return {
    title: `${workload}, ${mode}: rate against ${rival}`,
    wanted,
    least: true,
    measure: (_, run) => leastRatio(samplesOf(run, workload, mode), names, rateOf),
  };
}

function thread(workload, mode, { ofPg, micros }) {
  if (ofPg) {
    const each = ({ threadCpuSeconds, count }) => microsEach(threadCpuSeconds, count);
    return atMostOfPg(workload, mode, 'JavaScript thread', each, ofPg);
  }
  return {
    title: `${workload}, ${mode}: JavaScript thread a unit`,
    wanted: micros,
    least: false,
    unit: ' µs',
    measure(find) {
      const own = find(workload, mode, 'pgfleet');
      return own && (own.threadMicros ?? NaN);
    },
  };
}

function atMostOfPg(workload, mode, what, value, wanted) {
  return {
    title: `${workload}, ${mode}: ${what} against pg`,
    wanted,
    least: false,
    measure: (_, run) => ratioOf(samplesOf(run, workload, mode), 'pgfleet', 'pg', value),
  };
}

function roundTrips(workload, millis, wanted) {
  return {
    title: `${workload}: round trips a DDL`,
    wanted,
    least: false,
    measure(find, run) {
      const own = find(workload, 'free', 'pgfleet');
      return own && run.roundTrips[millis] && 1000 / own.rate.median / run.roundTrips[millis];
    },
  };
}

function workloadOf(run, name, mode) {
  return run.workloads.find((one) => one.name === name && one.mode === mode);
}

function samplesOf(run, name, mode) {
  return workloadOf(run, name, mode)?.samples ?? [];
}

/** How pgfleet compares with the best of the others. */
function leastRatio(samples, others, value) {
  const ratios = others.map((other) => ratioOf(samples, 'pgfleet', other, value));
  const known = ratios.filter((ratio) => ratio !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

function bestOf(find, workload, mode, names) {
  const lines = names.map((name) => find(workload, mode, name)).filter(Boolean);
  return lines.reduce(
    (best, line) => (best && best.rate.median >= line.rate.median ? best : line),
    undefined,
  );
}
