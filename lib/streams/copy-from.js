'use strict';

const { Writable } = require('node:stream');
const { setImmediate } = require('../timers');

const CopyTurn = require('./copy-turn');

/** Small chunks are joined to messages of this many bytes: a message costs a call to the native side and a write. */
const MESSAGE_BYTES = 64 * 1024;

/** The server takes no larger message; a chunk that is larger is cut, since messages need not end where rows do. */
const LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024;

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
    /** @type {Buffer | null} small chunks that wait to be joined */
    this._joined = null;
    this._joinedBytes = 0;
    this._isScheduled = false;
    /** @type {import('../pg/query/query-config').Callback | undefined} told of the end, if the client was given one */
    this.callback = undefined;
  }

  /** For a pool: its failure is an error of the stream. */
  get _tellsFailure() {
    return true;
  }

  /**
   * For the client: its turn has come.
   *
   * @param {import('../pg/client/connection')} connection
   */
  submit(connection) {
    return this._turn.begin(connection);
  }

  _copyStarted() {
    this._turn.started();
  }

  /** The server sends data instead of taking some, unless that is what a statement behind the COPY does. */
  _copyData() {
    if (this._turn.current.isSent) return;
    this._turn.current.abandon();
    this.destroy(this._noCopyError());
  }

  /** @returns {undefined} as with data, when there was none */
  _copyReceived() {
    return undefined;
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
    const { current: lease } = this._turn;
    lease.onceRoom(() => {
      const isSmall = chunk.length < MESSAGE_BYTES;
      if (isSmall && this._joinedBytes + chunk.length <= MESSAGE_BYTES) {
        this._join(chunk);
        callback();
        return;
      }
      this._sendJoined(() => {
        if (isSmall) {
          this._join(chunk);
          callback();
        } else {
          this._sendPieces(chunk, callback);
        }
      });
    });
  }

  /**
   * @param {Uint8Array} chunk
   * @param {(error?: Error | null) => void} callback
   */
  _sendPieces(chunk, callback) {
    const rest = chunk.subarray(LARGEST_MESSAGE_BYTES);
    const next = rest.length === 0 ? callback : () => this._sendPieces(rest, callback);
    this._turn.current.write(chunk.subarray(0, LARGEST_MESSAGE_BYTES), next);
  }

  /** @param {Uint8Array} chunk */
  _join(chunk) {
    if (this._joined === null) this._joined = Buffer.allocUnsafeSlow(MESSAGE_BYTES);
    this._joined.set(chunk, this._joinedBytes);
    this._joinedBytes += chunk.length;
    if (this._isScheduled) return;
    this._isScheduled = true;
    // It isn't known whether more will come, so what is there is sent when this turn of the loop is over.
    setImmediate(() => {
      this._isScheduled = false;
      this._turn.current.onceRoom(() => this._sendJoined(nothing));
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
    this._turn.finisher = callback;
    this._turn.onceStarted(() => this._sendJoined(() => this._turn.current.finish()));
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback called when the server has thrown away what it got
   */
  _destroy(error, callback) {
    const { _turn: turn } = this;
    const { lease } = turn;
    this._joinedBytes = 0;
    this._joined = null;
    turn.finisher = null;
    if (lease === null || lease.isOver || lease.isSent) {
      callback(error);
      return;
    }
    // What the server says about it is the error, unless it is an answer to what went wrong before.
    turn.onceOver(() => callback(lease.isDiscarded ? error : turn.failure));
    turn.onceStarted(() => lease.giveUp(error));
  }

  _noCopyError() {
    return new Error(`${JSON.stringify(this.text)} takes no data; it must be a COPY … FROM STDIN`);
  }

  /** @returns {undefined} that it has finished; nothing else is reported */
  _copySucceeded() {
    return undefined;
  }

  /**
   * For the client.
   *
   * @param {Error} error
   */
  handleError(error) {
    this._turn.failed(error);
  }

  /** For the client. */
  handleReadyForQuery() {
    const { _turn: turn } = this;
    const { current: lease } = turn;
    if (turn.finisher !== null && lease.isSent && lease.isComplete) {
      turn.succeed();
      return;
    }
    const early = 'The server has ended the COPY without saying that it has all of the data';
    turn.refuse(lease.isStarted ? new Error(early) : this._noCopyError());
  }

  /** The client has its connection back. */
  _returned() {
    this._turn.over();
  }
}

module.exports = CopyFrom;
