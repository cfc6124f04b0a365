'use strict';

const { Duplex } = require('node:stream');

const CopyLoan = require('./copy-loan');
const { Loan, foreignConnection } = require('./loan');

/**
 * COPY in both directions, as replication uses it, with the API of npm's pg-copy-streams. Each chunk that is written is
 * a message of its own.
 */
class CopyBoth extends Duplex {
  /**
   * @param {string} text
   * @param {import('node:stream').DuplexOptions & { alignOnCopyDataFrame?: boolean }} [options]
   */
  constructor(text, options) {
    super({ ...options, decodeStrings: true, writableObjectMode: false });
    this.text = text;
    this.alignOnCopyDataFrame = Boolean(options && options.alignOnCopyDataFrame === true);
    /** Rows that were copied, where that is what it does. */
    this.rowCount = 0;
    /** @type {CopyLoan | null} */
    this._loan = null;
    /** @type {(() => void) | null} */
    this._whenStarted = null;
    /** @type {((error?: Error | null) => void) | null} */
    this._whenOver = null;
    this._hasEnded = false;
  }

  /**
   * For the client: its turn has come.
   *
   * @param {any} connection
   */
  submit(connection) {
    if (this.destroyed) return new Error('The stream was destroyed before its turn came');
    if (!Loan.isPossible(connection)) return foreignConnection('A copy stream');
    this._loan = new CopyLoan(connection, this, { eachMessage: this.alignOnCopyDataFrame });
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

  /** @param {Buffer} bytes */
  _copyData(bytes) {
    if (this.destroyed) return;
    if (!this.push(bytes)) /** @type {CopyLoan} */ (this._loan).pause();
  }

  _copyReceived() {
    this._endReading();
  }

  _endReading() {
    if (this._hasEnded || this.destroyed) return;
    this._hasEnded = true;
    this.push(null);
  }

  _read() {
    if (this._loan !== null) this._loan.resume();
  }

  /**
   * @param {Buffer} chunk
   * @param {string} _encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(chunk, _encoding, callback) {
    this._onceStarted(() => /** @type {CopyLoan} */ (this._loan).write(chunk, callback));
  }

  /** @param {(error?: Error | null) => void} callback called when the client is free */
  _final(callback) {
    if (this._loan !== null && this._loan.isOver) {
      callback();
      return;
    }
    this._whenOver = callback;
    this._onceStarted(() => /** @type {CopyLoan} */ (this._loan).finish());
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback called when the client is free
   */
  _destroy(error, callback) {
    const loan = this._loan;
    if (loan === null || loan.isOver) {
      callback(error);
      return;
    }
    this._whenOver = () => callback(error);
    // A server that sends its log knows no CopyFail, but it ends when it is told that nothing more comes.
    this._onceStarted(() => loan.finish());
    loan.discard();
  }

  /**
   * For the client.
   *
   * @param {Error} error
   */
  handleError(error) {
    this._whenStarted = null;
    if (this.destroyed) return;
    this._whenOver = null;
    this.destroy(error);
  }

  /** For the client. */
  handleReadyForQuery() {
    if (this.destroyed) return;
    this._endReading();
    // The server has ended it; what is still written would go nowhere.
    if (this._whenOver === null && !this.writableEnded) this.end();
  }

  /** The client has its connection back. */
  _returned() {
    const callback = this._whenOver;
    this._whenOver = null;
    if (callback !== null) callback();
  }
}

module.exports = CopyBoth;
