'use strict';

const { Writable } = require('node:stream');

const CopyLoan = require('./copy-loan');
const { Loan, foreignConnection } = require('./loan');

/** Small chunks are joined to messages of this many bytes: a message costs a call to the native side and a write. */
const MESSAGE_BYTES = 64 * 1024;

/** What the server is told when the stream is destroyed without an error. */
const DESTROYED = 'The stream was destroyed';

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
    /** @type {(() => void) | null} what waits for the server to take data */
    this._whenStarted = null;
    /** @type {((error?: Error | null) => void) | null} */
    this._whenOver = null;
    this._isOver = false;
    this._sendJoined = this._sendJoined.bind(this);
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
    setImmediate(this._sendJoined);
  }

  /** @param {() => void} [callback] called when there is room for more */
  _sendJoined(callback) {
    const loan = /** @type {CopyLoan} */ (this._loan);
    const size = this._joinedBytes;
    if (callback === undefined) this._isScheduled = false;
    this._joinedBytes = 0;
    if (size > 0) loan.write(/** @type {Buffer} */ (this._joined).subarray(0, size), callback);
    else if (callback !== undefined) callback();
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
    const callback = this._whenOver;
    this._whenOver = null;
    this._whenStarted = null;
    if (callback !== null && this.destroyed) callback(error);
    else this.destroy(error);
  }

  /** For the client. */
  handleReadyForQuery() {
    const callback = this._whenOver;
    this._whenOver = null;
    if (callback !== null && /** @type {CopyLoan} */ (this._loan).isSent) callback();
    else this.destroy(new Error(`${JSON.stringify(this.text)} takes no data; it must be a COPY … FROM STDIN`));
  }
}

module.exports = CopyFrom;
