'use strict';

const { thrown } = require('../../errors');
const { setImmediate } = require('../../timers');
const { Answer } = require('./pool-requests');

/** @import { PooledClient } from './client-keeper' */

/**
 * A query of a pool's that runs on a client, as all do in pg-pool: takes one, runs it, gives the client back.
 *
 * @param {import('./pool')} pool
 * @param {unknown} text text, configuration or submittable
 * @param {unknown} values
 * @param {Function | undefined} callback
 * @returns {Promise<unknown> | undefined}
 */
function queryOnClient(pool, text, values, callback) {
  if (typeof text === 'function') {
    const refusal = new Answer(pool.Promise, text);
    const message = 'Passing a function as the first parameter to pool.query is not supported';
    setImmediate(() => refusal.fail(new Error(message)));
    return refusal.promise;
  }
  const answer = new Answer(pool.Promise, callback);
  const leaks = pool._leaks;
  if (leaks !== null) leaks.isPaused = true;
  try {
    pool.connect((failure, client) => {
      if (failure) answer.fail(failure);
      else run(pool, /** @type {PooledClient} */ (client), text, values, answer);
    });
  } finally {
    if (leaks !== null) leaks.isPaused = false;
  }
  // Streams that report their failure themselves need no handler for the promise.
  if (/** @type {{ _tellsFailure?: boolean } | null | undefined} */ (text)?._tellsFailure) {
    answer.promise?.then(undefined, () => undefined);
  }
  return answer.promise;
}

/**
 * @param {import('./pool')} pool
 * @param {PooledClient} client
 * @param {unknown} text
 * @param {unknown} values
 * @param {Answer<unknown>} answer
 */
function run(pool, client, text, values, answer) {
  let isOver = false;
  const finish = (/** @type {unknown} */ error, /** @type {unknown} */ result) => {
    if (isOver) return;
    isOver = true;
    client.release(error);
    if (error) answer.fail(error);
    else answer.succeed(result);
  };
  client.once('error', finish);
  pool.log('dispatching query');
  try {
    client.query(text, values, (error, result) => {
      pool.log('query dispatched');
      client.removeListener('error', finish);
      finish(error, result);
    });
  } catch (error) {
    client.removeListener('error', finish);
    finish(thrown(error), undefined);
  }
}

module.exports = { queryOnClient };
