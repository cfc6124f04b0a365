'use strict';

const { AsyncResource } = require('node:async_hooks');
const { nextTick } = require('../../timers');

// How the rest of the library leaves and re-enters the caller's code.

/** @typedef {{ domain?: import('node:domain').Domain | null }} Domained a process, once `node:domain` is in use */

/** @returns {undefined} */
function nothing() {
  return undefined;
}

/**
 * Rejects the promise that `resolve` belongs to, with a stack trace that leads to the code that awaits it instead of to
 * the event loop. Costs nothing until something fails.
 *
 * The engine finds the awaiting functions by following the reactions of the promise whose handler is running. So the
 * handler that captures has to run on a promise which the caller's own follows: `resolve` makes it follow the derived
 * promise one tick later, and the extra `then` lets the handler run after that.
 *
 * @param {(value: Promise<never>) => void} resolve
 * @param {unknown} error
 */
function rejectAtCaller(resolve, error) {
  resolve(
    Promise.resolve()
      .then(nothing)
      .then(() => {
        if (error !== null && typeof error === 'object') pointAtCaller(error);
        throw error;
      }),
  );
}

/** @param {object} error whatever a program may have thrown, such as a frozen object or a proxy */
function pointAtCaller(error) {
  try {
    Error.captureStackTrace(error, pointAtCaller);
  } catch {
    // Then it keeps the stack that it has, if any.
  }
}

/**
 * Binds a callback to the asynchronous context (AsyncLocalStorage, domain) it was passed in.
 *
 * @template {unknown[]} A
 * @param {(...args: A) => unknown} callback
 * @param {unknown} [receiver] its `this`
 * @returns {(...args: A) => unknown}
 */
function inContext(callback, receiver) {
  const { domain } = /** @type {Domained} */ (process);
  const bound = domain ? domain.bind(callback) : callback;
  const resource = new AsyncResource('pgfleet.callback');
  return (...args) => resource.runInAsyncScope(bound, receiver, ...args);
}

/**
 * Calls the caller's code from the middle of the library's: what it throws reaches `uncaughtException` and leaves the
 * library's own work undisturbed.
 *
 * @template {unknown[]} A
 * @param {(...args: A) => unknown} callback
 * @param {A} args
 */
function callOut(callback, ...args) {
  try {
    callback(...args);
  } catch (error) {
    nextTick(() => {
      throw error;
    });
  }
}

/**
 * Emits an 'error' event only if it has listeners: a lost connection must not end the process.
 *
 * @param {import('node:events').EventEmitter} emitter
 * @param {...unknown} args
 */
function emitErrorToListeners(emitter, ...args) {
  if (emitter.listenerCount('error') > 0) callOut(() => emitter.emit('error', ...args));
}

module.exports = { callOut, emitErrorToListeners, inContext, rejectAtCaller };
