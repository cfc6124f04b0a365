'use strict';

const { thrown } = require('../../errors');
const { nextTick } = require('../../timers');
const { onAbort, signalOf } = require('../call/abort');
const Client = require('../client/client');
const { Answer } = require('./pool-requests');

/** @import { PooledClient } from './client-keeper' */

/** @typedef {(error: unknown, result?: unknown) => void} Done */

/**
 * Runs work on a client of a pool until it is done or a signal aborts. The client is given back once nothing of it is
 * left on the server, even when the caller has been told long before.
 *
 * @param {import('./pool')} pool
 * @param {{ signal: AbortSignal }} options
 * @param {Function | undefined} callback
 * @param {(client: PooledClient, done: Done) => void} work
 * @returns {Promise<unknown> | undefined} undefined when there is a callback
 */
function runObeying(pool, options, callback, work) {
  const answer = new Answer(pool.Promise, callback);
  /** @type {Done} */
  const settle = (error, result) => {
    if (!error) answer.succeed(result);
    else if (options.signal.aborted && error === options.signal.reason) answer.abort(error);
    else answer.fail(error);
  };
  pool.connect({ signal: options.signal }, (failure, taken) => {
    if (failure) {
      settle(failure);
      return;
    }
    const client = /** @type {PooledClient} */ (taken);
    let isDone = false;
    /** @type {Done} */
    const done = (error, result) => {
      if (isDone) return;
      isDone = true;
      forget();
      client.removeListener('error', done);
      giveBack(client, error);
      settle(error, result);
    };
    // Clients of other classes don't support signals: then the connection can only be closed.
    const forget =
      client instanceof Client ? ignore : onAbort(options.signal, (reason) => done(reason, undefined));
    client.once('error', done);
    try {
      work(client, done);
    } catch (error) {
      done(thrown(error), undefined);
    }
  });
  return answer.promise;
}

/**
 * @param {PooledClient} client
 * @param {unknown} error
 */
function giveBack(client, error) {
  const { release } = client;
  if (!error || !(client instanceof Client)) {
    client.release(error);
    return;
  }
  // Until then nothing uses it, so that a loss of its connection needs no report.
  client.on('error', ignore);
  // What was cancelled may still be under way. A transaction that it leaves open ends with the connection.
  client._whenDry(() => {
    client.removeListener('error', ignore);
    release(client._txStatus === 'I' ? undefined : error);
  });
}

/** @returns {undefined} */
function ignore() {
  return undefined;
}

/**
 * `pool.query` with a signal.
 *
 * @param {import('./pool')} pool
 * @param {object} config
 * @param {unknown[] | undefined} values
 * @param {Function | undefined} callback
 * @returns {Promise<unknown> | undefined}
 */
function queryObeying(pool, config, values, callback) {
  let signal;
  try {
    signal = /** @type {AbortSignal} */ (signalOf(config));
  } catch (error) {
    const answer = new Answer(pool.Promise, callback);
    nextTick(() => answer.fail(error));
    return answer.promise;
  }
  return runObeying(pool, { signal }, callback, (client, done) => client.query(config, values, done));
}

module.exports = { queryObeying };
