'use strict';

const { Writable } = require('node:stream');

const CopyLoan = require('./copy-loan');
const { Loan, foreignConnection } = require('./loan');

/** Small chunks are joined to messages of this many bytes: a message costs a call to the native side and a write. */
const MESSAGE_BYTES = 64 * 1024;

/** What the server is told when the stream is destroyed without an error. */
const DESTROYED = 'The stream was destroyed';

/** @returns {undefined} */
function nothing() {
  return undefined;
}

/** `COPY … FROM STDIN` as a stream to write to, with the API of npm's pg-copy-streams. */
class CopyFrom extends Writable {
  /**
   * @param {string} text
   * @param {import('node:stream').WritableOptions} [options]
   */
  constructor(text, options) {
    super({ ...options, decodeStrings: true, objectMode: false });
    this.text = text;
    /** Rows that were copied, once it has finished. */
    this.rowCount = 0;
    /** @type {CopyLoan | null} */
    this._loan = null;
    /** @type {Buffer | null} small chunks that wait for company */
    this._joined = null;
    this._joinedBytes = 0;
    this._isScheduled = false;
    /** @type {Error | null} what the client or the server said */
    this._failure = null;
    /** @type {(() => void) | null} what waits for the server to take data */
    this._whenStarted = null;
    /** @type {((error?: Error | null) => void) | null} */
    this._whenOver = null;
  }

  /**
   * For the client: its turn has come.
   *
   * @param {any} connection
   */
  submit(connection) {
    if (this.destroyed) return new Error('The stream was destroyed before its turn came');
    if (!Loan.isPossible(connection)) return foreignConnection('A copy stream');
    this._loan = new CopyLoan(connection, this);
    return undefined;
  }

  _copyStarted() {
    const listener = this._whenStarted;
    this._whenStarted = null;
    if (listener !== null) listener();
  }

  /** @param {() => void} listener */
  _onceStarted(listener) {
    if (this._loan !== null && this._loan.isStarted) listener();
    else this._whenStarted = listener;
  }

  /**
   * @param {Buffer} chunk
   * @param {string} _encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(chunk, _encoding, callback) {
    this._onceStarted(() => this._send(chunk, callback));
  }

  /**
   * @param {Uint8Array} chunk
   * @param {(error?: Error | null) => void} callback
   */
  _send(chunk, callback) {
    const loan = /** @type {CopyLoan} */ (this._loan);
    const { length } = chunk;
    if (this._joinedBytes + length <= MESSAGE_BYTES && length < MESSAGE_BYTES) {
      this._join(chunk);
      callback();
      return;
    }
    this._sendJoined(() => {
      if (length < MESSAGE_BYTES) {
        this._join(chunk);
        callback();
      } else {
        loan.write(chunk, callback);
      }
    });
  }

  /** @param {Uint8Array} chunk */
  _join(chunk) {
    if (this._joined === null) this._joined = Buffer.allocUnsafeSlow(MESSAGE_BYTES);
    this._joined.set(chunk, this._joinedBytes);
    this._joinedBytes += chunk.length;
    if (this._isScheduled) return;
    this._isScheduled = true;
    // Nobody can tell whether there is more to come, so that what is there leaves when this turn of the loop is over.
    setImmediate(() => {
      this._isScheduled = false;
      this._sendJoined(nothing);
    });
  }

  /** @param {() => void} callback called when there is room for more */
  _sendJoined(callback) {
    const size = this._joinedBytes;
    this._joinedBytes = 0;
    if (size === 0) callback();
    else
      /** @type {CopyLoan} */ (this._loan).write(
        /** @type {Buffer} */ (this._joined).subarray(0, size),
        callback,
      );
  }

  /** @param {(error?: Error | null) => void} callback called when the data is visible and the client is free */
  _final(callback) {
    this._whenOver = callback;
    this._onceStarted(() => this._sendJoined(() => /** @type {CopyLoan} */ (this._loan).finish()));
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback called when the server has thrown away what it got
   */
  _destroy(error, callback) {
    this._joinedBytes = 0;
    this._joined = null;
    const loan = this._loan;
    if (loan === null || loan.isOver || loan.isSent) {
      callback(error);
      return;
    }
    this._whenOver = callback;
    this._onceStarted(() => loan.refuse(error ? error.message : DESTROYED));
  }

  /**
   * For the client.
   *
   * @param {Error} error
   */
  handleError(error) {
    this._failure = this._failure || error;
    this._whenStarted = null;
    // Destroyed already, it has been waiting for what the server says; then this is the stream's error.
    if (this._whenOver === null || !this.destroyed) {
      this._whenOver = null;
      this.destroy(error);
    }
  }

  /** For the client. */
  handleReadyForQuery() {
    const callback = this._whenOver;
    this._whenOver = null;
    if (callback !== null && /** @type {CopyLoan} */ (this._loan).isSent) callback();
    else
      this.destroy(new Error(`${JSON.stringify(this.text)} takes no data; it must be a COPY … FROM STDIN`));
  }

  /** The client has its connection back. */
  _returned() {
    const callback = this._whenOver;
    this._whenOver = null;
    if (callback !== null) callback(this._failure);
  }
}

module.exports = CopyFrom;
