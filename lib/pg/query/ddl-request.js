'use strict';

const { native, start } = require('../../native/binding');
const { typeMask } = require('../../rows/rows');
const { callOut, rejectAtCaller } = require('../call/caller');
const { noticeMessage } = require('../errors/notice');
const QueryRequest = require('./query-request');
const { NOT_APPLIED, abortError, appliedFate, withFate } = require('./script-outcome');
const { startTimer } = require('../call/timer');
const { QUERY_TIMEOUT } = require('../../texts');

/** @typedef {import('../../errors').PgError} PgError */

/**
 * A script under the native side's rules for DDL. Once it has been sent, the native side alone knows when it is over:
 * also when its connection is lost, because it then asks the server for the outcome.
 */
class DdlRequest extends QueryRequest {
  /**
   * @param {import('./request').ScriptOwner} owner the pool or the client that it runs on
   * @param {import('../../manager/ddl-order').Order} order
   * @param {import('../../rows/types').Types} types the parsers of the owner
   */
  constructor(owner, order, types) {
    super(owner, order.text, order.values, types);
    this.configure(order);
    // A name would be of no use: the next script runs on another connection.
    this.extended ||= this.name !== undefined;
    /** @type {undefined} */
    this.name = undefined;
    this.order = order;
    this._scriptOwner = owner;
    /** Whether the native side decides its outcome. */
    this._isSent = false;
    /** @type {number} its number on the native side, while that works on it */
    this._id = -1;
    /** @type {unknown} why the caller has given it up */
    this._reason = undefined;
    this._isGivenUp = false;
    /** @type {import('./result')[]} results that are not taken back when a part of the script is tried again */
    this._kept = [];
  }

  /** @param {import('../../native/addon').Connection | import('../../native/addon').Pool} target */
  send(target) {
    const { mode, commit, care } = this.order;
    const values = this._wireValues;
    this._wireValues = null;
    const order = {
      text: this.order.text,
      mode,
      notices: this.order.onNotice !== undefined,
      progress: this.order.onProgress !== undefined,
      pipelined: commit === 'pipelined',
      extended: this._isExtended(),
      binary: this.binary,
      cancelTimeout: this._scriptOwner._cancelTimeoutMillis,
      mask: typeMask(this.types),
      care,
    };
    this._id = start(this, (id) => target.executeDdl(id, order, values));
    this._isSent = true;
    if (this._isGivenUp) native.giveUp(this._id);
  }

  /** Results from here on may be dropped. */
  mark() {
    if (Array.isArray(this._results)) this._kept = this._results.slice();
    else this._kept = this._result === null ? [] : [this._result];
  }

  /** The results of a try that failed are dropped. */
  rewind() {
    this._result = this._kept.at(-1) ?? null;
    this._results = this._kept.length > 1 ? this._kept.slice() : null;
    this._canceledDueToError = false;
  }

  /**
   * Aborts it: the promise rejects when its outcome is known.
   *
   * @param {unknown} reason
   */
  abort(reason) {
    this._reason = reason;
    this._isGivenUp = true;
    if (this._id !== -1) native.giveUp(this._id);
    else if (!this._isSent) this._settle(abortError(reason, NOT_APPLIED), undefined);
  }

  /**
   * Aborts it when it takes too long.
   *
   * @param {number | false | undefined} millis false or 0 without a limit
   * @param {() => void} [leave] takes it out of the queue that it may wait in
   */
  limit(millis, leave) {
    if (!millis || this._settled) return;
    this._timer = startTimer(() => {
      leave?.();
      this.abort(new Error(QUERY_TIMEOUT));
    }, millis);
  }

  /**
   * An event during the script: a notice, a step of a statement, or a change of its session.
   *
   * @param {{ notice: string, length: number } | { step: number } | { session: 'changed' | 'spoiled' }} event
   */
  told(event) {
    const { onNotice, onProgress, session } = this.order;
    if ('step' in event) {
      if (onProgress !== undefined) callOut(onProgress, event);
    } else if ('session' in event) {
      if (event.session === 'changed') session.isChanged = true;
      else session.isSpoiled = true;
    } else if (onNotice !== undefined) {
      callOut(onNotice, noticeMessage(event.notice, event.length));
    }
  }

  /** @param {string | null} status null when the connection is gone */
  done(status) {
    this._id = -1;
    if (status === null) {
      this._scriptOwner._scriptLost(this, null);
    } else {
      this._isSent = false;
      super.done(status);
    }
  }

  /**
   * @param {PgError} error
   * @param {string | null} status null when the connection is gone, or there was none
   */
  fail(error, status) {
    this._id = -1;
    const told = error.code === 'ABORT_ERR' && this._isGivenUp ? abortError(this._reason, error) : error;
    if (status === null) {
      this._scriptOwner._scriptLost(this, told);
    } else {
      this._isSent = false;
      super.fail(told, status);
    }
  }

  /**
   * Ends it, with its connection lost.
   *
   * @param {unknown} error null when the script was committed
   */
  conclude(error) {
    this._isSent = false;
    if (error) this.handleError(error);
    else this.handleReadyForQuery();
  }

  /** @param {unknown} error */
  handleError(error) {
    // The client has lost its connection; what that means for the script is still to be found out.
    if (this._isSent || this._settled) return;
    const failure = this._canceledDueToError;
    // A row that couldn't be read came first, but says nothing about the outcome of the script.
    const fate = /** @type {PgError} */ (error);
    if (failure !== false && fate.outcome) this._canceledDueToError = withFate(failure, fate);
    super.handleError(error);
  }

  handleReadyForQuery() {
    const failure = this._canceledDueToError;
    if (failure !== false && !this._settled) {
      // The script has run; only its result can't be read.
      this._canceledDueToError = false;
      this._settle(withFate(failure, appliedFate(this.order.text)), undefined);
    } else {
      super.handleReadyForQuery();
    }
  }

  /** @param {unknown} error */
  _reject(error) {
    rejectAtCaller(this.resolve, error);
  }
}

module.exports = DdlRequest;
