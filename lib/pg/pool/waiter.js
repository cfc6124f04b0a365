'use strict';

const { clearTimeout } = require('../../timers');
const { callOut } = require('../call/caller');
const { startTimer } = require('../call/timer');
const { WAIT_TIMEOUT } = require('../../texts');

/** @import { PooledClient, Release } from './client-keeper' */

/**
 * What waits for a client. Programs that call `newClient` themselves bring their own.
 *
 * @typedef {object} Waiter
 * @property {(error?: unknown, client?: PooledClient, release?: Release) => void} callback
 * @property {boolean} [timedOut] whether a client that comes for it goes back
 */

/**
 * @param {import('./pool-requests').AcquireRequest} request
 * @returns {Waiter} what stands for it in a pool's queue
 */
function waiterOf(request) {
  return {
    callback: (error, ...rest) => {
      if (error) request.handleError(error, rest);
      else request.succeed(.../** @type {[PooledClient, Release]} */ (rest));
    },
  };
}

/**
 * Lets a waiter wait no longer than that.
 *
 * @param {import('./pool')} pool
 * @param {Waiter} waiter
 * @param {number} millis
 */
function limit(pool, waiter, millis) {
  const { callback } = waiter;
  const timer = startTimer(() => {
    pool._pendingQueue = pool._pendingQueue.filter((other) => other !== waiter);
    // A client that still comes for it is released.
    waiter.timedOut = true;
    callback(new Error(WAIT_TIMEOUT));
  }, millis);
  timer?.unref();
  waiter.callback = (...outcome) => {
    clearTimeout(timer);
    callback(...outcome);
  };
}

/**
 * @param {Waiter} waiter
 * @param {...unknown} outcome
 */
function tell(waiter, ...outcome) {
  if (!waiter.timedOut) callOut(waiter.callback, ...outcome);
}

module.exports = { limit, tell, waiterOf };
