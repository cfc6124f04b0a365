'use strict';

const { Duplex } = require('node:stream');

const CopyTurn = require('./copy-turn');

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
    this._turn = new CopyTurn(this);
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
    return this._turn.begin(connection, { eachMessage: this.alignOnCopyDataFrame });
  }

  _copyStarted() {
    this._turn.started();
  }

  /** @param {Buffer} bytes */
  _copyData(bytes) {
    if (this.destroyed) return;
    if (!this.push(bytes)) this._turn.current.pause();
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
    if (this._turn.loan !== null) this._turn.loan.resume();
  }

  /**
   * @param {Buffer} chunk
   * @param {string} _encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(chunk, _encoding, callback) {
    this._turn.onceStarted(() => this._turn.current.write(chunk, callback));
  }

  /** @param {(error?: Error | null) => void} callback called when the client is free */
  _final(callback) {
    if (this._turn.loan !== null && this._turn.loan.isOver) {
      callback();
      return;
    }
    this._whenOver = callback;
    this._turn.onceStarted(() => this._turn.current.finish());
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback called when the client is free
   */
  _destroy(error, callback) {
    const { loan } = this._turn;
    if (loan === null || loan.isOver) {
      callback(error);
      return;
    }
    this._whenOver = () => callback(error);
    // A server that sends its log knows no CopyFail, but it ends when it is told that nothing more comes.
    this._turn.onceStarted(() => loan.finish());
    loan.discard();
  }

  /**
   * For the client.
   *
   * @param {Error} error
   */
  handleError(error) {
    this._turn.failed();
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
