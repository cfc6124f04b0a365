'use strict';

const { native, pools, register, unregister } = require('../../native/binding');
const { isWaitTimeout } = require('../../errors');
const { clearInterval, nextTick, setImmediate, setInterval } = require('../../timers');
const { channels, isWatched } = require('../call/diagnostics');
const Client = require('../client/client');
const { EndRequest } = require('../client/client-link');
const { settingsOf } = require('../client/client-settings');
const defaults = require('../settings/defaults');
const { onChange } = require('../settings/secret');
const { toPoolOptions } = require('../settings/settings');
const NativeClients = require('./native-clients');
const NativeQueries = require('./native-queries');
const { showViews } = require('./native-views');
const { Texts } = require('./outbox');
const { isTakenPartIn } = require('./participation');
const { PoolLink } = require('./pool-link');
const { quickenLookup } = require('./quick-lookup');

/** @typedef {import('./pool-requests').AcquireRequest} AcquireRequest */

/**
 * @typedef {import('../../errors').PgError} NativeError
 * @typedef {import('../../native/addon').Connection} NativeConnection
 * @typedef {import('../../native/addon').Pool} NativePool
 */

/** @typedef {{ core: NativePool, texts: Texts, template: Client }} Opened what there is once the native pool is opened */

// How often a pool that keeps the process alive checks whether it still has to. The native side reports changes at
// once; this limits how long a report that came too early has an effect.
const HOLD_CHECK_MILLIS = 1000;

/** Leaves a pool's connections to the native side, which makes, counts and limits them, and runs the pool's queries. */
class NativeKeeper {
  /** @param {import('./pool')} pool */
  constructor(pool) {
    this.pool = pool;
    this.clients = new NativeClients(this);
    this.queries = new NativeQueries(this);
    /** The receiver of the native pool's events. */
    this.link = new PoolLink(this);
    /** @type {NativePool | null} opened when it is first needed */
    this.core = null;
    /** @type {Texts | null} the numbers of texts, see outbox.js; opened with the native pool */
    this.texts = null;
    /** @type {Client | null} a client that never connects: it has the settings, the parsers, the password */
    this.template = null;
    /** @type {boolean} whether the binding passes on what the native pool tells */
    this._isKnown = false;
    /** @type {number} requests that take an idle connection in the next tick */
    this._scheduled = 0;
    /** @type {number} work under way whose server may be asked about it when no connection is left */
    this._lasting = 0;
    /** @type {NodeJS.Timeout | null} keeps the event loop alive while there are connections */
    this._hold = null;
  }

  get totalCount() {
    return this.core === null ? 0 : this.core.totalCount;
  }

  get idleCount() {
    return this.core === null ? 0 : this.core.idleCount + this.clients.settling;
  }

  get waitingCount() {
    return this.core === null ? 0 : this.core.waitingCount + this._scheduled;
  }

  /** @returns {number[]} */
  get lostIdle() {
    return this.core === null ? [] : this.core.lostIdle;
  }

  get expiredCount() {
    return this.core === null ? 0 : this.core.expiredCount;
  }

  get place() {
    return this.template || this.pool.options;
  }

  /** The native pool. Options, environment and defaults are read when it is opened. */
  open() {
    if (this.core !== null) return this.core;
    const { pool } = this;
    const template = new Client(pool.options);
    /** @type {NativePool} */
    const core = native.openPool(settingsOf(template), toPoolOptions(pool.options));
    this.template = template;
    this.core = core;
    this.texts = new Texts(core);
    showViews(pool, this.clients, core);
    // A password that the program changes later, since it is a token that expires, counts for the next connection.
    if (!pool.options.shared) {
      onChange(pool.options, 'password', (password) => {
        template.password = /** @type {Client['password']} */ (password);
        core.setPassword(typeof password === 'string' ? password : null);
      });
    }
    for (const object of [pool, pool.options, template]) quickenLookup(object);
    return core;
  }

  // Clients.

