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
    if (this._turn.lease !== null) this._turn.lease.resume();
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback called when the client is free
   */
  _destroy(error, callback) {
    if (this._turn.isIdle) {
      callback(error);
      return;
    }
    this._turn.onceOver(() => callback(error));
    this._turn.current.abandon();
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
    if (this._turn.current.isReceived) {
      this._turn.tell(null);
      if (!this.destroyed) this.push(null);
      return;
    }
    this._turn.refuse(new Error(`${JSON.stringify(this.text)} gives no data; it must be a COPY … TO STDOUT`));
  }

  /** The client has its connection back. */
  _returned() {
    this._turn.over();
  }
}

module.exports = CopyTo;
