'use strict';

const { inspect } = require('node:util');

const { isLikeConnectionString } = require('../pg/settings/secret');

/**
 * @typedef {import('../pg/pool/pool')} Pool
 * @typedef {import('./database-config').DatabaseConfig} DatabaseConfig
 */

/** Names under which programs keep secrets. */
const SECRET = /password|passphrase|secret|token|key$|^pfx$/i;

const HIDDEN = '[hidden]';

/**
 * A copy to print: secrets replaced, connection strings without their password.
 *
 * @param {unknown} value
 * @param {Map<object, object>} [copies] of objects that were met already
 * @returns {unknown}
 */
function printable(value, copies = new Map()) {
  if (typeof value === 'string') return isLikeConnectionString(value) ? withoutPassword(value) : value;
  if (!isPlain(value)) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  const copy = /** @type {Record<string, unknown>} */ (Array.isArray(value) ? [] : {});
  copies.set(value, copy);
  for (const [name, part] of Object.entries(value)) {
    const isSecret = SECRET.test(name) && part !== undefined && part !== null;
    copy[name] = isSecret ? HIDDEN : printable(part, copies);
  }
  return copy;
}

/**
 * @param {unknown} value
 * @returns {value is object} whether it is a plain object, not an instance of a class
 */
function isPlain(value) {
  if (value === null || typeof value !== 'object') return false;
  return Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

/** @param {string} connectionString */
function withoutPassword(connectionString) {
  try {
    const url = new URL(connectionString);
    const secrets = [...url.searchParams.keys()].filter((name) => SECRET.test(name));
    if (!url.password && secrets.length === 0) return connectionString;
    if (url.password) url.password = 'hidden';
    for (const name of secrets) url.searchParams.set(name, 'hidden');
    return url.href;
  } catch {
    // Not a URL, so that it isn't known where its password is.
    return HIDDEN;
  }
}

/**
 * What a manager keeps of one database.
 *
 * @typedef {object} Entry
 * @property {string} name
 * @property {DatabaseConfig} config the caller's own object, with its secrets
 * @property {Pool} pool
 * @property {unknown} supabaseUrl
 * @property {unknown} supabaseKey
 */

/**
 * @param {string} name
 * @param {DatabaseConfig} config
 * @param {Pool} pool
 * @returns {Entry}
 */
function makeEntry(name, config, pool) {
  const { supabaseUrl, supabaseKey } = config;
  const entry = { name, config, pool, supabaseUrl, supabaseKey };
  const view = () => shownEntry(entry);
  for (const method of [inspect.custom, 'toJSON']) {
    Object.defineProperty(entry, method, { configurable: true, enumerable: false, value: view });
  }
  return entry;
}

/**
 * Whatever the configuration's class is and whatever is hidden in it, only its enumerable properties are printed.
 *
 * @param {{ config: DatabaseConfig, pool: Pool | undefined }} entry
 */
function shownEntry(entry) {
  const { ssl } = entry.config;
  const listed = { ...entry.config };
  if (ssl && typeof ssl === 'object') listed.ssl = { ...ssl };
  return printable({ ...entry, config: listed });
}

/** A database whose pool is made on its first use: a manager can know thousands of which few are used. */
class LazyEntry {
  /** @type {Pool | undefined} */
  #pool;
  /** @type {(config: DatabaseConfig) => Pool} */
  #makePool;

  /**
   * @param {string} name
   * @param {DatabaseConfig} config
   * @param {(config: DatabaseConfig) => Pool} makePool one function for all entries
   */
  constructor(name, config, makePool) {
    this.name = name;
    this.config = config;
    this.supabaseUrl = config.supabaseUrl;
    this.supabaseKey = config.supabaseKey;
    this.#makePool = makePool;
  }

  get pool() {
    this.#pool ??= this.#makePool(this.config);
    return this.#pool;
  }

  set pool(pool) {
    this.#pool = pool;
  }

  [inspect.custom]() {
    return this.toJSON();
  }

  toJSON() {
    return shownEntry({ ...this, pool: this.#pool });
  }

  /**
   * @param {Entry} entry of either kind
   * @returns {Pool | undefined} its pool, unless there is none yet
   */
  static openedPool(entry) {
    return entry instanceof LazyEntry ? entry.#pool : entry.pool;
  }
}

module.exports = { LazyEntry, makeEntry };
