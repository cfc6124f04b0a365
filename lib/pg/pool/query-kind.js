'use strict';

const { LONGEST_NAME } = require('../query/statement-name');

/**
 * Properties of a query that decide how a pool runs it.
 *
 * @typedef {{ submit?: unknown, signal?: AbortSignal, name?: string, query_timeout?: unknown, rows?: unknown, portal?: unknown }} Query
 */

/**
 * @param {unknown} query
 * @returns {query is Query & { signal: AbortSignal }}
 */
function hasSignal(query) {
  if (query === null || typeof query !== 'object') return false;
  const { submit, signal } = /** @type {Query} */ (query);
  return typeof submit !== 'function' && Boolean(signal);
}

/**
 * Whether a query is a text or a configuration that needs no client of its own.
 *
 * @param {unknown} query
 * @returns {query is import('./native-queries').PlainQuery}
 */
function isPlain(query) {
  if (typeof query === 'string') return true;
  if (query === null || typeof query !== 'object') return false;
  const { submit, query_timeout: timeout, rows, portal, name } = /** @type {Query} */ (query);
  // A client warns of a name that is too long for the server.
  return (
    typeof submit !== 'function' && !timeout && !rows && !portal && !(name && name.length > LONGEST_NAME)
  );
}

module.exports = { hasSignal, isPlain };
