'use strict';

const { EventEmitter } = require('node:events');

const { thrown } = require('../../errors');
const { clearTimeout, nextTick, setImmediate } = require('../../timers');
const { callOut, emitErrorToListeners } = require('../call/caller');
const { Answer } = require('./pool-requests');
const { conceal, concealInCopies, secretiveTls, withCarried } = require('../settings/secret');
const { toPoolOptions } = require('../settings/settings');
const { startTimer } = require('../call/timer');
const { POOL_ENDED, POOL_ENDED_TWICE, RELEASED_TWICE, WAIT_TIMEOUT } = require('../../texts');

// What pg-pool takes where the options say nothing.
const DEFAULT_MAX = 10;
const DEFAULT_IDLE_TIMEOUT_MILLIS = 10000;

/** What is concealed in options, and copies of them carry along. */
const SECRETS = ['password', 'connectionString'];

/** What says which server and who there. */
const PLACE = ['host', 'port', 'user', 'database'];

/**
 * Whether a copy of a pool's options may have its password or connection string. One that names a connection string of
 * its own needs neither, and one that names another server or user must not send the password there.
 *
 * @param {{ copy: any, original: any }} options
 * @param {string} name
 */
function leadsThere({ copy, original }, name) {
  if ('connectionString' in copy) return false;
  return name === 'connectionString' || PLACE.every((part) => Object.is(copy[part], original[part]));
}

/**
 * A pool's own options: a copy with what is secret concealed.
 *
 * @param {Record<string, any> | undefined | null} options
 */
function secretiveOptions(options) {
  const given = withCarried(options);
  /** @type {Record<string, any>} */
  const own = { ...given };
  const secrets = SECRETS.filter((name) => given && given[name] !== undefined);
  for (const name of secrets) own[name] = given?.[name];
  if (given && 'password' in given && !secrets.includes('password')) conceal(own, 'password');
  if (secrets.length > 0) concealInCopies(own, secrets, leadsThere);
  return own;
}

/** @returns {undefined} */
function nothing() {
  return undefined;
}

/**
 * Somebody who waits for a client. Programs that call `newClient` themselves bring their own.
 *
 * @typedef {{ callback: (error: any, client?: any, release?: any) => void, timedOut?: boolean }} Waiter
 */

/**
 * @param {Waiter} waiter
 * @param {...any} outcome
 */
function tell(waiter, ...outcome) {
  if (!waiter.timedOut) callOut(waiter.callback, ...outcome);
}

/**
 * A pool of clients of any class, with the options, events, counts and texts of pg-pool. The pool for our own clients
 * takes its options and `query` from here; for a class of the caller's everything.
 */
class ClientPool extends EventEmitter {
  /**
   * @param {Record<string, any> | undefined | null} options
   * @param {any} ClientClass
   * @param {string[]} [tlsSecrets] options of TLS that its clients find when they are no enumerable properties
   */
  constructor(options, ClientClass, tlsSecrets = ['key']) {
    super();
    /** @type {Record<string, any>} */
    this.options = secretiveOptions(options);
    if (this.options.ssl) this.options.ssl = secretiveTls(this.options.ssl, tlsSecrets);
    this.options.max = this.options.max || this.options.poolSize || DEFAULT_MAX;
    this.options.min = this.options.min || 0;
    this.options.maxUses = this.options.maxUses || Infinity;
    this.options.allowExitOnIdle = this.options.allowExitOnIdle || false;
    this.options.maxLifetimeSeconds = this.options.maxLifetimeSeconds || 0;
    if (this.options.idleTimeoutMillis === undefined) {
      this.options.idleTimeoutMillis = DEFAULT_IDLE_TIMEOUT_MILLIS;
    }
    /** @type {(...args: any[]) => void} */
    this.log = this.options.log || nothing;
    this.Client = ClientClass;
    this.Promise = this.options.Promise || Promise;
    /** @type {any[]} */
    this._clients = [];
    /** @type {{ client: any, idleListener: any, timeoutId: NodeJS.Timeout | undefined }[]} */
    this._idle = [];
    this._expired = new WeakSet();
    /** @type {Waiter[]} */
    this._pendingQueue = [];
    /** @type {(() => void) | undefined} */
    this._endCallback = undefined;
    this.ending = false;
    this.ended = false;
  }

