'use strict';

const { Duplex } = require('node:stream');

const CopyTurn = require('./copy-turn');

/** In every COPY, where PostgreSQL takes the one for the other, and in no statement that copies both ways. */
const STDIN = /\bstd(in|out)\b/i;

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
    /** @type {import('../pg/query/query-config').Callback | undefined} told of the end, if the client was given one */
    this.callback = undefined;
    this._hasEnded = false;
    this._isDone = false;
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
    return this._turn.begin(connection, { eachMessage: this.alignOnCopyDataFrame });
  }

  _copyStarted() {
    this._turn.started();
  }

  /** @param {Buffer} bytes */
  _copyData(bytes) {
    if (this.destroyed || this._hasEnded) return;
    if (!this.push(bytes)) this._turn.current.pause();
  }

  _copyReceived() {
    if (this._turn.current.isStarted) this._endReading();
  }

  _endReading() {
    if (this._hasEnded || this.destroyed) return;
    this._hasEnded = true;
    this.push(null);
  }

  _read() {
    if (this._turn.lease !== null) this._turn.lease.resume();
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
    if (this._isDone) {
      callback();
      return;
    }
    this._turn.finisher = callback;
    this._turn.onceStarted(() => this._turn.current.finish());
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback called when the client is free
   */
  _destroy(error, callback) {
    const { _turn: turn } = this;
    turn.finisher = null;
    if (turn.isIdle) {
      callback(error);
      return;
    }
    turn.onceOver(() => callback(error));
    turn.onceStarted(() => {
      if (STDIN.test(this.text)) turn.current.giveUp(error);
      // A server that streams its WAL doesn't take CopyFail, but it ends on CopyDone.
      else turn.current.finish();
    });
    turn.current.discard();
  }

  _copySucceeded() {
    this._isDone = true;
    this._endReading();
    // The server has ended it; what is still written would be lost.
    if (!this.destroyed && !this.writableEnded) this.end();
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
    if (!lease.isStarted || !lease.isComplete) {
      const early = 'The server has ended the COPY without saying that it is complete';
      const none = `${JSON.stringify(this.text)} takes no data; it must be a statement that copies both ways, such as START_REPLICATION`;
      turn.refuse(new Error(lease.isStarted ? early : none));
      return;
    }
    turn.succeed();
  }

  /** The client has its connection back. */
  _returned() {
    this._turn.over();
  }
}

module.exports = CopyBoth;
