'use strict';

const { callOut } = require('../pg/call/caller');
const Result = require('../pg/query/result');
const CopyLease = require('./copy-lease');
const { Lease, foreignConnection } = require('./lease');

/**
 * A copy stream's turn in the client's queue, and how it ended: before its turn there is no lease, data waits until the
 * server takes it, and the turn ends when the client has its connection back.
 */
class CopyTurn {
  /** @param {import('./copy-lease').CopyStream} stream which gets the `_copy…` calls of the lease */
  constructor(stream) {
    this.stream = stream;
    /** @type {CopyLease | null} */
    this.lease = null;
    /** @type {(() => void) | null} what waits for the server to take data */
    this.listener = null;
    /** @type {(() => void) | null} what waits for the end */
    this.endListener = null;
    /** @type {((error?: Error | null) => void) | null} what finishes the stream, once all of its data is sent */
    this.finisher = null;
    /** @type {Error | null} the first failure that the client reported */
    this.failure = null;
    this.isTold = false;
  }

  /**
   * The turn has come.
   *
   * @param {import('../pg/client/connection')} connection
   * @param {{ eachMessage?: boolean }} [options]
   * @returns {Error | undefined} why nothing is sent
   */
  begin(connection, options) {
    if (this.stream.destroyed) return new Error('The stream was destroyed before its turn came');
    if (!Lease.isPossible(connection)) return foreignConnection('A copy stream');
    this.lease = new CopyLease(connection, this.stream, options);
    return undefined;
  }

  /** @returns {CopyLease} the lease, once the turn has come */
  get current() {
    return /** @type {CopyLease} */ (this.lease);
  }

  /** Nothing of the stream's is under way: not yet, or not any more. */
  get isIdle() {
    return this.lease === null || this.lease.isOver;
  }

  /**
   * The server has confirmed the COPY, although the connection was lost then. With another statement behind it in the
   * same text, that confirmation isn't final.
   */
  get isKnownToBeDone() {
    const { lease, stream } = this;
    const isAlone = !String(stream.text).trimEnd().slice(0, -1).includes(';');
    return lease !== null && lease.isLost && lease.isSent && lease.isComplete && isAlone;
  }

  /** The server takes data. */
  started() {
    const { listener } = this;
    this.listener = null;
    if (listener !== null) listener();
  }

  /** @param {() => void} listener called when the server takes data, at once if it does already */
  onceStarted(listener) {
    if (this.lease !== null && this.lease.isStarted) listener();
    else this.listener = listener;
  }

  /** @param {() => void} listener called when the client has its connection back and has said how it ended */
  onceOver(listener) {
    this.endListener = listener;
  }

  /** The client has its connection back. */
  over() {
    const { endListener } = this;
    this.endListener = null;
    if (endListener !== null) endListener();
  }

  /**
   * The client says that it failed.
   *
   * @param {Error} error
   */
  failed(error) {
    if (this.finisher !== null && this.isKnownToBeDone) {
      this.succeed();
      return;
    }
    this.listener = null;
    this.failure ??= error;
    this.tell(error);
    // If it was destroyed already, it has been waiting for the server's answer; then this is the stream's error.
    this.stream.destroy(error);
  }

  /** The server has all of the data. */
  succeed() {
    const { finisher } = this;
    this.finisher = null;
    this.tell(null);
    finisher?.();
    this.stream._copySucceeded?.();
  }

  /**
   * The server has ended it in another way than the stream expects.
   *
   * @param {Error} error
   */
  refuse(error) {
    this.tell(error);
    this.stream.destroy(error);
  }

  /**
   * Tells the callback that came with the stream, as a pool's does, which waits for it with a client.
   *
   * @param {Error | null} error
   */
  tell(error) {
    const { stream } = this;
    if (this.isTold || !stream.callback) return;
    this.isTold = true;
    if (error !== null) {
      callOut(stream.callback, error);
      return;
    }
    const result = new Result();
    result.command = 'COPY';
    result.rowCount = stream.rowCount;
    callOut(stream.callback, null, result);
  }
}

module.exports = CopyTurn;