  /** @param {() => any} body */
  _promiseTry(body) {
    return new this.Promise((/** @type {any} */ resolve) => resolve(body()));
  }

  _isFull() {
    return this._clients.length >= this.options.max;
  }

  _isAboveMin() {
    return this._clients.length > this.options.min;
  }

  /**
   * @param {Function} [callback]
   * @returns {any}
   */
  connect(callback) {
    if (this.ending) {
      const error = new Error(POOL_ENDED);
      return callback ? callback(error) : this.Promise.reject(error);
    }
    const answer = new Answer(this.Promise, callback);
    try {
      toPoolOptions(this.options);
    } catch (error) {
      nextTick(() => answer.fail(error));
      return answer.promise;
    }
    /** @type {Waiter} */
    const waiter = {
      callback: (error, ...rest) => {
        if (error) answer.fail(error, ...rest);
        else answer.succeed(...rest);
      },
    };
    if (this._idle.length === 0 && !this._isFull()) {
      this.newClient(waiter);
      return answer.promise;
    }
    if (this._idle.length > 0) nextTick(() => this._pulseQueue());
    if (this.options.connectionTimeoutMillis) this._limit(waiter);
    this._pendingQueue.push(waiter);
    return answer.promise;
  }

  /** @param {Waiter} waiter */
  _limit(waiter) {
    const { callback } = waiter;
    const timer = startTimer(() => {
      this._pendingQueue = this._pendingQueue.filter((other) => other !== waiter);
      // A client that still comes for it goes back.
      waiter.timedOut = true;
      callback(new Error(WAIT_TIMEOUT));
    }, this.options.connectionTimeoutMillis);
    timer?.unref();
    waiter.callback = (...outcome) => {
      clearTimeout(timer);
      callback(...outcome);
    };
  }

  /** Serves who has waited longest, if that is possible now; ends the pool when its last client has gone. */
  _pulseQueue() {
    this.log('pulse queue');
    if (this.ended) {
      this.log('pulse queue ended');
    } else if (this.ending && this._pendingQueue.length === 0) {
      this.log('pulse queue on ending');
      for (const { client } of [...this._idle]) this._remove(client);
      if (this._clients.length === 0) {
        this.ended = true;
        /** @type {() => void} */ (this._endCallback)();
      }
    } else if (this._pendingQueue.length === 0) {
      this.log('no queued requests');
    } else if (this._idle.length > 0) {
      const waiter = /** @type {Waiter} */ (this._pendingQueue.shift());
      // The one that was used last: those that nobody needs grow old.
      const { client, idleListener, timeoutId } = /** @type {any} */ (this._idle.pop());
      clearTimeout(timeoutId);
      if (client.ref) client.ref();
      this._acquireClient(client, waiter, idleListener, false);
    } else if (!this._isFull()) {
      this.newClient(/** @type {Waiter} */ (this._pendingQueue.shift()));
    }
  }

  /** @param {Waiter} waiter */
  newClient(waiter) {
    let client;
    try {
      client = new this.Client(this.options);
    } catch (error) {
      nextTick(() => tell(waiter, thrown(error), undefined, nothing));
      return;
    }
    this._clients.push(client);
    const idleListener = this._idleListener(client);
    this.log('checking client timeout');
    let isLate = false;
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    if (this.options.connectionTimeoutMillis) {
      timer = startTimer(() => {
        // One without the messages of a connection can say itself whether it got through meanwhile.
        if (!client.connection && client.isConnected?.()) return;
        this.log('ending client due to timeout');
        isLate = true;
        if (client.connection) client.connection.stream.destroy();
        else client.end();
      }, this.options.connectionTimeoutMillis);
    }
    this.log('connecting new client');
    client.connect((/** @type {any} */ failure) => {
      clearTimeout(timer);
      client.on('error', idleListener);
      if (!failure) {
        this.log('new client connected');
        this._introduceClient(client, waiter, idleListener);
        return;
      }
      this.log('client failed to connect', failure);
      this._forgetClient(client);
      const late = 'Connection terminated due to connection timeout';
      this._pulseQueue();
      tell(waiter, isLate ? new Error(late, { cause: failure }) : failure, undefined, nothing);
    });
  }