  /** @param {AcquireRequest} request */
  acquire(request) {
    request.owner = this;
    try {
      const core = this.open();
      this.holdLoop();
      // An idle client is handed out in the next tick, as by pg-pool; until then the request counts as waiting.
      if (core.idleCount > 0 && core.waitingCount === 0) {
        this._scheduled++;
        nextTick(() => {
          this._scheduled--;
          if (!request.isAborted) this._take(core, request);
        });
      } else {
        this._take(core, request);
      }
    } catch (error) {
      nextTick(() => this.refuse(request, /** @type {Error} */ (error)));
    }
  }

  /**
   * @param {NativePool} core
   * @param {AcquireRequest} request
   */
  _take(core, request) {
    const id = register(request);
    const connection = core.acquire(id);
    if (connection !== undefined) {
      unregister(id);
      nextTick(() => this.clients.deliver(connection, connection.isNew, request));
    } else {
      request.id = id;
    }
  }

  /** @param {AcquireRequest} request */
  withdraw(request) {
    const { id } = request;
    if (id === undefined || !this.core?.forget(id)) return;
    request.id = undefined;
    unregister(id);
    this.relax();
  }

  /**
   * @param {AcquireRequest} request
   * @param {NativeError} error why there is no connection for it
   */
  refuse(request, error) {
    this.relax();
    // A request that only waited never had a client.
    request.handleError(this.link.explain(error), isWaitTimeout(error) ? [] : undefined);
  }

  /** The native side serves its queue by itself. */
  pulse() {
    return undefined;
  }

  // Queries.

  direct() {
    const { pool } = this;
    const isSeen =
      isTakenPartIn(pool) ||
      pool.options.query_timeout ||
      defaults.query_timeout ||
      isWatched(channels.acquire) ||
      this.clients.haveReplacedQuery();
    return isSeen ? null : this.queries;
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   */
  async during(work) {
    this._lasting++;
    try {
      return await work();
    } finally {
      this._lasting--;
      this.relax();
    }
  }

  // The event loop, and the end.

  /**
   * The native side knows the pool from its first request until it has no connection left: one that the program drops
   * can be collected then. Connections keep the process alive, as sockets do, unless the pool was told that idle ones
   * don't.
   */
  holdLoop() {
    const { core } = /** @type {Opened} */ (this);
    if (!this._isKnown) {
      this._isKnown = true;
      pools.set(core.id, this.link);
    }
    if (this._hold === null) {
      this._hold = setInterval(() => this.relax(), HOLD_CHECK_MILLIS);
      if (this.pool.options.allowExitOnIdle) this._hold.unref();
      core.waitInVain(false);
    }
  }

  /** Called when the last thing that kept the process alive may have ended. */
  relax() {
    const { core, clients } = this;
    if (core === null || this._lasting > 0 || this._scheduled > 0) return;
    const unheld = clients.countUnheld();
    if (!core.isAtRest(clients.removals, unheld)) return;
    this._letGo();
    // Others in a shared pool may need the password from any of its users until that one ends it.
    if (this.pool.options.shared) return;
    // Pending requests now wait for clients that may never be released.
    core.waitInVain(true);
    if (unheld > 0 || this.waitingCount > 0) return;
    this._isKnown = false;
    pools.delete(core.id);
  }

  _letGo() {
    clearInterval(this._hold ?? undefined);
    this._hold = null;
  }

  /** A released client leaves its place to pending requests: the event loop stays alive for them again. */
  holdForWaiting() {
    if (this._hold === null && this.waitingCount > 0) this.holdLoop();
  }

  end() {
    const { core, pool } = this;
    const finish = () => {
      pool.ended = true;
      pool._endCallback?.();
    };
    if (core === null) {
      finish();
      return;
    }
    core.end(
      register(
        new EndRequest(() => {
          pools.delete(core.id);
          // Others may still have connections of a shared pool, which don't keep this thread alive.
          if (pool.options.shared) this._letGo();
          else this.relax();
          // After the 'remove' events of the last clients, which come a turn after their connections have closed.
          setImmediate(() => setImmediate(finish));
        }),
      ),
    );
    if (!pool.options.shared) this.holdLoop();
  }
}

module.exports = NativeKeeper;
