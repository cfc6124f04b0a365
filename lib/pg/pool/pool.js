'use strict';

const { EventEmitter } = require('node:events');

const { thrown } = require('../../errors');
const { nextTick } = require('../../timers');
const { obey } = require('../call/abort');
const { channels, isWatched, place, queryContext, trace } = require('../call/diagnostics');
const { onSettled } = require('../call/settlement');
const Client = require('../client/client');
const { TLS_SECRETS, hide } = require('../settings/secret');
const { amount } = require('../settings/settings');
const ClientKeeper = require('./client-keeper');
const { queryOnClient } = require('./client-query');
const { hasSignal, isPlain } = require('./query-kind');
const { chooseKeeper } = require('./keeper');
const { LeakWatch } = require('./leak');
const Listener = require('./listener');
const { queryObeying } = require('./pool-abort');
const { toOwnOptions } = require('./pool-options');
const { AcquireRequest, Answer } = require('./pool-requests');
const { POOL_ENDED, POOL_ENDED_TWICE } = require('../../texts');

/** @import { ClientClass, PoolOptions } from './pool-options' */
/** @import { IdleItem, PooledClient, Release } from './client-keeper' */
/** @import { Waiter } from './waiter' */
/** @import { Order } from '../../manager/ddl-order' */

/** @typedef {(error?: unknown, client?: PooledClient, release?: Release) => void} ConnectCallback */

/** @typedef {(error?: unknown, result?: unknown) => void} QueryCallback */

/** @typedef {(callback?: (error?: unknown) => void) => Promise<void> | void} End */

const INTERNALS = ['_keeper', '_leaks', '_listener', '_whenEnded'];

/** @returns {undefined} */
function nothing() {
  return undefined;
}

/**
 * A pool of connections as programs see it: what it offers, its options and its end, under the names of pg-pool. What
 * keeps the connections is its keeper.
 */
class Pool extends EventEmitter {
  /** @param {object | null} [options] */
  constructor(options) {
    super();
    const given = /** @type {Partial<PoolOptions> | null | undefined} */ (options);
    const ClientClass = /** @type {ClientClass} */ (given?.Client || /** @type {unknown} */ (Client));
    const isOurs = Object.create(ClientClass.prototype) instanceof Client;
    this.options = toOwnOptions(given, isOurs ? TLS_SECRETS : ['key']);
    /** @type {(...messages: unknown[]) => void} */
    this.log = this.options.log || nothing;
    this.Client = ClientClass;
    /** @type {PromiseConstructor} */
    this.Promise = this.options.Promise || Promise;
    /** @type {PooledClient[]} */
    this._clients = [];
    /** @type {IdleItem[]} */
    this._idle = [];
    /** @type {WeakSet<PooledClient>} */
    this._expired = new WeakSet();
    /** @type {Waiter[]} */
    this._pendingQueue = [];
    /** @type {(() => void) | undefined} */
    this._endCallback = undefined;
    this.ending = false;
    this.ended = false;

    // The state that pg-pool doesn't have, kept out of what a printed pool shows.
    /** @type {import('./keeper').Keeper | null} chosen when the pool is first used */
    this._keeper = null;
    const leakTimeoutMillis = amount('leakTimeoutMillis', this.options.leakTimeoutMillis);
    /** @type {LeakWatch | null} */
    this._leaks = leakTimeoutMillis > 0 ? new LeakWatch(this, leakTimeoutMillis) : null;
    /** @type {Listener | null} */
    this._listener = null;
    /** @type {Promise<void>} */
    this._whenEnded = Promise.resolve();
    hide(this, ...INTERNALS);
  }

  get totalCount() {
    return this._keeper === null ? 0 : this._keeper.totalCount;
  }

  get idleCount() {
    return this._keeper === null ? 0 : this._keeper.idleCount;
  }

  get waitingCount() {
    return this._keeper === null ? 0 : this._keeper.waitingCount;
  }

