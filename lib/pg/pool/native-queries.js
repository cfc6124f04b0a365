'use strict';

const { register, underWay } = require('../../native/binding');
const { thrown } = require('../../errors');
const { nextTick } = require('../../timers');
const { obey } = require('../call/abort');
const { inContext, rejectAtCaller } = require('../call/caller');
const { onSettled } = require('../call/settlement');
const DdlRequest = require('../query/ddl-request');
const QueryRequest = require('../query/query-request');
const { POOL_ENDED } = require('../../texts');

/** @import NativeKeeper, { NativeError, Opened } from './native-keeper' */

/** @typedef {string | import('../../../types/query').QueryConfig} PlainQuery */

/** While so many queries are under way, those of one turn are handed over together. */
const BUSY = 8;

/** The queries of a pool that the native side runs without a client. */
class NativeQueries {
  /** @param {NativeKeeper} keeper */
  constructor(keeper) {
    this._keeper = keeper;
    this._pool = keeper.pool;
  }

  /**
   * @param {PlainQuery} text
   * @param {unknown[] | undefined} given values
   * @param {Function | undefined} called callback
   * @param {((error: unknown, result: unknown) => void) | undefined} onlooker
   * @returns {Promise<unknown> | undefined}
   */
  query(text, given, called, onlooker) {
    const isText = typeof text === 'string';
    const request = new QueryRequest(this, isText ? text : text.text, given, undefined);
    if (!isText) {
      if (given === undefined) request.values = text.values;
      request.configure(text);
    }
    let answer;
    if (called) {
      const bound = inContext(/** @type {(...outcome: unknown[]) => void} */ (called));
      request.callback = (/** @type {unknown} */ error, /** @type {unknown} */ result) => {
        if (error) bound(error);
        else bound(undefined, result);
      };
    } else {
      answer = new this._pool.Promise((resolve, reject) => {
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
    let error = this._pool.ending ? new Error(POOL_ENDED) : request.prepare();
    if (error === null) {
      try {
        const core = this._keeper.open();
        const { template, texts } = /** @type {Opened} */ (this._keeper);
        if (request.types === undefined) request.types = template._types;
        if (template.binary) request.binary = true;
        if (underWay() < BUSY || !request.post(core, texts)) {
          request.send(core, false, texts.knownNumberOf(/** @type {string} */ (request.text)));
        }
        this._keeper.holdLoop();
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
   * @returns {Promise<unknown>}
   */
  executeDdl(order) {
    return new Promise((resolve) => {
      if (this._pool.ending) throw new Error(POOL_ENDED);
      const core = this._keeper.open();
      const { template } = /** @type {Opened} */ (this._keeper);
      const request = new DdlRequest(this, order, template._types);
      if (template.binary) request.binary = true;
      request.resolve = resolve;
      const problem = request.prepare();
      if (problem !== null) throw problem;
      if (!obey(request, order, () => undefined)) return;
      request.send(core);
      request.limit(order.queryTimeout);
      this._keeper.holdLoop();
    });
  }

  /** @returns {Promise<string>} the version of the server */
  version() {
    return new Promise((resolve) => {
      const core = this._keeper.open();
      const fail = (/** @type {NativeError} */ error) => {
        this._keeper.relax();
        rejectAtCaller(resolve, this._keeper.link.explain(error));
      };
      core.askVersion(register({ done: resolve, fail }));
      this._keeper.holdLoop();
    });
  }

  // What requests ask their owner, and tell it.

  /** How long a cancelled script may take to answer, in milliseconds. */
  get _cancelTimeoutMillis() {
    return /** @type {Opened} */ (this._keeper).template._cancelTimeoutMillis;
  }

  /** @param {QueryRequest} request */
  _requestDone(request) {
    request.handleReadyForQuery();
  }

  /**
   * @param {QueryRequest} request
   * @param {NativeError} error
   */
  _requestFailed(request, error) {
    this._keeper.relax();
    request.handleError(this._keeper.link.explain(error));
  }

  /**
   * A script has ended whose connection is lost.
   *
   * @param {DdlRequest} request
   * @param {NativeError | null} error null when the script was committed all the same
   */
  _scriptLost(request, error) {
    request.conclude(error && this._keeper.link.explain(error));
  }
}

module.exports = NativeQueries;
