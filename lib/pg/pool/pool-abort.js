'use strict';

const { thrown } = require('../../errors');
const { nextTick } = require('../../timers');
const { onAbort, signalOf } = require('../call/abort');
const Client = require('../client/client');
const { Answer } = require('./pool-requests');

/**
 * Runs work on a client of a pool until it is done or a signal aborts. The client is given back once nothing of it is
 * left on the server, even when the caller has been told long before.
 *
 * @param {any} pool
 * @param {{ signal: AbortSignal }} options
 * @param {Function | undefined} callback
 * @param {(client: any, done: (error: any, result?: any) => void) => void} work
 * @returns {any} a promise, unless there is a callback
 */
function runObeying(pool, options, callback, work) {
  const answer = new Answer(pool.Promise, callback);
  const settle = (/** @type {any} */ error, /** @type {any} */ result) => {
    if (!error) answer.succeed(result);
    else if (options.signal.aborted && error === options.signal.reason) answer.abort(error);
    else answer.fail(error);
  };
  pool.connect({ signal: options.signal }, (/** @type {any} */ failure, /** @type {any} */ client) => {
    if (failure) {
      settle(failure, undefined);
      return;
    }
    let isDone = false;
    const done = (/** @type {any} */ error, /** @type {any} */ result) => {
      if (isDone) return;
      isDone = true;
      forget();
      client.removeListener('error', done);
      giveBack(client, error);
      settle(error, result);
    };
    // Clients of another make know nothing of signals: then closing the connection is all that can be done.
    const forget =
      client instanceof Client
        ? () => undefined
        : onAbort(options.signal, (/** @type {any} */ reason) => done(reason, undefined));
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
 * @param {any} client
 * @param {any} error
 */
function giveBack(client, error) {
  const { release } = client;
  if (!error || !(client instanceof Client)) {
    client.release(error);
    return;
  }
  // Until then it is nobody's, so that nobody is to be told or warned when its connection is lost.
  client.on('error', ignore);
  // What was cancelled may still be under way. A transaction that it leaves open ends with the connection.
  client._whenDry(() => {
    client.removeListener('error', ignore);
    release(client._txStatus === 'I' ? undefined : error);
  });
}

function ignore() {
  return undefined;
}

/**
 * `pool.query` with a signal.
 *
 * @param {any} pool
 * @param {Record<string, any>} config
 * @param {any[] | undefined} values
 * @param {Function | undefined} callback
 * @returns {any}
 */
function queryObeying(pool, config, values, callback) {
  const signal = refused(pool, config, callback);
  if (!(signal instanceof Answer)) {
    return runObeying(pool, { signal }, callback, (client, done) => client.query(config, values, done));
  }
  return signal.promise;
}

/**
 * The signal, or the answer that there won't be anything because it is none.
 *
 * @param {any} pool
 * @param {Record<string, any>} config
 * @param {Function | undefined} callback
 * @returns {any}
 */
function refused(pool, config, callback) {
  try {
    return signalOf(config);
  } catch (error) {
    const answer = new Answer(pool.Promise, callback);
    nextTick(() => answer.fail(error));
    return answer;
  }
}

module.exports = { queryObeying, runObeying };
