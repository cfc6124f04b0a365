'use strict';

const { register, pools, underWay } = require('../../native/binding');
const { thrown } = require('../../errors');
const { nextTick, setImmediate } = require('../../timers');
const { obey } = require('../call/abort');
const { inContext, rejectAtCaller } = require('../call/caller');
const Checkout = require('./checkout');
const Client = require('../client/client');
const { EndRequest } = require('../client/client-link');
const DdlRequest = require('../query/ddl-request');
const defaults = require('../settings/defaults');
const { channels, isWatched, queryContext, trace } = require('../call/diagnostics');
const Listener = require('./listener');
const { queryObeying } = require('./pool-abort');
const { Answer } = require('./pool-requests');
const QueryRequest = require('../query/query-request');
const { onSettled } = require('../call/settlement');
const { LONGEST_NAME } = require('../query/statement-name');
const { POOL_ENDED, POOL_ENDED_TWICE } = require('../../texts');

/** @returns {undefined} */
function nothing() {
  return undefined;
}

/** While so many queries are under way, those of one turn are handed over together. */
const BUSY = 8;

/** A pool of connections: its queries, what it listens to, and its end. */
class Pool extends Checkout {
  // Queries.

  /**
   * Whether a query may go to the native pool as it is: nobody wants to see the client it runs on.
   */
  _isDirect() {
    const { options } = this;
    return (
      !this._inJavaScript &&
      !this._isTakenPartIn() &&
      !options.query_timeout &&
      !defaults.query_timeout &&
      !isWatched(channels.acquire) &&
      this.connect === poolConnect &&
      !this._hasReplacedQuery()
    );
  }

  /**
   * @param {any} text text or configuration
   * @param {any} [values]
   * @param {any} [callback]
   * @returns {any}
   */
  query(text, values, callback) {
    const called = typeof values === 'function' ? values : callback;
    const given = typeof values === 'function' || !values ? undefined : values;
    try {
      return this._ask(text, given, called);
    } catch (error) {
      // A getter of the caller's configuration.
      const answer = new Answer(this.Promise, called);
      nextTick(() => answer.fail(thrown(error)));
      return answer.promise;
    }
  }

  /**
   * @param {any} text text or configuration
   * @param {any} given values
   * @param {any} called callback
   * @returns {any}
   * @throws what a getter of the configuration throws
   */
  _ask(text, given, called) {
    const isConfig = text !== null && typeof text === 'object' && typeof text.submit !== 'function';
    if (isConfig && text.signal) return queryObeying(this, text, given, called);
    if (!this._isDirect() || !isPlain(text)) {
      this._isQuerying = true;
      try {
        const answer = super.query(text, given, called);
        // Streams whose failure is told by themselves may be asked for without waiting for them.
        if (answer && text && text._tellsFailure) answer.then(undefined, nothing);
        return answer;
      } finally {
        this._isQuerying = false;
      }
    }
    if (!isWatched(channels.query)) return this._query(text, given, called, undefined);
    return trace(channels.query, queryContext(this._template || this.options, text), (settled) =>
      this._query(text, given, called, settled),
    );
  }

  /**
   * A query that goes to the native pool as it is.
   *
   * @param {any} text
   * @param {any} given values
   * @param {any} called callback
   * @param {((error: any, result: any) => void) | undefined} onlooker
   * @returns {any}
   */
  _query(text, given, called, onlooker) {
    const request = new QueryRequest(this, text, given, undefined);
    if (typeof text !== 'string') {
      request.text = text.text;
      if (given === undefined) request.values = text.values;
      request.configure(text);
    }
    let answer;
    if (called) {
      const bound = inContext(called);
      request.callback = (/** @type {any} */ error, /** @type {any} */ result) => {
        if (error) bound(error);
        else bound(undefined, result);
      };
    } else {
      answer = new this.Promise((/** @type {any} */ resolve, /** @type {any} */ reject) => {
        request.resolve = resolve;
        request.reject = reject;
      });
    }
    if (onlooker !== undefined) onSettled(request, onlooker);
    this._dispatch(request);
    return answer;
  }

  /** @param {QueryRequest} request */
  _dispatch(request) {
    let error = this.ending ? new Error(POOL_ENDED) : request.prepare();
    if (error === null) {
      try {
        const core = this._open();
        if (request.types === undefined) request.types = this._template._types;
        if (this._template.binary) request.binary = true;
        if (underWay() < BUSY || !request.post(core, this._texts)) {
          request.send(core, false, this._texts.knownNumberOf(request.text));
        }
        this._holdLoop();
        return;
      } catch (failure) {
        error = thrown(failure);
      }
    }
    nextTick(() => request.handleError(error));
  }

