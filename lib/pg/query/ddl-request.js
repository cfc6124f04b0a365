'use strict';

const { native, start } = require('../../native/binding');
const { typeMask } = require('../../rows/rows');
const { rejectAtCaller } = require('../call/caller');
const QueryRequest = require('./query-request');
const { NOT_APPLIED, abortError, appliedFate, withFate } = require('./script-outcome');
const { startTimer } = require('../call/timer');
const { QUERY_TIMEOUT } = require('../../texts');

/**
 * A script under the native side's rules for DDL. Once it has been sent, the native side alone knows when it is over:
 * also when its connection is lost, because it asks the server then what has become of it.
 */
class DdlRequest extends QueryRequest {
  /**
   * @param {any} owner the pool or the client that it runs on
   * @param {import('../../manager/ddl-order').Order} order
   * @param {any} types the parsers of the owner
   */
  constructor(owner, order, types) {
    super(owner, order.text, order.values, types);
    this.configure(order);
    // A name would be of no use: the next script runs on another connection.
    this.extended ||= this.name !== undefined;
    /** @type {undefined} */
    this.name = undefined;
    this.order = order;
    /** Whether its outcome is the native side's to tell. */
    this._isSent = false;
    /** @type {number} its number on the native side, while that works on it */
    this._id = -1;
    /** @type {any} why the caller has given it up */
    this._reason = undefined;
    this._isGivenUp = false;
  }

  /** @param {any} target the native pool or connection */
  send(target) {
    const { inTransaction, commit } = this.order;
    const values = this._wireValues;
    this._wireValues = null;
    const order = {
      text: this.text,
      inTransaction,
      pipelined: commit === 'pipelined',
      extended: this._isExtended(),
      binary: this.binary,
      cancelTimeout: this.owner._cancelTimeoutMillis,
      mask: typeMask(this.types),
    };
    this._id = start(this, (id) => target.executeDdl(id, order, values));
    this._isSent = true;
    if (this._isGivenUp) native.giveUp(this._id);
  }

  /**
   * Gives it up: the promise rejects when its outcome is known.
   *
   * @param {any} reason
   */
  abort(reason) {
    this._reason = reason;
    this._isGivenUp = true;
    if (this._id !== -1) native.giveUp(this._id);
    else if (!this._isSent) this._settle(abortError(reason, NOT_APPLIED), undefined);
  }

  /**
   * Gives it up when that takes too long.
   *
   * @param {any} millis false or 0 without a limit
   * @param {() => void} [leave] takes it out of the queue that it may wait in
   */
  limit(millis, leave) {
    if (!millis || this._settled) return;
    this._timer = startTimer(() => {
      leave?.();
      this.abort(new Error(QUERY_TIMEOUT));
    }, millis);
  }

  /** @param {string | null} status null when the connection is gone */
  done(status) {
    this._id = -1;
    if (status === null) {
      this.owner._scriptLost(this, null);
    } else {
      this._isSent = false;
      super.done(status);
    }
  }

  /**
   * @param {any} error
   * @param {string | null} status null when the connection is gone, or there was none
   */
  fail(error, status) {
    this._id = -1;
    const told = error.code === 'ABORT_ERR' && this._isGivenUp ? abortError(this._reason, error) : error;
    if (status === null) {
      this.owner._scriptLost(this, told);
    } else {
      this._isSent = false;
      super.fail(told, status);
    }
  }

  /**
   * Ends it, with its connection lost.
   *
   * @param {any} error null when the script was committed
   */
  conclude(error) {
    this._isSent = false;
    if (error) this.handleError(error);
    else this.handleReadyForQuery();
  }

  /** @param {any} error */
  handleError(error) {
    // The client has lost its connection; what that means for the script is still to be found out.
    if (this._isSent || this._settled) return;
    const failure = this._canceledDueToError;
    // A row that couldn't be read came first, but says nothing of what became of the script.
    if (failure !== false && error.outcome) this._canceledDueToError = withFate(failure, error);
    super.handleError(error);
  }

  handleReadyForQuery() {
    const failure = this._canceledDueToError;
    if (failure !== false && !this._settled) {
      // The script has run; it is its result that can't be read.
      this._canceledDueToError = false;
      this._settle(withFate(failure, appliedFate(this.text)), undefined);
    } else {
      super.handleReadyForQuery();
    }
  }

  /** @param {any} error */
  _reject(error) {
    rejectAtCaller(this.resolve, error);
  }
}

module.exports = DdlRequest;
