'use strict';

const { callOut, inContext, rejectAtCaller } = require('./caller');

/**
 * A callback that was given, or the promise that stands for it.
 *
 * @template T
 */
class Answer {
  /**
   * @param {PromiseConstructor} PromiseType
   * @param {Function | undefined} callback
   */
  constructor(PromiseType, callback) {
    /** @type {((...args: any[]) => any) | undefined} */
    this.callback = callback ? inContext(callback) : undefined;
    /** @type {any} */
    this.resolve = undefined;
    /** @type {Promise<T> | undefined} */
    this.promise = callback
      ? undefined
      : new PromiseType((resolve) => {
          this.resolve = resolve;
        });
  }

  /** @param {...any} values what the callback gets after the error; the promise takes the first */
  succeed(...values) {
    if (this.callback) callOut(this.callback, undefined, ...values);
    else this.resolve(values[0]);
  }

  /**
   * @param {any} error
   * @param {...any} rest what else a callback gets
   */
  fail(error, ...rest) {
    if (this.callback) callOut(this.callback, error, ...rest);
    else rejectAtCaller(this.resolve, error);
  }
}

function noRelease() {
  return undefined;
}

/** A request for a client of a pool. */
class AcquireRequest {
  /**
   * @param {import('./pool')} pool
   * @param {Answer<any>} answer
   */
  constructor(pool, answer) {
    this.pool = pool;
    this.answer = answer;
  }

  /** @param {any} connection */
  done(connection) {
    this.pool._deliver(connection, connection.isNew, this);
  }

  /** @param {any} error */
  fail(error) {
    this.pool._relax();
    this.answer.fail(this.pool._explain(error), undefined, noRelease);
  }

  /** @param {import('./client')} client */
  succeed(client) {
    this.answer.succeed(client, /** @type {any} */ (client).release);
  }
}

/** What the native side tells about a pool. */
class PoolLink {
  /** @param {import('./pool')} pool */
  constructor(pool) {
    this.pool = pool;
  }

  /** @param {number} connectionId */
  removed(connectionId) {
    this.pool._handleRemoved(connectionId);
  }

  /**
   * @param {number} connectionId
   * @param {Error} error
   */
  idleError(connectionId, error) {
    this.pool._handleIdleError(connectionId, error);
  }

  /** @param {number} token */
  password(token) {
    this.pool._providePassword(token);
  }
}

module.exports = { AcquireRequest, Answer, PoolLink };
