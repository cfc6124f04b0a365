'use strict';

const assert = require('node:assert/strict');

/**
 * Waits for a promise that has to reject, and hands over the reason.
 *
 * @param {Promise<unknown>} promise
 * @param {string} [what] for the message when it resolves
 * @returns {Promise<any>}
 */
async function failure(promise, what = 'the promise') {
  let value;
  try {
    value = await promise;
  } catch (error) {
    assert.ok(error instanceof Error, `${what} rejected with something that isn't an Error`);
    return error;
  }
  return assert.fail(`${what} should have rejected, but resolved with ${String(value)}`);
}

/**
 * Waits until `condition` holds, looking again and again.
 *
 * @param {() => unknown} condition may be asynchronous
 * @param {string} what for the message when it doesn't come true
 * @param {number} [timeoutMillis] a watchdog
 */
async function eventually(condition, what, timeoutMillis = 10_000) {
  const deadline = Date.now() + timeoutMillis;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) assert.fail(`${what} didn't come true within ${timeoutMillis} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * A promise that must settle: rejects when it doesn't, so that a hang is a failure and not a stuck run.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 * @param {number} [timeoutMillis] a watchdog
 * @returns {Promise<T>}
 */
async function settled(promise, what, timeoutMillis = 20_000) {
  let timer;
  const watchdog = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `${what} hung` })), timeoutMillis);
  });
  try {
    return await Promise.race([promise, watchdog]);
  } finally {
    clearTimeout(timer);
  }
}

module.exports = { eventually, failure, settled };
