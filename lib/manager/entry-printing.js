'use strict';

const { shownWithoutText } = require('../pg/settings/option');
const { isLikeConnectionString } = require('../pg/settings/secret');

/**
 * @typedef {import('../pg/pool/pool')} Pool
 * @typedef {import('./database-config').DatabaseConfig} DatabaseConfig
 */

/** Names under which programs keep secrets. */
const SECRET = /password|passphrase|secret|token|key$|^pfx$|^command$/i;

/** Names of what is a connection string, in whatever form. */
const CONNECTION = ['connectionString', 'url'];

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
    const isConnection = typeof part === 'string' && CONNECTION.includes(name);
    copy[name] = isSecret ? HIDDEN : isConnection ? withoutPassword(part) : printable(part, copies);
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
    const isLogin = url.username !== '' || url.password !== '';
    // What isn't encoded may be a password beyond what a URL takes for it.
    if (connectionString.split('@').length > (isLogin ? 2 : 1) || url.hash !== '') return HIDDEN;
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
 * Whatever the configuration's class is and whatever is hidden in it, only its enumerable properties are printed.
 *
 * @param {{ config: DatabaseConfig, pool: Pool | undefined }} entry
 */
function shownEntry(entry) {
  const { config } = entry;
  // A text in the place of a configuration may be a connection string.
  if (config === null || typeof config !== 'object')
    return printable({ ...entry, config: shownWithoutText(config) });
  const { ssl } = config;
  const listed = { ...config };
  if (ssl && typeof ssl === 'object') listed.ssl = { ...ssl };
  return printable({ ...entry, config: listed });
}

module.exports = { shownEntry };
