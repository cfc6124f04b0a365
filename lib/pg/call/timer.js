'use strict';

const { setTimeout } = require('../../timers');

/** The longest time that a timer of Node can wait, in milliseconds: one for more fires at once. */
const LONGEST_MILLIS = 2 ** 31 - 1;

/**
 * A timer for a limit of the caller's: one that is never reached needs none.
 *
 * @param {() => void} callback
 * @param {number | string | bigint} millis more than a timer can wait (24 days) is that
 * @returns {NodeJS.Timeout | undefined}
 */
function startTimer(callback, millis) {
  const wait = Number(millis);
  return wait === Infinity ? undefined : setTimeout(callback, Math.min(wait, LONGEST_MILLIS));
}

module.exports = { LONGEST_MILLIS, startTimer };
