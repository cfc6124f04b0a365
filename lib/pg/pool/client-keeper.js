'use strict';

const { performance } = require('node:perf_hooks');

const { thrown } = require('../../errors');
const { clearTimeout, nextTick } = require('../../timers');
const { startTimer } = require('../call/timer');
const { toPoolOptions } = require('../settings/settings');
const { POOL_CONNECT_TIMEOUT, RELEASED_TWICE } = require('../../texts');
const { makeIdleListener } = require('./idle-listener');
const { NO_CLIENT } = require('./pool-requests');
const { limit, tell, waiterOf } = require('./waiter');

/** @import { Waiter } from './waiter' */

// The steps, their order and their texts are those of pg-pool, see LICENSE.

/**
 * A client of a pool: ours, or of a class of the program's.
 *
 * @typedef {import('node:events').EventEmitter & {
 *   connect(callback: (error?: unknown) => void): unknown,
 *   query(text: unknown, values: unknown, callback: (error: unknown, result?: unknown) => void): unknown,
 *   end(callback?: () => void): unknown,
 *   release: Release,
 *   ref?(): void,
 *   unref(): void,
 *   isConnected?(): boolean,
 *   readonly connection?: { stream: { destroy(): unknown } },
 *   processID: number | null,
 *   _queryable: boolean,
 *   _ending: boolean,
 *   _poolUseCount?: number,
 * }} PooledClient
 */

/** @typedef {(error?: unknown) => void} Release gives a client back, with what makes it useless if something does */

/** @typedef {(client: PooledClient, waiter: Waiter, idleListener: IdleListener) => void} NewClientStep */

/** @typedef {(error: Error & { client?: PooledClient }) => void} IdleListener what an idle client's errors go to */

/** @typedef {{ client: PooledClient, idleListener: IdleListener, timeoutId: NodeJS.Timeout | undefined }} IdleItem */

/** The most losses of idle clients that are remembered. */
const MOST_LOST = 20;

/** @type {WeakMap<PooledClient, number>} when clients last became idle */
const idleSince = new WeakMap();

/**
 * Keeps clients that are made here, of whatever class, in the lists that programs see, by the steps of pg-pool. Each
 * step is called by way of the pool, where the program may have put its own.
 */
class ClientKeeper {
  /** @param {import('./pool')} pool */
  constructor(pool) {
    this.pool = pool;
    /** @type {number[]} how long clients were idle that were lost then, in milliseconds; the newest last */
    this.lostIdle = [];
  }

  get totalCount() {
    return this.pool._clients.length;
  }

  get idleCount() {
    return this.pool._idle.length;
  }

  get waitingCount() {
    return this.pool._pendingQueue.length;
  }

  get expiredCount() {
    return this.pool._clients.filter((client) => this.pool._expired.has(client)).length;
  }

  get place() {
    return this.pool.options;
  }