  get expiredCount() {
    return this._keeper === null ? 0 : this._keeper.expiredCount;
  }

  _kept() {
    if (this._keeper === null) this._keeper = chooseKeeper(this, hasOwnSteps(this));
    return this._keeper;
  }

  // Clients.

  /**
   * @param {{ signal?: AbortSignal } | ConnectCallback} [options] may be left out
   * @param {ConnectCallback} [callback]
   * @returns {Promise<PooledClient> | void}
   */
  connect(options, callback) {
    const called = typeof options === 'function' ? options : callback;
    const taken = this._leaks === null ? undefined : this._leaks.trace(this.connect);
    if (!isWatched(channels.acquire)) return this._connect(options, called, taken, undefined);
    const context = place(this._kept().place);
    return trace(channels.acquire, context, (settled) =>
      this._connect(options, called, taken, (error, outcome) => {
        Object.assign(context, outcome);
        settled(error);
      }),
    );
  }

  /**
   * @param {{ signal?: AbortSignal } | ConnectCallback | undefined} options
   * @param {ConnectCallback | undefined} callback
   * @param {((client: PooledClient) => void) | undefined} taken
   * @param {import('../call/settlement').Onlooker | undefined} onlooker
   */
  _connect(options, callback, taken, onlooker) {
    if (this.ending) {
      const error = new Error(POOL_ENDED);
      if (onlooker) onlooker(error, undefined);
      return callback ? callback(error) : this.Promise.reject(error);
    }
    const keeper = this._kept();
    const request = new AcquireRequest(new Answer(this.Promise, callback));
    request.taken = taken;
    if (onlooker) onSettled(request, onlooker);
    if (obey(request, options, () => keeper.withdraw(request))) keeper.acquire(request);
    return request.answer.promise;
  }

  // Queries.

  /**
   * @param {unknown} text text, configuration or submittable
   * @param {unknown[] | QueryCallback} [values]
   * @param {QueryCallback} [callback]
   * @returns {Promise<unknown> | undefined}
   */
  query(text, values, callback) {
    const called = typeof values === 'function' ? values : callback;
    const given = typeof values === 'function' || !values ? undefined : values;
    try {
      if (hasSignal(text)) return queryObeying(this, text, given, called);
      const direct = this._direct();
      if (direct === null || !isPlain(text)) return queryOnClient(this, text, given, called);
      if (!isWatched(channels.query)) return direct.query(text, given, called, undefined);
      return trace(channels.query, queryContext(this._kept().place, text), (settled) =>
        direct.query(text, given, called, settled),
      );
    } catch (error) {
      // A getter of the caller's configuration.
      const answer = new Answer(this.Promise, called);
      nextTick(() => answer.fail(thrown(error)));
      return answer.promise;
    }
  }

  /** What runs queries without a client that the program could see; null while it is to see one. */
  _direct() {
    const keeper = this._keeper === null ? this._kept() : this._keeper;
    return this.connect === ownConnect ? keeper.direct() : null;
  }

  /**
   * Runs a script under the native side's rules for DDL.
   *
   * @param {Order} order
   * @param {() => Promise<unknown>} onClient runs it on a client
   * @returns {Promise<unknown>}
   */
  _executeDdl(order, onClient) {
    return this._kept().during(() => {
      const direct = this._direct();
      return direct === null ? onClient() : direct.executeDdl(order);
    });
  }

  /**
   * How long connections were idle that were lost then, in milliseconds; the newest last.
   *
   * @returns {number[]}
   */
  _lostIdle() {
    return this._keeper === null ? [] : this._keeper.lostIdle;
  }

  /** @returns {Promise<string>} the version of the server */
  async _version() {
    const direct = this._direct();
    if (direct !== null) return await direct.version();
    const { rows } = /** @type {{ rows: { version: string }[] }} */ (await this.query('SELECT version()'));
    return rows[0].version;
  }

