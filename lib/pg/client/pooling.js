'use strict';

const { native } = require('../../native/binding');
const { fromNative } = require('../../errors');

/** @typedef {import('../../native/addon').Pooling} Pooling */

/** Of Supabase's poolers in transaction mode. */
const TRANSACTION_PORT = 6543;

/** @type {WeakMap<object, () => Pooling>} what is known of the poolers of connections in messages */
const known = new WeakMap();

/**
 * @param {object} connection in messages
 * @param {() => Pooling} pooling what is known of its pooler now
 */
function notePooling(connection, pooling) {
  known.set(connection, pooling);
}

/**
 * What is known of a pooler that the program itself has brought the way to.
 *
 * @param {import('../../native/addon').Settings} settings
 * @returns {Pooling}
 */
function poolingOf({ poolMode, hosts }) {
  if (poolMode !== null) return /** @type {Pooling} */ (poolMode);
  return hosts[0].port === TRANSACTION_PORT ? 'transaction' : 'unknown';
}

/**
 * @param {object} connection
 * @param {string | undefined} text
 * @returns {Error | null} why it isn't sent on this connection, which a pooler in transaction mode lends
 */
function refusedByPooler(connection, text) {
  if (text === undefined || known.get(connection)?.() !== 'transaction') return null;
  const refusal = native.refusalInTransactionMode(text);
  return refusal && fromNative(refusal);
}

/**
 * @param {object} connection
 * @returns {boolean} whether statements are sent without their names, which a pooler may not know the next time
 */
function leavesOutNames(connection) {
  const pooling = known.get(connection)?.();
  return pooling === 'transaction' || pooling === 'unproven';
}

module.exports = { leavesOutNames, notePooling, poolingOf, refusedByPooler };
