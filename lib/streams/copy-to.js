'use strict';

const { Readable } = require('node:stream');

const CopyTurn = require('./copy-turn');

/** `COPY … TO STDOUT` as a stream to read from, with the API of npm's pg-copy-streams. */
class CopyTo extends Readable {
  /**
   * @param {string} text
   * @param {import('node:stream').ReadableOptions} [options]
   */
  constructor(text, options) {
    super(options);
    this.text = text;
    /** Rows that were copied, once it has ended. */
    this.rowCount = 0;
    this._turn = new CopyTurn(this);
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

  /** The server wants data instead of sending some. */
  _copyStarted() {
    this._turn.current.refuse('This stream has no data to send');
  }

  /** @param {Buffer} bytes */
  _copyData(bytes) {
    if (this.destroyed) return;
    if (!this.push(bytes)) this._turn.current.pause();
  }

  /** @returns {undefined} the end is told when the client is free */
  _copyReceived() {
    return undefined;
  }

  _read() {
    if (this._turn.loan !== null) this._turn.loan.resume();
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
    loan.abandon();
  }

  /**
   * For the client.
   *
   * @param {Error} error
   */
  handleError(error) {
    this.destroy(error);
  }

  /** For the client. */
  handleReadyForQuery() {
    if (!this.destroyed) this.push(null);
  }

  /** The client has its connection back. */
  _returned() {
    const callback = this._whenOver;
    this._whenOver = null;
    if (callback !== null) callback();
  }
}

module.exports = CopyTo;
