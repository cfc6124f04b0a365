'use strict';

const { inspect } = require('node:util');

const { checkLabels, labels } = require('../config/labels');
const { shownEntry } = require('./entry-printing');

/**
 * @typedef {import('../pg/pool/pool')} Pool
 * @typedef {import('./database-config').DatabaseConfig} DatabaseConfig
 * @typedef {import('./pool-rules').PoolRules} PoolRules
 */

/**
 * What a manager keeps of one database.
 *
 * @typedef {object} Entry
 * @property {string} name
 * @property {DatabaseConfig} config the caller's own object, with its secrets
 * @property {Pool | undefined} pool undefined where the configuration has no PostgreSQL server
 * @property {unknown} supabaseUrl
 * @property {unknown} supabaseKey
 * @property {string[]} [tags] not listed by `Object.keys`, as the next
 * @property {string[]} [groups]
 */

/** Properties of an entry that aren't the guide's, so that they aren't listed. */
const UNLISTED = {
  tags: {
    configurable: true,
    /** @this {Entry} */
    get() {
      return labels(this.config, 'tags');
    },
  },
  groups: {
    configurable: true,
    /** @this {Entry} */
    get() {
      return labels(this.config, 'groups');
    },
  },
};

/**
 * @param {string} name
 * @param {DatabaseConfig} config
 * @param {Pool | undefined} pool
 * @returns {Entry}
 */
function makeEntry(name, config, pool) {
  const entry = { name, config, pool, ...supabaseOf(config) };
  const view = () => shownEntry(entry);
  for (const method of [inspect.custom, 'toJSON']) {
    Object.defineProperty(entry, method, { configurable: true, enumerable: false, value: view });
  }
  return Object.defineProperties(entry, UNLISTED);
}

/**
 * Where the project's API is, in the words of either vocabulary.
 *
 * @param {DatabaseConfig} config
 * @returns {{ supabaseUrl: unknown, supabaseKey: unknown }}
 */
function supabaseOf(config) {
  const { supabaseUrl, supabaseKey, projectUrl, anonKey } = Object(config);
  return { supabaseUrl: supabaseUrl ?? projectUrl, supabaseKey: supabaseKey ?? anonKey };
}

/** A database whose pool is made on its first use: a manager can know thousands of which few are used. */
class LazyEntry {
  /** @type {Pool | null | undefined} undefined before it is made; null when there is none */
  #pool;
  /** @type {PoolRules} */
  #rules;

  /**
   * @param {string} name
   * @param {DatabaseConfig} config as it was given: what is wrong with it is said when the pool is asked for
   * @param {PoolRules} rules one object for all entries
   */
  constructor(name, config, rules) {
    this.name = name;
    this.config = config;
    const { supabaseUrl, supabaseKey } = supabaseOf(config);
    this.supabaseUrl = supabaseUrl;
    this.supabaseKey = supabaseKey;
    this.#rules = rules;
  }

  get pool() {
    if (this.#pool === undefined) this.#pool = this.#makePool() ?? null;
    return this.#pool ?? undefined;
  }

  set pool(pool) {
    this.#pool = pool ?? null;
  }

  #makePool() {
    checkLabels(this.config);
    return this.#rules.hasPool(this.config) ? this.#rules.makePool(this.config) : undefined;
  }

  get tags() {
    return labels(this.config, 'tags');
  }

  get groups() {
    return labels(this.config, 'groups');
  }

  [inspect.custom]() {
    return this.toJSON();
  }

  toJSON() {
    return shownEntry({ ...this, pool: this.#pool ?? undefined });
  }

  /**
   * @param {Entry} entry of either kind
   * @returns {Pool | undefined} its pool, unless there is none yet
   */
  static openedPool(entry) {
    return entry instanceof LazyEntry ? (entry.#pool ?? undefined) : entry.pool;
  }

  /**
   * @param {Entry} entry of either kind
   * @returns {Pool | undefined} its pool, or one like that which it would have and which nobody keeps; undefined where
   *   there is none
   * @throws {Error} where the configuration can't be read
   */
  static poolLike(entry) {
    if (!(entry instanceof LazyEntry)) return entry.pool;
    return entry.#pool === undefined ? entry.#makePool() : (entry.#pool ?? undefined);
  }

  /**
   * Whether a database has a pool, or will have one when it is asked for.
   *
   * @param {Entry} entry of either kind
   */
  static hasPool(entry) {
    if (!(entry instanceof LazyEntry)) return Boolean(entry.pool);
    return entry.#pool === undefined ? entry.#rules.hasPool(entry.config) : entry.#pool !== null;
  }
}

module.exports = { LazyEntry, makeEntry };
