'use strict';

// node-postgres's words for a connection that is gone; the native side has the same.

const TERMINATED = 'Connection terminated';
const UNEXPECTED_END = 'Connection terminated unexpectedly';
/** Of a query that comes behind the end. */
const NOT_QUERYABLE = 'Client has encountered a connection error and is not queryable';
/** Of a query that comes behind a goodbye. */
const CLOSED = 'Client was closed and is not queryable';

const MERE_ENDS = new Set([TERMINATED, UNEXPECTED_END, NOT_QUERYABLE, CLOSED]);

/** @param {boolean} isExpected whether the client itself has ended the connection */
function endError(isExpected) {
  return new Error(isExpected ? TERMINATED : UNEXPECTED_END);
}

/**
 * Whether an error says no more than that the connection is gone. A client tells that to everybody at once, in
 * `_handleClosed`, which comes soon behind it.
 *
 * @param {{ message: string }} error
 */
function isMereEnd({ message }) {
  return MERE_ENDS.has(message);
}

/**
 * Reports that a client has lost its connection while nobody listened for errors and nothing was under way that could
 * fail. node-postgres ends the process here, with an 'error' event that nobody can catch.
 *
 * @param {Error} error
 */
function warnOfLoss(error) {
  process.emitWarning(`A client has lost its connection: ${error.message}`, {
    type: 'ConnectionLostWarning',
    code: 'PGFLEET_CONNECTION_LOST',
    detail: "Nobody listens to the client's 'error' event; its next query fails.",
  });
}

module.exports = { CLOSED, NOT_QUERYABLE, TERMINATED, UNEXPECTED_END, endError, isMereEnd, warnOfLoss };