  /** @returns {null} */
  direct() {
    return null;
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   */
  during(work) {
    return work();
  }

  /** @param {import('./pool-requests').AcquireRequest} request */
  acquire(request) {
    const { pool } = this;
    try {
      toPoolOptions(pool.options);
    } catch (error) {
      nextTick(() => request.handleError(error, []));
      return;
    }
    const waiter = waiterOf(request);
    if (!pool._isFull() && pool._idle.length === 0) {
      pool.newClient(waiter);
      return;
    }
    if (pool._idle.length > 0) nextTick(() => pool._pulseQueue());
    if (pool.options.connectionTimeoutMillis) limit(pool, waiter, pool.options.connectionTimeoutMillis);
    pool._pendingQueue.push(waiter);
  }

  /** A client that comes for the request is released. */
  withdraw() {
    return undefined;
  }

  end() {
    this.pool._pulseQueue();
  }

  /** Serves the request that has waited longest, if that is possible; ends the pool when its last client has gone. */
  pulse() {
    const { pool } = this;
    pool.log('pulse queue');
    if (pool.ended) {
      pool.log('pulse queue ended');
    } else if (pool.ending && pool._pendingQueue.length === 0) {
      pool.log('pulse queue on ending');
      for (const { client } of [...pool._idle]) pool._remove(client);
      if (pool._clients.length === 0) {
        pool.ended = true;
        pool._endCallback?.();
      }
    } else if (pool._pendingQueue.length === 0) {
      pool.log('no queued requests');
    } else if (pool._idle.length > 0) {
      const waiter = /** @type {Waiter} */ (pool._pendingQueue.shift());
      // The one that was used last, so that clients that aren't needed reach their idle timeout.
      const { client, idleListener, timeoutId } = /** @type {IdleItem} */ (pool._idle.pop());
      clearTimeout(timeoutId);
      if (client.ref) client.ref();
      pool._acquireClient(client, waiter, idleListener, false);
    } else if (!pool._isFull()) {
      pool.newClient(/** @type {Waiter} */ (pool._pendingQueue.shift()));
    }
  }

  /** @param {Waiter} waiter */
  newClient(waiter) {
    const { pool } = this;
    /** @type {PooledClient} */
    let client;
    try {
      client = new pool.Client(pool.options);
    } catch (error) {
      nextTick(() => tell(waiter, thrown(error), ...NO_CLIENT));
      return;
    }
    pool._clients.push(client);
    const idleListener = makeIdleListener(pool, client, {
      // A client that was ended may emit an error.
      isLeaving: () => !pool._clients.includes(client),
      remove: (error) => {
        this._noteLost(client, error);
        pool._remove(client);
      },
    });
    pool.log('checking client timeout');
    let isLate = false;
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    if (pool.options.connectionTimeoutMillis) {
      timer = startTimer(() => {
        // A client without a connection in messages may say itself whether it has connected meanwhile.
        if (!client.connection && client.isConnected?.()) return;
        pool.log('ending client due to timeout');
        isLate = true;
        if (client.connection) client.connection.stream.destroy();
        else client.end();
      }, pool.options.connectionTimeoutMillis);
    }
    pool.log('connecting new client');
    client.connect((failure) => {
      clearTimeout(timer);
      client.on('error', idleListener);
      if (!failure) {
        pool.log('new client connected');
        this._introduce(client, waiter, idleListener);
        return;
      }
      pool.log('client failed to connect', failure);
      this._forget(client);
      pool._pulseQueue();
      tell(waiter, isLate ? new Error(POOL_CONNECT_TIMEOUT, { cause: failure }) : failure, ...NO_CLIENT);
    });
  }

  /** @param {PooledClient} client */
  _forget(client) {
    this.pool._clients = this.pool._clients.filter((known) => known !== client);
  }

  /**
   * Lets the program's hook prepare a new client before it is handed out.
   *
   * @type {NewClientStep}
   */
  _introduce(client, waiter, idleListener) {
    const { pool } = this;
    const { onConnect } = pool.options;
    if (!onConnect) {
      pool._afterConnect(client, waiter, idleListener);
      return;
    }
    pool
      ._promiseTry(() => onConnect(client))
      .then(
        () => pool._afterConnect(client, waiter, idleListener),
        (error) => {
          this._forget(client);
          client.end(() => {
            pool._pulseQueue();
            tell(waiter, thrown(error), ...NO_CLIENT);
          });
        },
      );
  }

  /** @type {NewClientStep} */
  afterConnect(client, waiter, idleListener) {
    const { pool } = this;
    if (pool.options.maxLifetimeSeconds) {
      const timer = startTimer(
        () => {
          pool.log('ending client due to expired lifetime');
          pool._expired.add(client);
          // An idle client is checked out and released at once, so that it is removed like any other.
          if (pool._idle.some((item) => item.client === client)) {
            pool._acquireClient(client, { callback: () => client.release() }, idleListener, false);
          }
        },
        Number(pool.options.maxLifetimeSeconds) * 1000,
      );
      timer?.unref();
      client.once('end', () => clearTimeout(timer));
    }
    pool._acquireClient(client, waiter, idleListener, true);
  }

  /**
   * @param {PooledClient} client
   * @param {Waiter} waiter
   * @param {IdleListener} idleListener
   * @param {boolean} isNew
   */
  acquireClient(client, waiter, idleListener, isNew) {
    const { pool } = this;
    if (isNew) pool.emit('connect', client);
    pool.emit('acquire', client);
    client.release = pool._releaseOnce(client, idleListener);
    client.removeListener('error', idleListener);
    if (isNew && pool.options.verify) {
      pool.options.verify(client, (error) => {
        if (error || waiter.timedOut) client.release(error);
        if (error) tell(waiter, error, ...NO_CLIENT);
        else tell(waiter, undefined, client, client.release);
      });
    } else if (waiter.timedOut) {
      client.release();
    } else {
      tell(waiter, undefined, client, client.release);
    }
  }

  /**
   * @param {PooledClient} client
   * @param {IdleListener} idleListener
   * @returns {Release} gives the client back, once
   */
  releaseOnce(client, idleListener) {
    let released = false;
    return (error) => {
      if (released) throw new Error(RELEASED_TWICE);
      released = true;
      this.pool._release(client, idleListener, error);
    };
  }

  /**
   * @param {PooledClient} client
   * @param {IdleListener} idleListener
   * @param {unknown} [error]
   */
  release(client, idleListener, error) {
    const { pool } = this;
    pool._leaks?.givenBack(client);
    client.on('error', idleListener);
    client._poolUseCount = (client._poolUseCount || 0) + 1;
    pool.emit('release', error, client);
    const isExpended = client._poolUseCount >= pool.options.maxUses;
    if (isExpended) pool.log('remove expended client');
    // Requests that waited before the end are served first.
    const isOver = pool.ending && pool._pendingQueue.length === 0;
    const isUseless = error || isOver || !client._queryable || client._ending || isExpended;
    const isExpired = !isUseless && pool._expired.delete(client);
    if (isExpired) pool.log('remove expired client');
    if (isUseless || isExpired) {
      pool._remove(client, () => pool._pulseQueue());
      return;
    }
    const timeoutId = this._idleTimer(client);
    if (pool.options.allowExitOnIdle) client.unref();
    idleSince.set(client, performance.now());
    pool._idle.push({ client, idleListener, timeoutId });
    pool._pulseQueue();
  }

  /**
   * @param {PooledClient} client
   * @param {unknown} error that ended it
   */
  _noteLost(client, error) {
    const since = idleSince.get(client);
    const isIdle = this.pool._idle.some((item) => item.client === client);
    // What has a severity is a reason of the server's.
    if (since === undefined || !isIdle || Object(error).severity) return;
    this.lostIdle = [...this.lostIdle, performance.now() - since].slice(-MOST_LOST);
  }

  /** @param {PooledClient} client */
  _idleTimer(client) {
    const { pool } = this;
    const { idleTimeoutMillis, allowExitOnIdle } = pool.options;
    if (!idleTimeoutMillis || !pool._isAboveMin()) return undefined;
    const timer = startTimer(() => {
      if (!pool._isAboveMin()) return;
      pool.log('remove idle client');
      pool._remove(client, () => pool._pulseQueue());
    }, idleTimeoutMillis);
    if (allowExitOnIdle) timer?.unref();
    return timer;
  }

  /**
   * @param {PooledClient} client
   * @param {() => void} [callback]
   */
  remove(client, callback) {
    const { pool } = this;
    const place = pool._idle.findIndex((item) => item.client === client);
    if (place !== -1) clearTimeout(pool._idle.splice(place, 1)[0].timeoutId);
    this._forget(client);
    client.end(() => {
      pool.emit('remove', client);
      if (typeof callback === 'function') callback();
    });
  }
}

module.exports = ClientKeeper;
