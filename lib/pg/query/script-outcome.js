'use strict';

const { native } = require('../../native/binding');

/**
 * @typedef {import('../../errors').PgError} PgError
 * @typedef {import('../../native/addon').Fate} Fate
 */

/** @type {Fate} */
const NOT_APPLIED = { outcome: 'not applied' };

/**
 * The error with what became of the script. One that can't be written on, or says already what became of another
 * script, becomes the cause of another error.
 *
 * @param {unknown} error
 * @param {Fate} fate
 * @returns {PgError}
 */
function withFate(error, { outcome, steps }) {
  const fate = steps === undefined ? { outcome } : { outcome, steps };
  if (mayBeTold(error, fate)) return Object.assign(/** @type {PgError} */ (error), fate);
  const { message, code } = partsOf(error);
  const text = Object(error) === error ? 'What was thrown is no error' : String(error);
  const told = new Error(typeof message === 'string' ? message : text, { cause: error });
  return /** @type {PgError} */ (Object.assign(told, code !== undefined && { code }, fate));
}

/**
 * Whether an error can be written on, and says nothing else yet.
 *
 * @param {unknown} thrown
 * @param {Fate} fate
 */
function mayBeTold(thrown, { outcome, steps }) {
  const error = /** @type {PgError} */ (thrown);
  try {
    const isSame = error.outcome === outcome && !error.steps && !steps;
    return Object.isExtensible(error) && (isSame || !('outcome' in error || 'steps' in error));
  } catch {
    // Nothing, or a proxy that has been revoked.
    return false;
  }
}

/**
 * The name and message of an error, or of a reason.
 *
 * @param {unknown} error anything that a program can throw
 * @returns {{ name?: unknown, message?: unknown, code?: unknown }}
 */
function partsOf(error) {
  try {
    const { name, message, code } = Object(error);
    return { name, message, code };
  } catch {
    // A getter of the program's.
    return {};
  }
}

/**
 * The error of an aborted call: a new one for each, since one signal may stop many calls.
 *
 * @param {unknown} reason what the signal was aborted with
 * @param {Fate} fate
 */
function abortError(reason, fate) {
  const { name, message, code } = typeof reason === 'object' ? partsOf(reason) : {};
  const hasName = typeof name === 'string';
  /** @type {PgError} */
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
 * @param {import('../../manager/ddl-order').Order} order
 * @param {boolean} isLost whether the connection was lost, in place of a refusal by the server
 * @returns {Fate}
 */
function fateOf(order, isLost) {
  return native.fateOfScript(order.text, order.inTransaction, isLost);
}

/**
 * The outcome of a script that has run, when it isn't known whether it was committed.
 *
 * @param {string} text
 * @returns {Fate}
 */
function unknownFate(text) {
  const { steps = [] } = native.fateOfScript(text, false, true);
  return { outcome: 'unknown', steps };
}

/**
 * The outcome of a script that was committed although the call fails: its result can't be read.
 *
 * @param {string} text
 * @returns {Fate}
 */
function appliedFate(text) {
  const { steps = [] } = unknownFate(text);
  return { outcome: 'partly applied', steps: steps.map(({ statement }) => ({ statement, state: 'done' })) };
}

module.exports = { NOT_APPLIED, abortError, appliedFate, fateOf, unknownFate, withFate };
