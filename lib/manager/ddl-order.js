'use strict';

const { signalOf } = require('../pg/call/abort');
const { amount, shown } = require('../pg/settings/option');
const { NO_ARRAY_OF_VALUES } = require('../texts');

/**
 * @typedef {import('../rows/types').Types} Types
 * @typedef {import('../pg/query/query-config').QueryConfig} QueryConfig
 */

/**
 * What `executeDDL` was asked to do.
 *
 * @typedef {object} Order
 * @property {string} text
 * @property {unknown[] | undefined} values
 * @property {boolean} inTransaction
 * @property {'confirmed' | 'pipelined'} commit
 * @property {AbortSignal | undefined} signal
 * @property {((notice: unknown) => void) | undefined} onNotice
 * @property {string | undefined} name
 * @property {string | undefined} rowMode
 * @property {Types | undefined} types
 * @property {boolean | undefined} binary
 * @property {string | undefined} queryMode
 * @property {number} queryTimeout milliseconds; 0 for that of the pool
 * @property {string | QueryConfig} query the text or configuration, for `client.query`
 */

/**
 * Options of `executeDDL`, which are the program's.
 *
 * @typedef {{ useTransaction?: unknown, transaction?: unknown, commit?: unknown, signal?: unknown, onNotice?: unknown }} DdlOptions
 */

/** @type {('confirmed' | 'pipelined')[]} */
const COMMITS = ['confirmed', 'pipelined'];

/**
 * The order that the arguments of `executeDDL` give.
 *
 * @param {string | String | QueryConfig} sql what `client.query` takes: a text, or a configuration
 * @param {boolean | DdlOptions | undefined} useTransaction a boolean, or the options
 * @param {DdlOptions | undefined} options
 * @returns {Order}
 * @throws {TypeError} when they say something that can't be
 */
function toOrder(sql, useTransaction, options) {
  const isObject = typeof useTransaction === 'object' && useTransaction !== null;
  const given = (isObject ? useTransaction : options) ?? {};
  if (typeof given !== 'object') {
    throw new TypeError(`The options of executeDDL must be an object, got ${shown(given)}`);
  }
  const isConfig = sql !== null && typeof sql === 'object' && !(sql instanceof String);
  const config = /** @type {QueryConfig & { submit?: unknown }} */ (isConfig ? sql : { text: sql });
  if (typeof config.submit === 'function') {
    throw new TypeError(
      'executeDDL takes a text or a query configuration, not an object with a submit method',
    );
  }
  const asked = /** @type {unknown} */ (config.text);
  const text = asked instanceof String ? String(asked) : asked;
  if (typeof text !== 'string') throw new TypeError(`SQL must be a string, got ${shown(text)}`);
  if (config.values && !Array.isArray(config.values)) throw new Error(NO_ARRAY_OF_VALUES);
  return {
    text,
    values: config.values,
    inTransaction: inTransaction(isObject ? given.useTransaction : useTransaction, given.transaction),
    commit: commitOf(given.commit),
    signal: signalOf(given) ?? signalOf(config),
    onNotice: listener('onNotice', given.onNotice),
    name: config.name,
    rowMode: config.rowMode,
    types: config.types,
    binary: config.binary,
    queryMode: config.queryMode,
    queryTimeout: amount('query_timeout', config.query_timeout),
    query: sql instanceof String ? text : config === sql ? { ...config, text } : text,
  };
}

/**
 * @param {unknown} useTransaction the guide's argument
 * @param {unknown} transaction
 */
function inTransaction(useTransaction, transaction) {
  if (transaction === undefined) return useTransaction === undefined || Boolean(useTransaction);
  if (typeof transaction !== 'boolean') {
    throw new TypeError(`"transaction" must be true or false, got ${shown(transaction)}`);
  }
  if (useTransaction !== undefined && Boolean(useTransaction) !== transaction) {
    throw new TypeError(
      '"useTransaction" and "transaction" say the opposite of each other; give one of them',
    );
  }
  return transaction;
}

/**
/**
 * @param {string} name
 * @param {unknown} value
 * @returns {((event: unknown) => void) | undefined}
 */
function listener(name, value) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'function') throw new TypeError(`"${name}" must be a function, got ${shown(value)}`);
  return /** @type {(event: unknown) => void} */ (value);
}

/**
 * @param {unknown} commit
 * @returns {'confirmed' | 'pipelined'}
 */
function commitOf(commit) {
  if (commit === undefined) return 'confirmed';
  const word = COMMITS.find((one) => one === commit);
  if (word !== undefined) return word;
  throw new TypeError(`"commit" must be 'confirmed' or 'pipelined', got ${shown(commit)}`);
}

module.exports = { toOrder };
