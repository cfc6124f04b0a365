'use strict';

const { checkOptionNames } = require('../config/keys-check');
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
 * @property {boolean} inTransaction all of it
 * @property {'transaction' | 'as it is' | 'auto'} mode
 * @property {Care | undefined} care what is asked for beyond running it
 * @property {string | undefined} database
 * @property {((event: unknown) => void) | undefined} onProgress
 * @property {{ isChanged: boolean, isSpoiled: boolean }} session what the script has left in its session
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
 * @typedef {{ useTransaction?: unknown, transaction?: unknown, commit?: unknown, signal?: unknown, database?: unknown,
 *   onNotice?: unknown, onProgress?: unknown, lockTimeout?: unknown, lockBudget?: unknown, retries?: unknown,
 *   statementTimeout?: unknown }} DdlOptions
 */

/**
 * What the native side does for a script besides running it. Times are milliseconds; undefined is no limit.
 *
 * @typedef {import('../native/addon').ScriptCare} Care
 */

/** How long all waiting of a call may last that has a `lockTimeout`, unless it says otherwise. */
const LOCK_BUDGET_MILLIS = 60_000;

/** The options that only the native side can keep. */
const LIMITS = /** @type {const} */ (['lockTimeout', 'lockBudget', 'retries', 'statementTimeout']);

const OPTIONS = [
  ...LIMITS,
  'commit',
  'database',
  'onNotice',
  'onProgress',
  'signal',
  'transaction',
  'useTransaction',
];

/** @type {('confirmed' | 'pipelined')[]} */
const COMMITS = ['confirmed', 'pipelined'];

/**
 * The order that the arguments of `executeDDL` give.
 *
 * @param {string | String | QueryConfig} sql what `client.query` takes: a text, or a configuration
 * @param {boolean | DdlOptions | undefined} useTransaction a boolean, or the options
 * @param {DdlOptions | undefined} options
 * @returns {Order}
 * @throws {TypeError} when they contradict each other or can't be taken
 */
function toOrder(sql, useTransaction, options) {
  const isObject = typeof useTransaction === 'object' && useTransaction !== null;
  if (isObject && options !== undefined && options !== null) {
    throw new TypeError('executeDDL takes its options once, as its second or as its third argument');
  }
  const given = (isObject ? useTransaction : options) ?? {};
  if (typeof given !== 'object') {
    throw new TypeError(`The options of executeDDL must be an object, got ${shown(given)}`);
  }
  checkOptionNames(given, OPTIONS, 'executeDDL');
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
  const transaction = transactionOf(isObject ? undefined : useTransaction, given);
  return {
    text,
    values: config.values,
    inTransaction: transaction === true,
    mode: transaction === 'auto' ? 'auto' : transaction ? 'transaction' : 'as it is',
    care: careOf(given),
    database: databaseOf(given.database),
    onProgress: listener('onProgress', given.onProgress),
    session: { isChanged: false, isSpoiled: false },
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
 * @param {unknown} argument the guide's second argument
 * @param {DdlOptions} given
 * @returns {boolean | 'auto'}
 */
function transactionOf(argument, { useTransaction, transaction }) {
  if (transaction !== undefined && typeof transaction !== 'boolean' && transaction !== 'auto') {
    throw new TypeError(`"transaction" must be true, false or 'auto', got ${shown(transaction)}`);
  }
  /** @type {(boolean | 'auto')[]} */
  const said = [argument, useTransaction].filter((value) => value !== undefined).map(Boolean);
  if (transaction !== undefined) said.push(transaction);
  if (said.some((value) => value !== said[0])) {
    throw new TypeError(
      '"useTransaction" and "transaction" say the opposite of each other; give one of them',
    );
  }
  return said[0] ?? true;
}

/**
 * @param {DdlOptions} given
 * @returns {Care | undefined}
 */
function careOf(given) {
  const { transaction } = given;
  const limits = {
    lockTimeout: limitOf('lockTimeout', given.lockTimeout),
    lockBudget: limitOf('lockBudget', given.lockBudget),
    retries: retriesOf(given.retries),
    statementTimeout: limitOf('statementTimeout', given.statementTimeout),
  };
  const undoesSettings = transaction !== undefined || LIMITS.some((name) => given[name] !== undefined);
  if (!undoesSettings) return undefined;
  if (limits.lockTimeout !== undefined && given.lockBudget === undefined) {
    limits.lockBudget = LOCK_BUDGET_MILLIS;
  }
  return { ...limits, undoesSettings };
}

/**
 * @param {string} name
 * @param {unknown} value milliseconds
 * @returns {number | undefined} undefined for 0 and Infinity, which are no limit
 */
function limitOf(name, value) {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !(value >= 0)) {
    throw new TypeError(
      `"${name}" must be a number of milliseconds that isn't negative, got ${shown(value)}`,
    );
  }
  return value === 0 || value === Infinity ? undefined : value;
}

/**
 * @param {unknown} value
 * @returns {number | undefined} undefined for as many as there is time for
 */
function retriesOf(value) {
  if (value === undefined || value === Infinity) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new TypeError(`"retries" must be a whole number that isn't negative, got ${shown(value)}`);
  }
  return Math.min(value, 2 ** 31);
}

/**
 * @param {unknown} database
 * @returns {string | undefined}
 */
function databaseOf(database) {
  if (database === undefined) return undefined;
  if (typeof database === 'string' && database !== '') return database;
  throw new TypeError(`"database" must be the name of a connection, got ${shown(database)}`);
}

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

module.exports = { LIMITS, toOrder };
