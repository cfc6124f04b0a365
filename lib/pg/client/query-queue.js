'use strict';

/**
 * @typedef {import('../../errors').PgError} PgError
 * @typedef {import('../query/request').Core} Core
 * @typedef {import('../query/request').QueuedRequest} QueuedRequest
 */

const { EventEmitter } = require('node:events');

const { isServerError, thrown } = require('../../errors');
const { nextTick, setImmediate } = require('../../timers');
const { callOut } = require('../call/caller');
const Cancellation = require('./cancellation');
const { isMereEnd } = require('../errors/loss');
const { amount } = require('../settings/option');
const { hide } = require('../settings/secret');
const { warnOfLongName } = require('../query/statement-name');
const { startTimer } = require('../call/timer');
const { CLIENT_CLOSED, NOT_QUERYABLE, QUERY_TIMEOUT } = require('../../texts');

// A server that still works answers a cancelled query within milliseconds.
const CANCEL_TIMEOUT_MILLIS = 5000;

/**
 * The queries of one connection, one at a time or pipelined, in the order and with the events of node-postgres: when a
 * query is sent, when 'drain' is emitted, what happens to those that wait when the connection breaks.
 */
class QueryQueue extends EventEmitter {
  constructor() {
    super();
    this._connected = false;
    this._ending = false;
    this._ended = false;
    this._queryable = true;
    /** @type {QueuedRequest | null} */
    this._activeQuery = null;
    /** @type {string | null} */
    this._txStatus = null;
    /** @type {QueuedRequest[]} */
    this._queryQueue = [];
    /** @type {QueuedRequest[]} */
    this._sentQueryQueue = [];
    this.readyForQuery = false;
    this.hasExecuted = false;
    this.pipeline = false;
    /** @type {Core} the native connection; null before there is one */
    this._core = /** @type {never} */ (null);
    /** @type {Map<string, string>} named statements that are known to be prepared */
    this._parsed = new Map();
    /** @type {Cancellation | null} of the query under way, or of the one before */
    this._cancellation = null;
    /** @type {number} how long a cancelled query may take to answer, in milliseconds */
    this._cancelTimeoutMillis = CANCEL_TIMEOUT_MILLIS;
    /** @type {(() => void) | null} callbacks that wait for the queue to be empty */
    this._idleListener = null;
    hide(this, '_core', '_parsed', '_cancellation', '_cancelTimeoutMillis', '_idleListener');
  }

  /**
   * @param {QueuedRequest} request
   * @param {unknown} readTimeout milliseconds, or nothing
   */
  _enqueue(request, readTimeout) {
    let refusal = this._refusal(request);
    try {
      if (readTimeout && refusal === null) this._limit(request, amount('query_timeout', readTimeout));
    } catch (error) {
      refusal = /** @type {Error} */ (error);
    }
    if (refusal !== null) {
      nextTick(() => request.handleError(refusal));
      return;
    }
    this._queryQueue.push(request);
    this._pulseQueryQueue();
  }

  /**
   * @param {QueuedRequest} request
   * @returns {Error | null} why a query can't be queued
   */
  _refusal(request) {
    if (this.pipeline) {
      const what = request.pipelineObstacle();
      if (what !== null) return new Error(`${what} not supported in pipeline mode`);
    }
    if (!this._queryable) return new Error(NOT_QUERYABLE);
    if (this._ending) return new Error(CLIENT_CLOSED);
    return null;
  }

  /**
   * @param {QueuedRequest} request
   * @param {number} millis
   */
  _limit(request, millis) {
    request._timer = startTimer(() => {
      this._abandon(request);
      request.handleError(new Error(QUERY_TIMEOUT));
    }, millis);
  }

  /**
   * Stops the work on a query whose answer isn't waited for any more.
   *
   * @param {QueuedRequest} request
   */
  _abandon(request) {
    const waiting = this._queryQueue.indexOf(request);
    if (waiting > -1) {
      this._queryQueue.splice(waiting, 1);
      this._pulseQueryQueue();
    } else if (this.pipeline) {
      // The queries behind it on the wire can't be answered before it.
      this._core.destroy();
    } else if (this._activeQuery === request) {
      this._cancel(request);
    }
  }

  /**
   * The same for a query whose signal aborts.
   *
   * @param {QueuedRequest} request
   */
  _abort(request) {
    if (!this.pipeline || this._queryQueue.includes(request)) this._abandon(request);
    // A cancel could hit one of those that are on the wire behind it. Then it runs on, and its answer is dropped.
    else if (this._activeQuery === request && this._sentQueryQueue.length === 0) this._cancel(request);
  }

  /**
   * Has the server stop the query under way.
   *
   * @param {QueuedRequest} request
   */
  _cancel(request) {
    this._cancellation = new Cancellation(this, request, this._cancelTimeoutMillis);
  }

  /** Whether a cancel request on its way could cancel a query that is sent now. */
  _isCancelling() {
    if (this._cancellation === null) return false;
    if (!this._cancellation.isOver) return true;
    this._cancellation = null;
    return false;
  }

  _pulseQueryQueue() {
    if (this.pipeline) {
      this._pulsePipelinedQueryQueue();
      return;
    }
    if (!this.readyForQuery || this._isCancelling()) return;
    const next = this._queryQueue.shift();
    this._activeQuery = next || null;
    if (next === undefined) {
      if (!this.hasExecuted) return;
      callOut(() => this.emit('drain'));
      if (!this._isBusy()) this._runDry();
      return;
    }
    this.readyForQuery = false;
    this.hasExecuted = true;
    const error = this._submit(next, false);
    if (error !== null) {
      nextTick(() => {
        next.handleError(error);
        this._activeQuery = null;
        this.readyForQuery = true;
        this._pulseQueryQueue();
      });
    }
  }

