'use strict';

const { start } = require('../native/binding');
const { Lease } = require('./lease');

/** Each message from the server is a chunk of its own. */
const EACH_MESSAGE = 1;

/** What the server is told when the stream is destroyed without an error. */
const DESTROYED = 'The stream was destroyed';

/** What the server is told that asks for more data when all has been sent. */
const ONE_COPY = 'The stream has the data of one COPY only';

/**
 * @typedef {import('../native/receiver').CopyReceiver} CopyReceiver
 */

/**
 * A stream of COPY, with methods for what happens to it.
 *
 * @typedef {import('node:stream').Stream & {
 *   text: string,
 *   rowCount: number,
 *   destroyed: boolean,
 *   destroy: (error?: Error) => unknown,
 *   callback: import('../pg/query/query-config').Callback | undefined,
 *   _copyStarted: () => void,
 *   _copyData: (bytes: Buffer) => void,
 *   _copyReceived: () => void,
 *   _copySucceeded?: () => void,
 *   _returned: () => void,
 * }} CopyStream
 */

/**
 * A COPY under way, as the binding answers it. Its holder is the stream.
 *
 * @extends {Lease<CopyStream>}
 * @implements {CopyReceiver}
 */
class CopyLease extends Lease {
  /**
   * @param {import('../pg/client/native-connection')} connection
   * @param {CopyStream} stream
   * @param {{ eachMessage?: boolean }} [options]
   */
  constructor(connection, stream, { eachMessage = false } = {}) {
    super(connection, stream);
    /** The server takes data. */
    this.isStarted = false;
    /** Nothing more is sent. */
    this.isSent = false;
    /** The server sends no more data. */
    this.isReceived = false;
    /** The server has said that it is done with the data. */
    this.isComplete = false;
    /** The native side has as much as it wants to keep. */
    this.isFull = false;
    /** @type {(() => void)[]} callbacks that wait for room */
    this.waiters = [];
    start(this, (id) => this.core.copyBegin(id, stream.text, eachMessage ? EACH_MESSAGE : 0));
  }

  /**
   * Sends a message with data, and calls back when there is room for the next one.
   *
   * @param {Uint8Array} bytes
   * @param {(error?: Error | null) => void} callback
   */
  write(bytes, callback) {
    if (!this.isSent && !this.isOver) {
      try {
        this.isFull = !this.core.copyWrite(bytes);
      } catch (error) {
        // More than a message can have.
        callback(/** @type {Error} */ (error));
        return;
      }
    }
    this.onceRoom(callback);
  }

  /** @param {() => void} listener called when there is room for more, at once if there is */
  onceRoom(listener) {
    if (this.isFull) this.waiters.push(listener);
    else listener();
  }

  /** All data is sent. */
  finish() {
    if (this.isSent || this.isOver) return;
    this.isSent = true;
    this.core.copyDone();
  }

  /**
   * Has the server throw away what it got.
   *
   * @param {string} message
   */
  refuse(message) {
    if (this.isSent || this.isOver) return;
    this.isSent = true;
    this.core.copyFail(message);
    this.drained();
  }

  /**
   * The same when the stream is destroyed.
   *
   * @param {Error | null} error
   */
  giveUp(error) {
    this.refuse(error ? error.message : DESTROYED);
  }

  over() {
    super.over();
    this.drained();
  }

  // What the binding calls.

  started() {
    if (this.isSent) {
      // The text has two of them.
      this.core.copyFail(ONE_COPY);
      return;
    }
    this.isStarted = true;
    this.holder._copyStarted();
  }

  drained() {
    const { waiters } = this;
    this.isFull = false;
    this.waiters = [];
    // Each call may fill the buffer again.
    for (const waiter of waiters) this.onceRoom(waiter);
  }

  /** @param {Buffer} bytes */
  data(bytes) {
    if (!this.isDiscarded) this.holder._copyData(bytes);
  }

  suspended() {
    this.isReceived = true;
    if (!this.isDiscarded) this.holder._copyReceived();
  }

  /**
   * @param {string | null} command
   * @param {number | null} rowCount
   */
  complete(command, rowCount) {
    // Other statements in the text have their own counts and ends.
    this.isComplete = this.isSent || this.isReceived;
    if (command === 'COPY' && rowCount !== null) this.holder.rowCount = rowCount;
  }
}

module.exports = CopyLease;
