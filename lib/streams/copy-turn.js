'use strict';

const CopyLoan = require('./copy-loan');
const { Loan, foreignConnection } = require('./loan');

/**
 * A copy stream's turn in the client's queue: before it there is no loan, and until the server takes data what wants to
 * send some has to wait.
 */
class CopyTurn {
  /** @param {any} stream which gets the `_copy…` calls of the loan */
  constructor(stream) {
    this.stream = stream;
    /** @type {CopyLoan | null} */
    this.loan = null;
    /** @type {(() => void) | null} what waits for the server to take data */
    this.listener = null;
  }

  /**
   * The turn has come.
   *
   * @param {any} connection
   * @param {{ eachMessage?: boolean }} [options]
   * @returns {Error | undefined} why nothing is sent
   */
  begin(connection, options) {
    if (this.stream.destroyed) return new Error('The stream was destroyed before its turn came');
    if (!Loan.isPossible(connection)) return foreignConnection('A copy stream');
    this.loan = new CopyLoan(connection, this.stream, options);
    return undefined;
  }

  /** @returns {CopyLoan} the loan, for who knows that the turn has come */
  get current() {
    return /** @type {CopyLoan} */ (this.loan);
  }

  /** The server takes data. */
  started() {
    const { listener } = this;
    this.listener = null;
    if (listener !== null) listener();
  }

  /** @param {() => void} listener called when the server takes data, at once if it does already */
  onceStarted(listener) {
    if (this.loan !== null && this.loan.isStarted) listener();
    else this.listener = listener;
  }

  /** It never will. */
  failed() {
    this.listener = null;
  }
}

module.exports = CopyTurn;
