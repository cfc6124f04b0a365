'use strict';

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

module.exports = { warnOfLoss };