  /**
   * Calls `handler` with each notification of a channel, until the pool ends or the subscription does. The connection
   * for it is one more beside those of the pool.
   *
   * @param {string} channel
   * @param {import('./listener').Handler} handler
   * @param {import('./listener').ListenOptions} [options] `onGap` is told when a lost connection is back
   * @returns {Promise<import('../../../types/pool').Subscription>}
   */
  listen(channel, handler, options) {
    if (this._listener === null) {
      if (this.ending) return Promise.reject(new Error(POOL_ENDED));
      this._listener = new Listener(this);
    }
    return this._listener.listen(channel, handler, options);
  }

  // The end.

  /** @type {End} */
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

  /** @type {End} */
  _end(callback) {
    this.log('ending');
    if (this.ending) {
      const error = new Error(POOL_ENDED_TWICE);
      return callback ? callback(error) : this.Promise.reject(error);
    }
    this.ending = true;
    const answer = new Answer(this.Promise, callback);
    this._whenEnded = new Promise((resolve) => {
      this._endCallback = () => {
        answer.finish();
        resolve();
      };
    });
    this._kept().end();
    return answer.promise;
  }

  /** @returns {Promise<void>} when the pool has ended, whatever has asked for it */
  async [Symbol.asyncDispose]() {
    await (this.ending ? this._whenEnded : this.end());
  }

  // The steps of pg-pool, which programs override and call. Where the native side takes them, they are here for
  // programs that call them all the same.

  /** @returns {ClientKeeper} */
  _steps() {
    if (this._keeper === null) this._keeper = chooseKeeper(this, true);
    return this._keeper instanceof ClientKeeper ? this._keeper : new ClientKeeper(this);
  }

  /**
   * @template T
   * @param {() => T | PromiseLike<T>} body
   * @returns {Promise<T>}
   */
  _promiseTry(body) {
    return new this.Promise((resolve) => resolve(body()));
  }

  _isFull() {
    return this.totalCount >= this.options.max;
  }

  _isAboveMin() {
    return this.totalCount > /** @type {number} */ (this.options.min);
  }

  _pulseQueue() {
    (this._keeper || this._steps()).pulse();
  }

  /** @type {ClientKeeper['newClient']} */
  newClient(waiter) {
    this._steps().newClient(waiter);
  }

  /** @type {ClientKeeper['afterConnect']} */
  _afterConnect(client, waiter, idleListener) {
    this._steps().afterConnect(client, waiter, idleListener);
  }

  /** @type {ClientKeeper['acquireClient']} */
  _acquireClient(client, waiter, idleListener, isNew) {
    this._steps().acquireClient(client, waiter, idleListener, isNew);
  }

  /** @type {ClientKeeper['releaseOnce']} */
  _releaseOnce(client, idleListener) {
    return this._steps().releaseOnce(client, idleListener);
  }

  /** @type {ClientKeeper['release']} */
  _release(client, idleListener, error) {
    this._steps().release(client, idleListener, error);
  }

  /** @type {ClientKeeper['remove']} */
  _remove(client, callback) {
    this._steps().remove(client, callback);
  }
}

const { connect: ownConnect } = Pool.prototype;

const STEPS = [
  ...['newClient', '_afterConnect', '_acquireClient', '_releaseOnce', '_release', '_remove'],
  ...['_pulseQueue', '_isFull', '_isAboveMin', '_promiseTry'],
];
const ownSteps = STEPS.map((name) => Reflect.get(Pool.prototype, name));

// Programs that print or compare the name see node-postgres's.
Object.defineProperty(Pool, 'name', { configurable: true, value: 'BoundPool' });

/**
 * Whether a program has put methods in the place of pg-pool's steps.
 *
 * @param {object} pool
 */
function hasOwnSteps(pool) {
  return STEPS.some((name, i) => Reflect.get(pool, name) !== ownSteps[i]);
}

module.exports = Pool;
