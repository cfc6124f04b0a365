'use strict';

const { isWaitTimeout } = require('../../errors');
const { callOut, inContext, rejectAtCaller } = require('../call/caller');
const { tellSettled } = require('../call/settlement');

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

  /** Succeeds without any value, not even a place for an error. */
  finish() {
    if (this.callback) callOut(this.callback);
    else this.resolve();
  }

  /**
   * @param {any} error
   * @param {...any} rest what else a callback gets
   */
  fail(error, ...rest) {
    if (this.callback) callOut(this.callback, error, ...rest);
    else rejectAtCaller(this.resolve, error);
  }

  /**
   * Fails with the reason of a signal, which is the caller's own object: its stack isn't ours to write.
   *
   * @param {any} reason
   * @param {...any} rest what else a callback gets
   */
  abort(reason, ...rest) {
    if (this.callback) callOut(this.callback, reason, ...rest);
    else this.resolve(Promise.reject(reason));
  }
}

function noRelease() {
  return undefined;
}

const NO_CLIENT = [undefined, noRelease];

/** A request for a client of a pool. */
class AcquireRequest {
  /**
   * @param {import('./checkout')} pool
   * @param {Answer<any>} answer
   */
  constructor(pool, answer) {
    this.pool = pool;
    this.answer = answer;
    /** @type {number | undefined} its number while it waits on the native side */
    this.id = undefined;
    this.isAborted = false;
    /** @type {boolean | undefined} whether the client that came for it was made meanwhile */
    this.isNew = undefined;
    /** @type {(Error & Record<string, any>) | undefined} where it was made, when leaks are looked for */
    this.taken = undefined;
    /** @type {Function[] | undefined} */
    this._onlookers = undefined;
  }

  /** @param {any} connection */
  done(connection) {
    this.id = undefined;
    this.pool._deliver(connection, connection.isNew, this);
  }

  /** @param {any} error */
  fail(error) {
    this.id = undefined;
    this.pool._relax();
    // Whoever has only waited never had a client to give back.
    const outcome = isWaitTimeout(error) ? [] : NO_CLIENT;
    this._settle(this.pool._explain(error), outcome);
  }

  /** @param {any} error as the caller shall see it */
  handleError(error) {
    this._settle(error, NO_CLIENT);
  }

  /**
   * @param {any} error
   * @param {any[]} rest
   */
  _settle(error, rest) {
    if (this.isAborted) return;
    if (this._onlookers !== undefined) tellSettled(this, error, undefined);
    this.answer.fail(error, ...rest);
  }

  /** @param {any} reason */
  abort(reason) {
    this.isAborted = true;
    tellSettled(this, reason, undefined);
    this.answer.abort(reason, ...NO_CLIENT);
  }

  /** @param {import('../client/client')} client */
  succeed(client) {
    if (this.isAborted) {
      // It was on its way to somebody who doesn't want it any more.
      /** @type {any} */ (client).release();
      return;
    }
    if (this.taken !== undefined) this.pool._leaks?.taken(client, this.taken);
    if (this._onlookers !== undefined) {
      tellSettled(this, null, { processID: client.processID, isNew: this.isNew });
    }
    this.answer.succeed(client, /** @type {any} */ (client).release);
  }
}

module.exports = { AcquireRequest, Answer };
