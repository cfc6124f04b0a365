'use strict';

const { Untrue } = require('./untrue.js');
const { stateOf, wordsOf } = require('./verdict.js');

/** Nothing that the ledger does takes longer than some seconds: a call that takes this long hangs. */
const HANGS_AFTER_MILLIS = 60_000;

class Hang extends Error {}

/** Where a way of writing does its work: a database, the pool to it, and the journal to note it in. */
class Site {
  /**
   * @param {object} parts
   * @param {string} parts.database
   * @param {any} parts.pool
   * @param {any} [parts.manager] with `database` as a name, where the crew works with a manager
   * @param {object} parts.config what a client of this database is made from
   * @param {import('./journal.js').Journal} parts.journal
   * @param {import('./random.js').Random} parts.random
   * @param {() => string} parts.newKey
   * @param {string[]} parts.written keys that were acknowledged here, the newest last
   */
  constructor(parts) {
    Object.assign(this, parts);
  }

  /**
   * Notes an entry, has it written, and notes what came of it.
   *
   * @param {string} way
   * @param {Partial<import('./journal.js').Entry>} about
   * @param {(key: string) => Promise<import('./journal.js').State | void>} write resolves when the entry is
   *   acknowledged, or to a state that is more certain than its error says
   */
  async entry(way, about, write) {
    const key = this.newKey();
    this.journal.begin({ key, way, database: this.database, parts: 1, ...about });
    try {
      const state = (await inTime(write(key), `${way} ${key}`)) ?? 'acknowledged';
      this.journal.settle(key, state);
      if (state === 'acknowledged' && way !== 'volatile') this.#remember(key, about.parts ?? 1);
    } catch (error) {
      const said = wordsOf(error);
      if (isFault(error)) this.journal.problem(said, key);
      this.journal.settle(key, error.state ?? stateOf(error), said);
    }
  }

  /**
   * Has something read that leaves nothing behind. It may fail, with an error, but it may not hang or be wrong.
   *
   * @param {string} way
   * @param {() => Promise<void>} read
   */
  async reading(way, read) {
    try {
      await inTime(read(), way);
    } catch (error) {
      if (isFault(error)) this.journal.problem(`${way}: ${wordsOf(error)}`);
    }
  }

  #remember(key, parts) {
    this.written.push({ key, parts, database: this.database });
    if (this.written.length > 50) this.written.shift();
  }
}

/**
 * A promise that has to settle.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 * @returns {Promise<T>} rejects when nothing comes of the promise
 */
async function inTime(promise, what) {
  let watchdog;
  const hang = new Promise((resolve, reject) => {
    const seconds = HANGS_AFTER_MILLIS / 1000;
    watchdog = setTimeout(
      () => reject(new Hang(`${what} hangs: nothing for ${seconds} s`)),
      HANGS_AFTER_MILLIS,
    );
  });
  try {
    return await Promise.race([promise, hang]);
  } finally {
    clearTimeout(watchdog);
  }
}

/** Errors of a program, not of a server or a network. */
const OF_A_PROGRAM = [Untrue, Hang, TypeError, ReferenceError, RangeError];

/** @param {any} error */
function isFault(error) {
  return OF_A_PROGRAM.some((Kind) => error instanceof Kind);
}

module.exports = { Site, inTime };
