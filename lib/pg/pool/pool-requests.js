'use strict';

const { callOut, inContext, rejectAtCaller } = require('../call/caller');
const { tellSettled } = require('../call/settlement');

/** @import { PooledClient, Release } from './client-keeper' */
/** @import NativeKeeper, { NativeConnection } from './native-keeper' */

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
    this.callback = callback && inContext(/** @type {(...outcome: unknown[]) => void} */ (callback));
    /** @type {(outcome?: unknown) => void} */
    this.resolve = noRelease;
    /** @type {Promise<T> | undefined} */
    this.promise = callback
      ? undefined
      : new PromiseType((resolve) => {
          this.resolve = /** @type {(outcome?: unknown) => void} */ (resolve);
        });
  }

  /** @param {...unknown} values what the callback gets after the error; the promise takes the first */
  succeed(...values) {
    if (this.callback) callOut(this.callback, undefined, ...values);
    else this.resolve(values[0]);
  }

  /** Succeeds without a value, not even a place for an error. */
  finish() {
    if (this.callback) callOut(this.callback);
    else this.resolve();
  }

  /**
   * @param {unknown} error
   * @param {...unknown} rest what else a callback gets
   */
  fail(error, ...rest) {
    if (this.callback) callOut(this.callback, error, ...rest);
    else rejectAtCaller(this.resolve, error);
  }

  /**
   * Fails with the reason of a signal, which is the caller's own object: its stack isn't ours to write.
   *
   * @param {unknown} reason
   * @param {...unknown} rest what else a callback gets
   */
  abort(reason, ...rest) {
    if (this.callback) callOut(this.callback, reason, ...rest);
    else this.resolve(Promise.reject(reason));
  }
}

/** @returns {undefined} */
function noRelease() {
  return undefined;
}

/** @type {[client: undefined, release: () => void]} what a callback gets behind most errors */
const NO_CLIENT = [undefined, noRelease];

/** A request for a client of a pool. */
class AcquireRequest {
  /** @param {Answer<PooledClient>} answer */
  constructor(answer) {
    this.answer = answer;
    /** @type {NativeKeeper | undefined} what has registered it with the native side */
    this.owner = undefined;
    /** @type {number | undefined} its number while it waits on the native side */
    this.id = undefined;
    this.isAborted = false;
    /** @type {boolean | undefined} whether the client that came for it was made meanwhile */
    this.isNew = undefined;
    /** @type {((client: PooledClient) => void) | undefined} is told which client it gets, when leaks are looked for */
    this.taken = undefined;
    /** @type {import('../call/settlement').Onlooker[] | undefined} */
    this._onlookers = undefined;
  }

  // What the binding calls.

  /** @param {NativeConnection} connection */
  done(connection) {
    this.id = undefined;
    /** @type {NativeKeeper} */ (this.owner).clients.deliver(connection, connection.isNew, this);
  }

  /** @param {Error} error */
  fail(error) {
    this.id = undefined;
    /** @type {NativeKeeper} */ (this.owner).refuse(this, error);
  }

  // What the pool and its keeper call.

  /**
   * @param {unknown} error as the caller shall see it
   * @param {unknown[]} [rest] what else a callback gets
   */
  handleError(error, rest = NO_CLIENT) {
    if (this.isAborted) return;
    if (this._onlookers !== undefined) tellSettled(this, error, undefined);
    this.answer.fail(error, ...rest);
  }

  /** @param {unknown} reason */
  abort(reason) {
    this.isAborted = true;
    tellSettled(this, reason, undefined);
    this.answer.abort(reason, ...NO_CLIENT);
  }

  /**
   * @param {PooledClient} client
   * @param {Release} [release] gives it back
   */
  succeed(client, release = client.release) {
    if (this.isAborted) {
      // It was meant for a caller that has aborted.
      release();
      return;
    }
    this.taken?.(client);
    if (this._onlookers !== undefined) {
      tellSettled(this, null, { processID: client.processID, isNew: this.isNew });
    }
    this.answer.succeed(client, release);
  }
}

module.exports = { AcquireRequest, Answer, NO_CLIENT };
