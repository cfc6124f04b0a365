'use strict';

const { register } = require('../binding');
const { Loan } = require('./loan');

/** Each message from the server is a chunk of its own. */
const EACH_MESSAGE = 1;

/** A COPY under way, as the binding answers it. Its borrower is a stream with `_copy…` methods for what happens. */
class CopyLoan extends Loan {
  /**
   * @param {any} connection
   * @param {any} stream
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
    /** @type {Function | null} who waits for room */
    this.waiter = null;
    this.core.copyBegin(register(this), stream.text, eachMessage ? EACH_MESSAGE : 0);
  }

  /**
   * Sends a message with data, and calls back when there is room for the next one.
   *
   * @param {Uint8Array} bytes
   * @param {Function} callback
   */
  write(bytes, callback) {
    if (this.isSent || this.isOver || this.core.copyWrite(bytes)) callback();
    else this.waiter = callback;
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

  // What the binding calls.

  started() {
    this.isStarted = true;
    this.borrower._copyStarted();
  }

  drained() {
    const { waiter } = this;
    this.waiter = null;
    if (waiter !== null) waiter();
  }

  /** @param {Buffer} bytes */
  data(bytes) {
    this.borrower._copyData(bytes);
  }

  suspended() {
    this.isReceived = true;
    this.borrower._copyReceived();
  }

  /**
   * @param {any} [_command]
   * @param {any} [rowCount]
   */
  complete(_command, rowCount) {
    if (rowCount !== null) this.borrower.rowCount = rowCount;
  }
}

module.exports = CopyLoan;
