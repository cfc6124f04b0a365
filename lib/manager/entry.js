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
 * A copy for printing: secrets replaced, connection strings without their password.
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
 * @returns {value is object} whether programs write it down as such, and it isn't one of a class
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
    // Not a URL: where its password stands isn't known.
    return HIDDEN;
  }
}

/**
 * What a manager knows of one database.
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
  // Whatever class the configuration is of, and whatever was hidden in it, what is printed is what can be listed.
  const view = () => {
    const { ssl } = entry.config;
    const listed = { ...entry.config };
    if (ssl && typeof ssl === 'object') listed.ssl = { ...ssl };
    return printable({ ...entry, config: listed });
  };
  for (const method of [inspect.custom, 'toJSON']) {
    Object.defineProperty(entry, method, { configurable: true, enumerable: false, value: view });
  }
  return entry;
}

module.exports = { makeEntry };
