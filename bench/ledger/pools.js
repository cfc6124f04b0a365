'use strict';

const { setTimeout: pause } = require('node:timers/promises');
const { DatabaseManager, Pool } = require('../../index.js');

/** A watchdog. */
const BALANCED_MILLIS = 20_000;

/**
 * @typedef {object} Database
 * @property {string} name
 * @property {object} config of a pool
 */

/** The pools of a crew, one a database. */
class Pools {
  #pools = new Map();
  #ends = [];

  /** @param {Database[]} databases @param {(pool: any) => void} watch is shown each pool that is made */
  constructor(databases, watch) {
    this.databases = databases;
    this.watch = watch;
  }

  async open() {
    for (const database of this.databases) this.#make(database);
  }

  pool(name) {
    return this.#pools.get(name);
  }

  /** Puts a new pool in the place of one that has work under way. */
  async renew(name) {
    const old = this.#pools.get(name);
    this.#make(this.databases.find((database) => database.name === name));
    this.#ends.push(old.end().then(() => leftovers(old)));
  }

  /** @returns {Promise<string[]>} what is wrong with the counts of pools, before their end and after it */
  async close() {
    const pools = [...this.#pools.values()];
    const before = await Promise.all(pools.map(unbalanced));
    await Promise.all(pools.map((pool) => pool.end()));
    const ended = await Promise.all(this.#ends);
    return [...before.flat(), ...pools.flatMap(leftovers), ...ended.flat()];
  }

  #make({ name, config }) {
    const pool = new Pool(config);
    this.watch(pool);
    this.#pools.set(name, pool);
  }
}

/** The same, with the databases of a manager. */
class ManagedPools {
  constructor(databases, watch) {
    this.databases = databases;
    this.watch = watch;
    this.manager = new DatabaseManager();
  }

  async open() {
    for (const { name } of this.databases) await this.renew(name);
  }

  pool(name) {
    return this.manager.connections.get(name).pool;
  }

  /** Adds the database once more: the manager replaces its pool and ends the old one. */
  async renew(name) {
    const { config } = this.databases.find((database) => database.name === name);
    await this.manager.addConnection(name, config);
    this.watch(this.pool(name));
  }

  async close() {
    const pools = [...this.manager.connections.values()].map(({ pool }) => pool);
    const before = await Promise.all(pools.map(unbalanced));
    await this.manager.close();
    return [...before.flat(), ...pools.flatMap(leftovers)];
  }
}

/** No client is in use or waited for any more, once what is being opened or closed is open or closed. */
async function unbalanced(pool) {
  const isBalanced = () => pool.totalCount === pool.idleCount && pool.waitingCount === 0;
  const deadline = Date.now() + BALANCED_MILLIS;
  while (!isBalanced() && Date.now() < deadline) await pause(20);
  return isBalanced() ? [] : [`a pool has ${countsOf(pool)}, and nothing to do`];
}

// A shared pool goes on for the others, and its counts are those of all of them.
function leftovers(pool) {
  if (pool.options.shared) return [];
  const isEmpty = pool.totalCount === 0 && pool.idleCount === 0 && pool.waitingCount === 0;
  return isEmpty ? [] : [`a pool that has ended has ${countsOf(pool)}`];
}

const countsOf = ({ totalCount, idleCount, waitingCount, options }) =>
  `${totalCount} clients, ${idleCount} of them idle, and ${waitingCount} waiting (${options.application_name})`;

module.exports = { ManagedPools, Pools };
