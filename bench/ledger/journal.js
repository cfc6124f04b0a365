'use strict';

const fs = require('node:fs');
const path = require('node:path');

/**
 * What was begun under a key. All of it is one transaction: there, or not there.
 *
 * @typedef {object} Entry
 * @property {string} key unlike any other's
 * @property {string} way how it is written
 * @property {string} database
 * @property {number} parts rows with this key, numbered from 1
 * @property {boolean} [table] whether a table is made as well, named after the key
 * @property {boolean} [hopeless] whether it is meant to come to nothing, or mostly does
 * @property {boolean} [pipelined] whether COMMIT may arrive together with the script
 *
 * @typedef {'acknowledged' | 'refused' | 'unknown'} State what the caller was told: it is there; it certainly isn't;
 *   neither
 */

/**
 * A journal is a file with a line of JSON for each event. A line is written before what it tells of begins, and in one
 * piece, so that what a killed process had under way can be read afterwards, and no memory grows with a run.
 */
class Journal {
  #file;

  /** @param {string} directory @param {string} name unlike any other journal's */
  constructor(directory, name) {
    this.#file = fs.openSync(path.join(directory, `${name}.journal`), 'a');
  }

  /** @param {Entry} entry */
  begin(entry) {
    this.#write({ begin: entry.key, ...entry });
  }

  /** @param {string} key @param {State} state @param {string} [detail] the words of an error */
  settle(key, state, detail) {
    this.#write({ settle: key, state, detail });
  }

  /** The script of this key was ended by force before its COMMIT could have been asked for. */
  cutInMidScript(key, how) {
    this.#write({ cut: key, how });
  }

  /** Something that has happened to the server, the network or a program. */
  fault(what) {
    this.#write({ fault: what });
  }

  /** Something that must not be. */
  problem(what, key) {
    this.#write({ problem: what, key });
  }

  close() {
    fs.closeSync(this.#file);
  }

  #write(event) {
    fs.writeSync(this.#file, `${JSON.stringify({ at: Date.now(), ...event })}\n`);
  }
}

/**
 * @typedef {Entry & { state: State | 'begun', cut: boolean }} Account
 *
 * @param {string} directory
 * @returns {{ accounts: Map<string, Account>, problems: { what: string, key?: string }[], faults: Record<string, number> }}
 */
function readJournals(directory) {
  const accounts = new Map();
  const problems = [];
  const faults = {};
  const cuts = new Set();
  for (const event of eventsIn(directory)) {
    if (event.begin) accounts.set(event.begin, { ...event, state: 'begun', cut: false });
    if (event.settle) accounts.get(event.settle).state = event.state;
    if (event.cut) {
      cuts.add(event.cut);
      faults[event.how] = (faults[event.how] ?? 0) + 1;
    }
    if (event.problem) problems.push({ what: event.problem, key: event.key });
    if (event.fault) faults[event.fault] = (faults[event.fault] ?? 0) + 1;
  }
  for (const key of cuts) if (accounts.has(key)) accounts.get(key).cut = true;
  return { accounts, problems, faults };
}

/** What a fault does can still be felt some seconds after it began. */
const FELT_MILLIS = 5_000;

/** @returns {string[]} the lines that tell of a key, in the order of time, with the faults that it may have felt */
function historyOf(directory, key) {
  const events = eventsIn(directory).sort((one, other) => one.at - other.at);
  const own = events.filter((event) => [event.begin, event.settle, event.cut, event.key].includes(key));
  const [from, to] = [own[0]?.at, own.at(-1)?.at];
  return events
    .filter(
      (event) => own.includes(event) || (event.fault && event.at >= from - FELT_MILLIS && event.at <= to),
    )
    .map((event) => JSON.stringify(event));
}

function eventsIn(directory) {
  const events = [];
  for (const name of fs.readdirSync(directory)) {
    if (!name.endsWith('.journal')) continue;
    const lines = fs.readFileSync(path.join(directory, name), 'utf8').split('\n');
    lines.pop(); // behind the last line end: nothing, or what a killed process hadn't written to its end
    for (const line of lines) events.push(JSON.parse(line));
  }
  return events;
}

module.exports = { Journal, historyOf, readJournals };
