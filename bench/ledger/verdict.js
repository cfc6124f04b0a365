'use strict';

const { mustBe } = require('./untrue.js');

/** By `error.outcome`. No script here ends its own transaction, so none can be 'partly applied'. */
const STATES_OF_OUTCOMES = { 'not applied': 'refused', unknown: 'unknown' };

/** Words of errors that come before anything is sent. */
const NOTHING_SENT = [
  'Cannot use a pool after calling end on the pool',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'The DatabaseManager is closed',
  'timeout exceeded when trying to connect',
];
const PHASES_OF_CONNECTING = ['connect', 'tls', 'authenticate', 'wait'];
/** The server starts up or shuts down, or has no connection left: it says so to clients that log in. */
const NO_LOGIN = ['57P03', '53300'];

/**
 * What an error of a query says about its statement.
 *
 * @param {any} error
 * @returns {import('./journal.js').State}
 */
function stateOf(error) {
  // The statement failed, and with it the transaction that it was. A FATAL end of the connection says less.
  if (error.severity === 'ERROR') return 'refused';
  if (error.code === 'ECONNREFUSED' || NO_LOGIN.includes(error.code)) return 'refused';
  if (PHASES_OF_CONNECTING.includes(error.phase)) return 'refused';
  return NOTHING_SENT.includes(error.message) ? 'refused' : 'unknown';
}

/**
 * What an error of `executeDDL` says about its script.
 *
 * @param {any} error
 * @returns {import('./journal.js').State}
 */
function stateOfScript(error) {
  const state = STATES_OF_OUTCOMES[error.outcome];
  mustBe(state !== undefined, `executeDDL rejected with the outcome ${error.outcome}: ${wordsOf(error)}`);
  return state;
}

/** @param {any} error @returns {string} */
function wordsOf(error) {
  const { name, code, severity, message, outcome } = error;
  return [name, severity, code, message, outcome && `(${outcome})`].filter(Boolean).join(' ');
}

module.exports = { stateOf, stateOfScript, wordsOf };
