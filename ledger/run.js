'use strict';

// What was acknowledged, compared with what is there, under faults of every kind.
//
//   npm run ledger -- [--minutes 30] [--seed N] [--chapter-seconds 30]
//
// Exits with 1 when something is lost, doubled, torn or untrue, when something hangs, or when memory grows.

const { parseArgs } = require('node:util');
const { runLedger } = require('./ledger.js');

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    'chapter-seconds': { type: 'string', default: '30' },
  },
});

// The server stops with this process, however it ends; crews in other processes do so as well.
process.once('SIGINT', () => process.exit(130));

function* seedsUntil(end) {
  for (let n = 1; n === 1 || Date.now() < end; n += 1) yield n === 1 ? options.seed : `${options.seed}.${n}`;
}

const { minutes, 'chapter-seconds': seconds } = options;
runLedger({
  seeds: seedsUntil(Date.now() + Number(minutes) * 60_000),
  chapterMillis: Number(seconds) * 1000,
  say: (line) => console.log(line),
}).then(({ problems, entries }) => {
  console.log(problems.length === 0 ? `${entries} entries, all of them true` : `${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
});
