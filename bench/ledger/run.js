'use strict';

// What was acknowledged, compared with what is there, under faults of every kind.
//
//   npm run ledger -- [--minutes 30] [--seed SEED …] [--chapter-seconds 30] [--verbose]
//
// Runs a chapter for each seed that is given, and more of them until the time is up. A seed says which faults and ways
// come in which order; when each of them hits, the machine decides.
// Exits with 1 when something is lost, doubled, torn or untrue, when something hangs, or when memory grows.

const { parseArgs } = require('node:util');
const { runLedger } = require('./ledger.js');

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', multiple: true, default: [String(Math.floor(Math.random() * 1e9))] },
    'chapter-seconds': { type: 'string', default: '30' },
    verbose: { type: 'boolean', default: false },
  },
});

// The server stops with this process, however it ends; crews in other processes do so as well.
process.once('SIGINT', () => process.exit(130));

function* seedsUntil(end) {
  yield* options.seed;
  for (let n = 2; Date.now() < end; n += 1) yield `${options.seed.at(-1)}.${n}`;
}

const { minutes, 'chapter-seconds': seconds } = options;
runLedger({
  seeds: seedsUntil(Date.now() + Number(minutes) * 60_000),
  chapterMillis: Number(seconds) * 1000,
  say: console.log,
  sayMore: options.verbose ? console.log : () => {},
}).then(({ problems, entries }) => {
  console.log(problems.length === 0 ? `${entries} entries, all of them true` : `${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
});