  /**
   * @param {any} client
   * @returns {(error: any) => void} what an idle client's errors go to
   */
  _idleListener(client) {
    const listener = (/** @type {any} */ error) => {
      // Whoever was told to go doesn't have to go in peace.
      if (!this._clients.includes(client)) {
        this.log('client error while it is ending', error);
        return;
      }
      error.client = client;
      client.removeListener('error', listener);
      client.on('error', () => this.log('additional client error after disconnection due to error', error));
      this._remove(client);
      emitErrorToListeners(this, error, client);
    };
    return listener;
  }

  /** @param {any} client */
  _forgetClient(client) {
    this._clients = this._clients.filter((known) => known !== client);
  }

  /**
   * @param {any} client
   * @param {Waiter} waiter
   * @param {any} idleListener
   */
  _introduceClient(client, waiter, idleListener) {
    if (!this.options.onConnect) {
      this._afterConnect(client, waiter, idleListener);
      return;
    }
    this._promiseTry(() => this.options.onConnect(client)).then(
      () => this._afterConnect(client, waiter, idleListener),
      (/** @type {any} */ error) => {
        this._forgetClient(client);
        client.end(() => {
          this._pulseQueue();
          tell(waiter, thrown(error), undefined, nothing);
        });
      },
    );
  }

  /**
   * @param {any} client
   * @param {Waiter} waiter
   * @param {any} idleListener
   */
  _afterConnect(client, waiter, idleListener) {
    if (this.options.maxLifetimeSeconds) {
      const timer = startTimer(
        () => {
          this.log('ending client due to expired lifetime');
          this._expired.add(client);
          // One that is idle is handed out to nobody, so that it leaves as all the others do.
          if (this._idle.some((item) => item.client === client)) {
            const nobody = { callback: (/** @type {any[]} */ ..._arrived) => client.release() };
            this._acquireClient(client, nobody, idleListener, false);
          }
        },
        Number(this.options.maxLifetimeSeconds) * 1000,
      );
      timer?.unref();
      client.once('end', () => clearTimeout(timer));
    }
    this._acquireClient(client, waiter, idleListener, true);
  }

  /**
   * @param {any} client
   * @param {Waiter} waiter
   * @param {any} idleListener
   * @param {boolean} isNew
   */
  _acquireClient(client, waiter, idleListener, isNew) {
    if (isNew) this.emit('connect', client);
    this.emit('acquire', client);
    client.release = this._releaseOnce(client, idleListener);
    client.removeListener('error', idleListener);
    if (isNew && this.options.verify) {
      this.options.verify(client, (/** @type {any} */ error) => {
        if (error || waiter.timedOut) client.release(error);
        if (error) tell(waiter, error, undefined, nothing);
        else tell(waiter, undefined, client, client.release);
      });
    } else if (waiter.timedOut) {
      client.release();
    } else {
      tell(waiter, undefined, client, client.release);
    }
  }

  /**
   * @param {any} client
   * @param {any} idleListener
   * @returns {(error?: any) => void} gives the client back, once
   */
  _releaseOnce(client, idleListener) {
    let released = false;
    return (error) => {
      if (released) throw new Error(RELEASED_TWICE);
      released = true;
      this._release(client, idleListener, error);
    };
  }

