'use strict';

/**
 * @typedef {import('../../rows/types').Types} Types
 * @typedef {import('./result')} Result
 */

/**
 * @typedef {(error: unknown, result?: Result | Result[]) => unknown} Callback
 */

/**
 * A query as programs describe it, and as far as this package reads it. Values come from the program: they are checked
 * where they are used.
 *
 * @typedef {object} QueryConfig
 * @property {string} [text]
 * @property {unknown[]} [values]
 * @property {string} [name]
 * @property {string} [rowMode] 'array' for rows as arrays
 * @property {Types} [types]
 * @property {boolean} [binary]
 * @property {string} [queryMode] 'extended' for the extended protocol even without values
 * @property {number} [rows] of a page
 * @property {string} [portal]
 * @property {number} [query_timeout] milliseconds
 * @property {AbortSignal} [signal]
 * @property {Callback} [callback]
 */

/**
 * Brings the argument shapes of `query(…)` into one object. The caller's object is copied, never changed; getters and
 * the prototype stay what they are.
 *
 * @param {string | QueryConfig} config
 * @param {unknown[] | Callback} [values]
 * @param {Callback} [callback]
 * @returns {QueryConfig}
 */
function normalizeQueryConfig(config, values, callback) {
  /** @type {QueryConfig} */
  let normalized;
  if (typeof config === 'string') {
    normalized = { text: config };
  } else if (config == null) {
    normalized = config;
  } else {
    normalized = Object.create(Object.getPrototypeOf(config), Object.getOwnPropertyDescriptors(config));
  }
  if (typeof values === 'function') normalized.callback = values;
  else if (values) normalized.values = values;
  if (callback) normalized.callback = callback;
  return normalized;
}

module.exports = { normalizeQueryConfig };
