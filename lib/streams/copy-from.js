'use strict';

const { Writable } = require('node:stream');

const CopyTurn = require('./copy-turn');

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
    this._turn = new CopyTurn(this);
    /** @type {Buffer | null} small chunks that wait for company */
    this._joined = null;
    this._joinedBytes = 0;
    this._isScheduled = false;
    /** @type {Error | null} what the client or the server said */
    this._failure = null;
    /** @type {((error?: Error | null) => void) | null} */
    this._whenOver = null;
  }

  /**
   * For the client: its turn has come.
   *
   * @param {any} connection
   */
  submit(connection) {
    return this._turn.begin(connection);
  }

  _copyStarted() {
    this._turn.started();
  }

  /**
   * @param {Buffer} chunk
   * @param {string} _encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(chunk, _encoding, callback) {
    this._turn.onceStarted(() => this._send(chunk, callback));
  }

  /**
   * @param {Uint8Array} chunk
   * @param {(error?: Error | null) => void} callback
   */
  _send(chunk, callback) {
    const loan = this._turn.current;
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
    else this._turn.current.write(/** @type {Buffer} */ (this._joined).subarray(0, size), callback);
  }

  /** @param {(error?: Error | null) => void} callback called when the data is visible and the client is free */
  _final(callback) {
    this._whenOver = callback;
    this._turn.onceStarted(() => this._sendJoined(() => this._turn.current.finish()));
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback called when the server has thrown away what it got
   */
  _destroy(error, callback) {
    this._joinedBytes = 0;
    this._joined = null;
    const { loan } = this._turn;
    if (loan === null || loan.isOver || loan.isSent) {
      callback(error);
      return;
    }
    this._whenOver = callback;
    this._turn.onceStarted(() => loan.refuse(error ? error.message : DESTROYED));
  }

  /**
   * For the client.
   *
   * @param {Error} error
   */
  handleError(error) {
    this._failure = this._failure || error;
    this._turn.failed();
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
    if (callback !== null && this._turn.current.isSent) callback();
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
