'use strict';

const { native } = require('../binding');

/**
 * What became of a script that failed.
 *
 * @typedef {{ outcome?: 'not applied' | 'partly applied' | 'unknown',
 *   steps?: { statement: string, state: 'done' | 'failed' | 'not run' | 'unknown' }[] }} Fate
 */

/** @type {Fate} */
const NOT_APPLIED = { outcome: 'not applied' };

/**
 * The error with what became of the script; one that can't be written on becomes the cause of another one.
 *
 * @param {any} error
 * @param {Fate} fate
 * @returns {any}
 */
function withFate(error, { outcome, steps }) {
  const isWritable = error !== null && typeof error === 'object' && Object.isExtensible(error);
  const told = isWritable ? error : replacement(error);
  told.outcome = outcome;
  if (steps !== undefined) told.steps = steps;
  return told;
}

/** @param {any} error one that can't be written on, or no object at all */
function replacement(error) {
  const told = new Error(String(error?.message ?? error), { cause: error });
  return error?.code === undefined ? told : Object.assign(told, { code: error.code });
}

/**
 * The error of a call that was given up: one of its own, since one signal may stop many calls.
 *
 * @param {any} reason what the signal was aborted with
 * @param {Fate} fate
 */
function abortError(reason, fate) {
  const { name, message, code } =
    reason !== null && typeof reason === 'object' ? reason : /** @type {any} */ ({});
  const hasName = typeof name === 'string';
  /** @type {Error & Record<string, any>} */
  const error = new Error(typeof message === 'string' ? message : 'This operation was aborted', {
    cause: reason,
  });
  const kept = {
    value: hasName ? name : 'AbortError',
    configurable: true,
    writable: true,
    enumerable: false,
  };
  Object.defineProperty(error, 'name', kept);
  if (typeof code === 'string') error.code = code;
  else if (!hasName || name === 'AbortError') error.code = 'ABORT_ERR';
  return withFate(error, fate);
}

/**
 * What became of a script that was sent by three messages of ours, as far as its text tells.
 *
 * @param {import('../ddl-order').Order} order
 * @param {boolean} isLost whether the connection was lost, in place of a refusal by the server
 * @returns {Fate}
 */
function fateOf(order, isLost) {
  return native.fateOfScript(order.text, order.inTransaction, isLost);
}

/**
 * The fate of a script that has run, of which nobody knows whether it was committed.
 *
 * @param {string} text
 * @returns {Fate}
 */
function unknownFate(text) {
  const { steps = [] } = native.fateOfScript(text, false, true);
  return { outcome: 'unknown', steps };
}

/**
 * The fate of a script that was committed, although the call fails: its result can't be read.
 *
 * @param {string} text
 * @returns {Fate}
 */
function appliedFate(text) {
  const { steps = [] } = unknownFate(text);
  return { outcome: 'partly applied', steps: steps.map(({ statement }) => ({ statement, state: 'done' })) };
}

module.exports = { NOT_APPLIED, abortError, appliedFate, fateOf, unknownFate, withFate };
