'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const { runChapter } = require('./chapter.js');
const { historyOf } = require('./journal.js');
const { growthOf, sample } = require('./memory.js');
const { observerOf } = require('./observer.js');
const { Random } = require('./random.js');
const { createTables } = require('./schema.js');

const DATABASES = ['ledger_a', 'ledger_b', 'ledger_c'];
/** What is acknowledged outlives a crash of the server (its files needn't outlive one of the machine). */
const SETTINGS = { synchronous_commit: 'on', full_page_writes: 'on', autovacuum: 'on' };
const HISTORIES = 5;

/**
 * Runs chapters, each on a seed of its own, until the time is up or something is wrong.
 *
 * @param {object} options
 * @param {string[] | Iterable<string>} options.seeds of the chapters, in order
 * @param {number} options.chapterMillis
 * @param {(line: string) => void} options.say
 * @param {(line: string) => void} options.sayMore is told what a chapter consisted of
 * @returns {Promise<{ problems: string[], entries: number }>} what must not be, in words
 */
async function runLedger({ seeds, chapterMillis, say, sayMore }) {
  const strays = [];
  const stray = (error) => strays.push(`unhandled: ${error?.stack ?? error}`);
  for (const event of ['unhandledRejection', 'uncaughtException']) process.on(event, stray);
  const server = await startEmbedded({ databases: DATABASES, settings: SETTINGS });
  const observe = observerOf(server);
  const samples = [];
  const problems = [];
  let entries = 0;
  try {
    for (const database of DATABASES) await observe(createTables, database);
    let number = 0;
    for (const seed of seeds) {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-ledger-'));
      const name = `c${(number += 1)}`;
      const random = new Random(seed);
      const chapter = {
        name,
        server,
        databases: DATABASES,
        directory,
        random,
        millis: chapterMillis,
        observe,
      };
      const result = await runChapter(chapter);
      if (globalThis.gc) samples.push(sample());
      entries += describe({ say, sayMore }, name, seed, result, samples.at(-1));
      const told = [
        ...result.problems.map(({ what, key }) => (key ? `${key}: ${what}` : what)),
        ...strays.splice(0),
      ];
      problems.push(...told.map((problem) => `seed ${seed}: ${problem}`));
      if (told.length > 0) {
        tell(say, told, result.problems, directory);
        break;
      }
      fs.rmSync(directory, { recursive: true });
    }
    problems.push(...memoryProblems(say, samples));
  } finally {
    for (const event of ['unhandledRejection', 'uncaughtException']) process.off(event, stray);
    await server.stop();
  }
  return { problems, entries };
}

/** @returns {number} how many entries the chapter had */
function describe({ say, sayMore }, name, seed, { states, faults }, memory) {
  const totals = {};
  for (const counts of Object.values(states))
    for (const [state, count] of Object.entries(counts)) totals[state] = (totals[state] ?? 0) + count;
  const faultCount = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const megabytes = (bytes) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  const sizes = memory ? `, rss ${megabytes(memory.rss)}, heap ${megabytes(memory.heapUsed)}` : '';
  say(`${name} (seed ${seed}): ${JSON.stringify(totals)} under ${faultCount} faults${sizes}`);
  for (const kind of [states, faults]) sayMore(JSON.stringify(kind));
  return Object.values(totals).reduce((sum, count) => sum + count, 0);
}

function tell(say, told, problems, directory) {
  for (const problem of told) say(`  ${problem}`);
  for (const { key } of problems.filter((problem) => problem.key).slice(0, HISTORIES)) {
    say(`the history of ${key}:`);
    for (const line of historyOf(directory, key)) say(`  ${line}`);
  }
  say(`the journals are in ${directory}`);
}

function memoryProblems(say, samples) {
  const growth = growthOf(samples);
  if (growth === null) return [];
  return Object.entries(growth).flatMap(([kind, { growth: bytes, isFlat }]) => {
    const words = `${kind} has grown by ${(bytes / 1024 / 1024).toFixed(1)} MB`;
    say(words);
    return isFlat ? [] : [words];
  });
}

module.exports = { runLedger };
