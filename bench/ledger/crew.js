'use strict';

const { setTimeout: pause } = require('node:timers/promises');
const { Journal } = require('./journal.js');
const { ManagedPools, Pools } = require('./pools.js');
const { Random } = require('./random.js');
const { Site, inTime } = require('./site.js');
const { wordsOf } = require('./verdict.js');
const ways = require('./ways/index.js');

const LONGEST_PAUSE_MILLIS = 20;

/**
 * What a crew is made from, as JSON: it may work in another thread or process.
 *
 * @typedef {object} CrewDescription
 * @property {string} name unlike any other's, letters and digits
 * @property {string} seed
 * @property {string} directory of the journals
 * @property {'pools' | 'manager'} kind
 * @property {number} hands how many work at the same time
 * @property {boolean} [listens] whether the events of the pools have listeners
 * @property {import('./pools.js').Database[]} databases
 */

/** Some hands that write and read in random ways, until they are told to stop. */
class Crew {
  #stopping = new AbortController();
  #isOpen = false;
  #count = 0;
  #written = [];

  /** @param {CrewDescription} description */
  constructor(description) {
    this.description = description;
    this.journal = new Journal(description.directory, description.name);
    const { databases, kind, listens } = description;
    this.pools = new (kind === 'manager' ? ManagedPools : Pools)(databases, (pool) => {
      pool.on('error', () => {}); // of idle clients, which the faults end
      if (listens) pool.on('acquire', () => {});
    });
  }

  /** Works until it is stopped; everything that was opened is closed then. */
  async work() {
    const random = new Random(this.description.seed);
    try {
      this.#isOpen = await this.#open(random);
      const hands = Array.from({ length: this.description.hands }, (_, i) => this.#hand(random.fork(i)));
      await Promise.all(hands);
      const complaints = await inTime(this.pools.close(), 'the end of the pools');
      for (const complaint of complaints) this.journal.problem(complaint);
    } catch (error) {
      this.journal.problem(`the crew ${this.description.name} failed: ${error.stack}`);
    }
  }

  stop() {
    this.#stopping.abort();
  }

  /** Has the pool of one of the databases replaced while it is at work. */
  async renewPool(name) {
    if (!this.#isOpen || this.#stopping.signal.aborted) return;
    // A manager asks the new database first, and keeps the old one where that fails.
    await this.pools.renew(name).catch((error) => this.journal.fault(`no new pool: ${wordsOf(error)}`));
  }

  /** The server may just be starting, and then every attempt may fail until the crew is stopped. */
  async #open(random) {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.pools.open();
        return true;
      } catch (error) {
        this.journal.fault(`a crew could not open its pools: ${wordsOf(error)}`);
        await pause(random.between(50, 200));
      }
    }
    return false;
  }

  async #hand(random) {
    const possible = ways.filter(({ needs }) => needs === undefined || needs === this.description.kind);
    while (!this.#stopping.signal.aborted) {
      await random.pickByWeight(possible).run(this.#site(random));
      await pause(random.between(0, LONGEST_PAUSE_MILLIS));
    }
  }

  #site(random) {
    const { name: database, config } = random.pick(this.description.databases);
    return new Site({
      database,
      config,
      pool: this.pools.pool(database),
      manager: this.pools.manager,
      journal: this.journal,
      random,
      newKey: () => `${this.description.name}_${(this.#count += 1)}`,
      written: this.#written,
    });
  }
}

module.exports = { Crew };