  /**
   * Runs a script under the native side's rules for DDL.
   *
   * @param {import('../../manager/ddl-order').Order} order
   * @returns {Promise<any>}
   */
  _executeDdl(order) {
    return new Promise((resolve) => {
      if (this.ending) throw new Error(POOL_ENDED);
      const core = this._open();
      const request = new DdlRequest(this, order, this._template._types);
      if (this._template.binary) request.binary = true;
      request.resolve = resolve;
      const problem = request.prepare();
      if (problem !== null) throw problem;
      if (!obey(request, order, () => undefined)) return;
      request.send(core);
      request.limit(order.queryTimeout);
      this._holdLoop();
    });
  }

  /** How long a cancelled script may take to answer, in milliseconds. */
  get _cancelTimeoutMillis() {
    return this._template._cancelTimeoutMillis;
  }

  /**
   * A script has ended whose connection is lost.
   *
   * @param {DdlRequest} request
   * @param {any} error null when the script was committed all the same
   */
  _scriptLost(request, error) {
    request.conclude(error && this._explain(error));
  }

  /**
   * The version of the server.
   *
   * @returns {Promise<string>}
   */
  async _version() {
    if (!this._isDirect()) return (await this.query('SELECT version()')).rows[0].version;
    return await new Promise((resolve) => {
      const core = this._open();
      const done = resolve;
      const fail = (/** @type {any} */ error) => {
        this._relax();
        rejectAtCaller(resolve, this._explain(error));
      };
      core.askVersion(register({ done, fail }));
      this._holdLoop();
    });
  }

  /** @param {QueryRequest} request */
  _requestDone(request) {
    request.handleReadyForQuery();
  }

  /**
   * @param {QueryRequest} request
   * @param {any} error
   */
  _requestFailed(request, error) {
    this._relax();
    request.handleError(this._explain(error));
  }

  /**
   * Calls `handler` with each notification of a channel, until the pool ends or the subscription does. The connection
   * for it is one more beside those of the pool.
   *
   * @param {string} channel
   * @param {Function} handler
   * @param {{ onGap?: Function }} [options] `onGap` is told when a lost connection is back
   * @returns {Promise<any>} the subscription
   */
  listen(channel, handler, options) {
    if (this._listener === null) {
      if (this.ending) return Promise.reject(new Error(POOL_ENDED));
      this._listener = new Listener(this);
    }
    return this._listener.listen(channel, handler, options);
  }

  // The end.

  /**
   * @param {Function} [callback]
   * @returns {any}
   */
  end(callback) {
    const listener = this._listener;
    if (listener === null) return this._end(callback);
    this._listener = null;
    const answer = new Answer(this.Promise, callback);
    const poolEnded = new Promise((resolve) => this._end(resolve));
    Promise.all([poolEnded, listener.close()]).then(([error]) => {
      if (error) answer.fail(error);
      else answer.succeed();
    });
    return answer.promise;
  }

  /** @returns {Promise<void>} when the pool has ended, whoever asked for it */
  [Symbol.asyncDispose]() {
    if (!this.ending) return this.end();
    if (this.ended || this._inJavaScript) return Promise.resolve();
    return new Promise((resolve) => this._endListeners.push(resolve));
  }

  /**
   * @param {Function} [callback]
   * @returns {any}
   */
  _end(callback) {
    if (this._inJavaScript) return super.end(callback);
    this.log('ending');
    if (this.ending) {
      const error = new Error(POOL_ENDED_TWICE);
      return callback ? callback(error) : this.Promise.reject(error);
    }
    this.ending = true;
    const answer = new Answer(this.Promise, callback);
    const core = this._core;
    if (core === null) {
      this.ended = true;
      answer.finish();
      return answer.promise;
    }
    const finish = () => {
      this.ended = true;
      answer.finish();
      for (const listener of this._endListeners) listener();
    };
    core.end(
      register(
        new EndRequest(() => {
          pools.delete(core.id);
          // Of a shared pool others may still have connections, which are no concern of this thread's.
          if (this.options.shared) this._letGo();
          else this._relax();
          // After the 'remove' events of the last clients, which come a turn after their connections have closed.
          setImmediate(() => setImmediate(finish));
        }),
      ),
    );
    if (!this.options.shared) this._holdLoop();
    return answer.promise;
  }
}

const { connect: poolConnect } = Pool.prototype;

// Programs that print or compare the name see node-postgres's.
Object.defineProperty(Pool, 'name', { configurable: true, value: 'BoundPool' });

/**
 * Whether a query is a text or a configuration that needs no client of its own.
 *
 * @param {any} query
 */
function isPlain(query) {
  if (typeof query === 'string') return true;
  return (
    query !== null &&
    typeof query === 'object' &&
    typeof query.submit !== 'function' &&
    !query.query_timeout &&
    !query.rows &&
    !query.portal &&
    // A client says so when a name is too long for the server.
    !(query.name && query.name.length > LONGEST_NAME)
  );
}

module.exports = Pool;
