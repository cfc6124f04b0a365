'use strict';

/** What node-postgres says of a connection that its own side hasn't ended. */
const UNEXPECTED_END = 'Connection terminated unexpectedly';

const MERE_ENDS = new Set([
  UNEXPECTED_END,
  'Connection terminated',
  // The native side's word where a query came behind the end.
  'Client has encountered a connection error and is not queryable',
]);

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

module.exports = { UNEXPECTED_END, isMereEnd, warnOfLoss };
