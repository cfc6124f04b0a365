'use strict';

const { inspect } = require('node:util');

const SECRETS = new Set([
  'dbPassword',
  'password',
  'supabaseKey',
  'supabaseServiceKey',
  'serviceRoleKey',
  'key',
  'passphrase',
  'pfx',
]);

const HIDDEN = '[hidden]';

/**
 * A copy for printing: secrets replaced, connection strings without their password.
 *
 * @param {any} value
 * @returns {any}
 */
function printable(value) {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(printable);
  if (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null)
    return value;
  /** @type {Record<string, any>} */
  const copy = {};
  for (const [name, part] of Object.entries(value)) {
    if (SECRETS.has(name) && part !== undefined && part !== null) copy[name] = HIDDEN;
    else if (name === 'connectionString' && typeof part === 'string') copy[name] = withoutPassword(part);
    else copy[name] = printable(part);
  }
  return copy;
}

/** @param {string} connectionString */
function withoutPassword(connectionString) {
  try {
    const url = new URL(connectionString);
    if (url.password) url.password = 'hidden';
    if (url.searchParams.has('password')) url.searchParams.set('password', 'hidden');
    return url.href;
  } catch {
    // Not a URL: where its password stands isn't known.
    return HIDDEN;
  }
}

/**
 * Gives an object a printed form (`console.log`, JSON) without secrets. What the object holds stays readable.
 *
 * @template {object} T
 * @param {T} object
 * @returns {T}
 */
function printedWithoutSecrets(object) {
  const view = () => printable({ ...object });
  Object.defineProperty(object, inspect.custom, { configurable: true, enumerable: false, value: view });
  Object.defineProperty(object, 'toJSON', { configurable: true, enumerable: false, value: view });
  return object;
}

/**
 * What a manager knows of one database.
 *
 * @typedef {object} Entry
 * @property {string} name
 * @property {Record<string, any>} config the configuration as it was given, with its secrets
 * @property {any} pool
 * @property {string | undefined} supabaseUrl
 * @property {string | undefined} supabaseKey
 */

/**
 * @param {string} name
 * @param {Record<string, any>} config
 * @param {any} pool
 * @returns {Entry}
 */
function makeEntry(name, config, pool) {
  const { supabaseUrl, supabaseKey } = config;
  const kept = printedWithoutSecrets({ ...config });
  if (kept.ssl !== null && typeof kept.ssl === 'object' && kept.ssl.constructor === Object) {
    // The pool hides the key of its own ssl object; this copy is the caller's, whole.
    kept.ssl = printedWithoutSecrets({ ...config.ssl });
  }
  return printedWithoutSecrets({ name, config: kept, pool, supabaseUrl, supabaseKey });
}

module.exports = { makeEntry };