  /**
   * @param {any} client
   * @param {any} idleListener
   * @param {any} error
   */
  _release(client, idleListener, error) {
    client.on('error', idleListener);
    client._poolUseCount = (client._poolUseCount || 0) + 1;
    this.emit('release', error, client);
    const isExpended = client._poolUseCount >= this.options.maxUses;
    if (isExpended) this.log('remove expended client');
    // Those who waited before the end are served first.
    const isOver = this.ending && this._pendingQueue.length === 0;
    const isBroken = error || isOver || !client._queryable || client._ending;
    if (isBroken || isExpended) {
      this._remove(client, () => this._pulseQueue());
      return;
    }
    if (this._expired.delete(client)) {
      this.log('remove expired client');
      this._remove(client, () => this._pulseQueue());
      return;
    }
    const timeoutId = this._idleTimer(client);
    if (this.options.allowExitOnIdle) client.unref();
    this._idle.push({ client, idleListener, timeoutId });
    this._pulseQueue();
  }

  /** @param {any} client */
  _idleTimer(client) {
    const { idleTimeoutMillis, allowExitOnIdle } = this.options;
    if (!idleTimeoutMillis || !this._isAboveMin()) return undefined;
    const timer = startTimer(() => {
      if (!this._isAboveMin()) return;
      this.log('remove idle client');
      this._remove(client, () => this._pulseQueue());
    }, idleTimeoutMillis);
    if (allowExitOnIdle) timer?.unref();
    return timer;
  }

  /**
   * @param {any} client
   * @param {() => void} [callback]
   */
  _remove(client, callback) {
    const place = this._idle.findIndex((item) => item.client === client);
    if (place !== -1) clearTimeout(this._idle.splice(place, 1)[0].timeoutId);
    this._forgetClient(client);
    client.end(() => {
      this.emit('remove', client);
      if (typeof callback === 'function') callback();
    });
  }

  /**
   * Takes a client, runs the query on it, gives it back.
   *
   * @param {any} text
   * @param {any} [values]
   * @param {any} [callback]
   * @returns {any}
   */
  query(text, values, callback) {
    const called = typeof values === 'function' ? values : callback;
    const given = typeof values === 'function' ? undefined : values;
    if (typeof text === 'function') {
      const refusal = new Answer(this.Promise, text);
      const message = 'Passing a function as the first parameter to pool.query is not supported';
      setImmediate(() => refusal.fail(new Error(message)));
      return refusal.promise;
    }
    const answer = new Answer(this.Promise, called);
    this.connect((/** @type {any} */ failure, /** @type {any} */ client) => {
      if (failure) answer.fail(failure);
      else this._run(client, text, given, answer);
    });
    return answer.promise;
  }

  /**
   * @param {any} client
   * @param {any} text
   * @param {any} values
   * @param {Answer<any>} answer
   */
  _run(client, text, values, answer) {
    let isOver = false;
    const finish = (/** @type {any} */ error, /** @type {any} */ result) => {
      if (isOver) return;
      isOver = true;
      client.release(error);
      if (error) answer.fail(error);
      else answer.succeed(result);
    };
    client.once('error', finish);
    this.log('dispatching query');
    try {
      client.query(text, values, (/** @type {any} */ error, /** @type {any} */ result) => {
        this.log('query dispatched');
        client.removeListener('error', finish);
        finish(error, result);
      });
    } catch (error) {
      client.removeListener('error', finish);
      finish(thrown(error), undefined);
    }
  }

  /**
   * @param {Function} [callback]
   * @returns {any}
   */
  end(callback) {
    this.log('ending');
    if (this.ending) {
      const error = new Error(POOL_ENDED_TWICE);
      return callback ? callback(error) : this.Promise.reject(error);
    }
    this.ending = true;
    const answer = new Answer(this.Promise, callback);
    this._endCallback = () => answer.finish();
    this._pulseQueue();
    return answer.promise;
  }

  get waitingCount() {
    return this._pendingQueue.length;
  }

  get idleCount() {
    return this._idle.length;
  }

  get expiredCount() {
    return this._clients.filter((client) => this._expired.has(client)).length;
  }

  get totalCount() {
    return this._clients.length;
  }
}

module.exports = ClientPool;