  _pulsePipelinedQueryQueue() {
    if (!this._connected || !this._queryable || this._isCancelling()) return;
    while (this._queryQueue.length > 0) {
      const request = /** @type {QueuedRequest} */ (this._queryQueue.shift());
      this.hasExecuted = true;
      const error = this._submit(request, true);
      if (error === null) this._sentQueryQueue.push(request);
      else nextTick(() => request.handleError(error));
    }
    if (this.readyForQuery && !this._activeQuery && this._sentQueryQueue.length > 0) {
      this._activeQuery = this._sentQueryQueue.shift() ?? null;
      this.readyForQuery = false;
    }
    if (!this._isBusy() && this.hasExecuted) {
      callOut(() => this.emit('drain'));
      if (!this._isBusy()) this._runDry();
    }
  }

  _isBusy() {
    return Boolean(this._activeQuery) || this._sentQueryQueue.length > 0 || this._queryQueue.length > 0;
  }

  /**
   * @param {QueuedRequest} request
   * @param {boolean} pipelined
   * @returns {unknown} what kept it from being sent, or null
   */
  _submit(request, pipelined) {
    try {
      const error = request.prepare();
      if (error !== null) return error;
      if (request.name) {
        const previous = this._statementText(request.name);
        if (request.text && previous && request.text !== previous) {
          return new Error(
            `Prepared statements must be unique - '${request.name}' was used for a different statement`,
          );
        }
        if (previous === undefined) warnOfLongName(request.name);
        if (pipelined) this._parsed.set(request.name, /** @type {string} */ (request.text || previous));
      }
      request.send(/** @type {import('../../native/addon').Connection} */ (this._core), pipelined);
    } catch (failure) {
      return thrown(failure);
    }
    return null;
  }

  /** @param {string} name */
  _statementText(name) {
    const known = this._parsed.get(name);
    if (known !== undefined) return known;
    const parsed = this._core.statementText(name) ?? undefined;
    if (parsed !== undefined) this._parsed.set(name, parsed);
    return parsed;
  }

  /**
   * @param {QueuedRequest} request
   * @param {string | null} status
   */
  _requestDone(request, status) {
    if (this._activeQuery === request) this._activeQuery = null;
    this._txStatus = status;
    this.readyForQuery = true;
    request.handleReadyForQuery();
    this._pulseQueryQueue();
  }

  /**
   * @param {QueuedRequest} request
   * @param {PgError} error
   * @param {string | null} status
   */
  _requestFailed(request, error, status) {
    if (request.name) this._parsed.delete(request.name);
    if (status === null) {
      this._handleBroken(request, error);
      return;
    }
    const sent = this._sentQueryQueue.indexOf(request);
    if (sent > -1) {
      // It was refused without being sent, before the answers of those in front of it.
      this._sentQueryQueue.splice(sent, 1);
      request.handleError(error);
      return;
    }
    if (this._activeQuery === request) this._activeQuery = null;
    this._txStatus = status;
    request.handleError(error);
    // node-postgres reports an error before the server is ready again. A query that is made in response finds the queue
    // as it was, without a 'drain' in between. On a pipeline the next answer may be here already.
    if (this.pipeline) this._becomeReady();
    else setImmediate(() => this._becomeReady());
  }

  _becomeReady() {
    this.readyForQuery = true;
    this._pulseQueryQueue();
  }

  /**
   * The connection was lost during a query.
   *
   * @param {QueuedRequest} request
   * @param {PgError} error
   */
  _handleBroken(request, error) {
    this._sentQueryQueue = this._sentQueryQueue.filter((sent) => sent !== request);
    if (this._activeQuery === request) this._activeQuery = null;
    const isEnd = isMereEnd(error) || (this._ending && !isServerError(error));
    if (isEnd && this._queryable && !this.pipeline) {
      // All that wait fail together when it is closed.
      this._activeQuery = request;
      return;
    }
    if (isServerError(error) || this._ending || !this._queryable) {
      // The server's last error is for the query alone; the loss of the connection is reported when it closes.
      request.handleError(error);
      return;
    }
    nextTick(() => request.handleError(error));
    this._handleErrorEvent(error, true);
  }

  /** @param {() => void} listener called once nothing is queued or under way, at once if that is so already */
  _whenDry(listener) {
    if ((this._isBusy() || this._isCancelling()) && !this._ended) this._idleListener = listener;
    else listener();
  }

  _runDry() {
    const listener = this._idleListener;
    if (listener === null) return;
    this._idleListener = null;
    listener();
  }

  /** @param {Error} error */
  _errorAllQueries(error) {
    const waiting = [this._activeQuery, ...this._sentQueryQueue, ...this._queryQueue];
    this._activeQuery = null;
    this._sentQueryQueue.length = 0;
    this._queryQueue.length = 0;
    for (const query of waiting) {
      if (query) nextTick(() => query.handleError(error));
    }
  }

  /**
   * The connection is broken: all that wait for it fail.
   *
   * @param {Error} error
   * @param {boolean} [_isTold] whether the error is reported in another way
   */
  _handleErrorEvent(error, _isTold) {
    this._queryable = false;
    this._errorAllQueries(error);
  }
}

module.exports = QueryQueue;
