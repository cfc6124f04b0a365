'use strict';

const { kindOf, ofKind } = require('../../errors');
const { TERMINATED, UNEXPECTED_END } = require('../../texts');

/** @param {boolean} isExpected whether the client itself has ended the connection */
function endError(isExpected) {
  return isExpected ? ofKind('closed', new Error(TERMINATED)) : ofKind('lost', new Error(UNEXPECTED_END));
}

/**
 * Whether an error says no more than that the connection is gone. A client fails all of its queries with that at once,
 * in `_handleClosed`, which follows soon.
 *
 * @param {Error} error
 */
function isMereEnd(error) {
  const kind = kindOf(error);
  return kind === 'closed' || kind === 'lost';
}

/**
 * Whether an error is that of a socket which the other side has closed.
 *
 * @param {Error & { code?: unknown }} error
 */
function isHangUp({ code }) {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/**
 * Identifies one failure of a connection that several requests and the client itself are told of.
 *
 * @param {Error & { code?: unknown }} error
 * @returns {unknown} the error itself, unless others are told of the same failure by errors of their own
 */
function failureOf(error) {
  const kind = kindOf(error);
  return kind === undefined || kind === 'server' ? error : `${kind} ${String(error.code)}`;
}

/**
 * Reports that a client without an 'error' listener has lost its connection while no query was under way that could
 * fail. node-postgres ends the process here, with an 'error' event that can't be caught.
 *
 * @param {Error} error
 */
function warnOfLoss(error) {
  process.emitWarning(`A client has lost its connection: ${error.message}`, {
    type: 'ConnectionLostWarning',
    code: 'PGFLEET_CONNECTION_LOST',
    detail: "The client has no listener for 'error'; its next query fails.",
  });
}

module.exports = { endError, failureOf, isHangUp, isMereEnd, warnOfLoss };
