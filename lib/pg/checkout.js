'use strict';

const { native, register, unregister, pools } = require('../binding');
const { obey } = require('./abort');
const { callOut, emitErrorToListeners } = require('./caller');
const Client = require('./client');
const ClientPool = require('./client-pool');
const { channels, isWatched, place, trace } = require('./diagnostics');
const { LeakWatch, takenHere } = require('./leak');
const { findPassword } = require('./password');
const { PoolLink } = require('./pool-link');
const { AcquireRequest, Answer } = require('./pool-requests');
const { showInternals } = require('./pool-internals');
const { hide, onChange } = require('./secret');
const { amount, toPoolOptions } = require('./settings');
const { onSettled } = require('./settlement');

const INTERNALS = [
  '_inJavaScript',
  '_core',
  '_template',
  '_link',
  '_isKnown',
  '_known',
  '_byId',
  '_scheduled',
  '_settling',
  '_hold',
  '_passwordError',
  '_unmet',
  '_leaks',
  '_isQuerying',
  '_listener',
  '_endListeners',
];

// How often a pool that keeps the process alive looks whether it still has a reason to. The native side says so at
// once; this bounds what a report that came too early can cost.
const HOLD_CHECK_MILLIS = 1000;

// What tools and programs replace to see or change what the clients of a pool do.
const { connect, query, end } = Client.prototype;

/**
 * The part of a pool that lends clients. Who gets which connection when is decided on the native side; the clients,
 * events and counts that programs see are pg-pool's. Where the program has a part in every step (a `Client` class of its
 * own, hooks, listeners), the parent does all of it, so that each step comes when it comes in pg-pool.
 */
class Checkout extends ClientPool {
  /** @param {Record<string, any>} [options] */
  constructor(options) {
    super(options, (options && options.Client) || Client);
    /** @type {boolean} whether the parent does the work; settled when the pool is first used */
    this._inJavaScript = this.Client !== Client || Boolean(this.options.stream);
    /** @type {any} the native pool, opened when it is first needed */
    this._core = null;
    /** @type {any} a client that never connects: it has the settings, the parsers, the password */
    this._template = null;
    /** @type {boolean} whether the binding passes on what the native pool tells */
    this._isKnown = false;
    /** @type {PoolLink | null} what the native pool tells about itself goes there */
    this._link = null;
    /** @type {Client[]} the clients that count, for those who look into the pool */
    this._known = [];
    /** @type {Map<number, Client>} the clients of connections that were handed out at least once */
    this._byId = new Map();
    /** @type {number} requests that take an idle connection in the next tick */
    this._scheduled = 0;
    /** @type {number} clients that were given back while they still had queries under way */
    this._settling = 0;
    /** @type {NodeJS.Timeout | null} keeps the event loop alive while there are connections */
    this._hold = null;
    /** @type {any} the error of the caller's password function, for the connection that failed by it */
    this._passwordError = null;
    /** @type {Set<number>} new connections that came for somebody who didn't want them any more */
    this._unmet = new Set();
    const leakTimeoutMillis = amount('leakTimeoutMillis', this.options.leakTimeoutMillis);
    /** @type {LeakWatch | null} */
    this._leaks = leakTimeoutMillis > 0 ? new LeakWatch(this, leakTimeoutMillis) : null;
    /** @type {boolean} whether a query of the pool's own is taking a client */
    this._isQuerying = false;
    /** @type {import('./listener') | null} */
    this._listener = null;
    /** @type {(() => void)[]} */
    this._endListeners = [];
    hide(this, ...INTERNALS);
  }

  /** Whether the program has a part in what happens to the clients, by hooks, listeners or methods of its own. */
  _isTakenPartIn() {
    const { options } = this;
    /** @type {Record<string, any>} */
    const events = /** @type {any} */ (this)._events;
    return Boolean(
      events.acquire ||
      events.connect ||
      events.release ||
      events.remove ||
      options.onConnect ||
      options.verify ||
      options.log ||
      Client.prototype.connect !== connect ||
      Client.prototype.query !== query ||
      Client.prototype.end !== end,
    );
  }

  /** Settles who does the work, before the first of it. */
  _settle() {
    const { shared, maxWaiting } = this.options;
    // What only the native pool can do.
    if (this._core !== null || shared || maxWaiting) return;
    this._inJavaScript ||= this._isTakenPartIn();
  }

  /** The native pool. Options, environment and defaults are read when it is opened. */
  _open() {
    if (this._core !== null) return this._core;
    const template = new Client(this.options);
    const core = native.openPool(template._settings(), toPoolOptions(this.options));
    this._template = template;
    this._core = core;
    this._link = new PoolLink(this);
    showInternals(this);
    if (!this.options.shared) this._followPassword();
    return core;
  }

  /** A password that the program changes later, since it is a token that expires, counts for the next connection. */
  _followPassword() {
    onChange(this.options, 'password', (password) => {
      this._template.password = password;
      this._core.setPassword(typeof password === 'string' ? password : null);
    });
  }

  // Clients.

  /**
   * @param {any} [options] with a signal; may be left out
   * @param {Function} [callback]
   * @returns {any}
   */
  connect(options, callback) {
    const called = typeof options === 'function' ? options : callback;
    const taken =
      this._leaks === null || this._isQuerying ? undefined : takenHere(this.connect, this._leaks.millis);
    if (!isWatched(channels.acquire)) return this._connect(options, called, taken, undefined);
    const context = place(this._template || this.options);
    return trace(channels.acquire, context, (settled) =>
      this._connect(options, called, taken, (/** @type {any} */ error, /** @type {any} */ outcome) => {
        Object.assign(context, outcome);
        settled(error);
      }),
    );
  }

  /**
   * @param {any} options
   * @param {Function | undefined} callback
   * @param {(Error & Record<string, any>) | undefined} taken where the caller is, when leaks are looked for
   * @param {((error: any, outcome: any) => void) | undefined} onlooker
   */
  _connect(options, callback, taken, onlooker) {
    this._settle();
    if (this._inJavaScript && !onlooker && !taken && !(options && options.signal)) return super.connect(callback);
    if (this.ending) {
      const error = new Error('Cannot use a pool after calling end on the pool');
      if (onlooker) onlooker(error, undefined);
      return callback ? callback(error) : this.Promise.reject(error);
    }
    const answer = new Answer(this.Promise, callback);
    const request = new AcquireRequest(this, answer);
    request.taken = taken;
    if (onlooker) onSettled(request, onlooker);
    if (!obey(request, options, () => this._withdraw(request))) return answer.promise;
    if (this._inJavaScript) {
      super.connect((/** @type {any} */ error, /** @type {any} */ client) => {
        if (error) request.handleError(error);
        else request.succeed(client);
      });
      return answer.promise;
    }
    try {
      const core = this._open();
      this._holdLoop();
      // An idle client is handed out in the next tick, as by pg-pool; until then the request counts as waiting.
      if (core.idleCount > 0 && core.waitingCount === 0) {
        this._scheduled++;
        process.nextTick(() => {
          this._scheduled--;
          if (!request.isAborted) this._acquire(request);
        });
      } else {
        this._acquire(request);
      }
    } catch (error) {
      process.nextTick(() => request.fail(error));
    }
    return answer.promise;
  }

  /** @param {AcquireRequest} request */
  _acquire(request) {
    const id = register(request);
    const connection = this._core.acquire(id);
    if (connection !== undefined) {
      unregister(id);
      process.nextTick(() => this._deliver(connection, connection.isNew, request));
    } else {
      request.id = id;
    }
  }

  /**
   * Takes a request out of the native queue, if it still waits there.
   *
   * @param {AcquireRequest} request
   */
  _withdraw(request) {
    const { id } = request;
    if (id === undefined || !this._core.forget(id)) return;
    request.id = undefined;
    unregister(id);
  }

  /**
   * @param {any} connection
   * @param {boolean} isFresh
   * @param {AcquireRequest} request
   */
  _deliver(connection, isFresh, request) {
    const isNew = isFresh || this._unmet.delete(connection.id);
    request.isNew = isNew;
    if (request.isAborted) {
      // The next one to get it has to be told that it is new.
      if (isNew) this._unmet.add(connection.id);
      this._core.release(connection, false);
      return;
    }
    let client = this._byId.get(connection.id);
    if (client === undefined) {
      try {
        client = this._makeClient(connection);
      } catch (error) {
        this._core.release(connection, true);
        request.handleError(error);
        return;
      }
    }
    client._txStatus = connection.transactionStatus;
    if (this.options.allowExitOnIdle) client.ref();
    if (isNew && this.options.onConnect) {
      this._introduce(client, request);
    } else {
      this._handOut(client, isNew, request);
    }
    if (isNew) callOut(() => client.emit('connect'));
  }

  /** @param {any} connection */
  _makeClient(connection) {
    /** @type {Client & Record<string, any>} */
    const client = new Client(this.options);
    client._adopt(connection);
    this._byId.set(connection.id, client);
    this._known.push(client);
    const idleListener = (/** @type {any} */ error) => {
      error.client = client;
      client.removeListener('error', idleListener);
      client.on('error', () => this.log('additional client error after disconnection due to error', error));
      this._dropIdle(client);
      emitErrorToListeners(this, error, client);
    };
    Object.assign(client, { _poolIdleListener: idleListener, _isOut: false, _hasLeft: false });
    hide(client, '_poolIdleListener', '_isOut', '_hasLeft');
    client._endListeners.push(() => this._handleClientClosed(client));
    return client;
  }

  /**
   * Lets the caller's hook prepare a new client before anyone gets it.
   *
   * @param {Client & Record<string, any>} client
   * @param {AcquireRequest} request
   */
  _introduce(client, request) {
    this._promiseTry(() => this.options.onConnect(client)).then(
      () => this._handOut(client, true, request),
      (/** @type {any} */ error) => {
        client._endListeners.push(() => request.handleError(error));
        this._core.release(client._core, true);
      },
    );
  }

  /**
   * @param {Client & Record<string, any>} client
   * @param {boolean} isNew
   * @param {AcquireRequest} request
   */
  _handOut(client, isNew, request) {
    if (isNew) callOut(() => this.emit('connect', client));
    callOut(() => this.emit('acquire', client));
    let released = false;
    client._isOut = true;
    client.release = (/** @type {any} */ error) => {
      if (released) throw new Error('Release called on client which has already been released to the pool.');
      released = true;
      this._giveBack(client, error);
    };
    client.removeListener('error', client._poolIdleListener);
    if (!isNew || !this.options.verify) {
      request.succeed(client);
      return;
    }
    callOut(this.options.verify, client, (/** @type {any} */ error) => {
      if (error) {
        client.release(error);
        request.handleError(error);
      } else {
        request.succeed(client);
      }
    });
  }

  /**
   * @param {Client & Record<string, any>} client
   * @param {any} error
   */
  _giveBack(client, error) {
    client._isOut = false;
    if (this._leaks !== null) this._leaks.givenBack(client);
    client.on('error', client._poolIdleListener);
    client._poolUseCount = (client._poolUseCount || 0) + 1;
    this.emit('release', error, client);
    const core = client._core;
    if (client._hasLeft) this._byId.delete(core.id);
    if (error || this.ending || !client._queryable || client._ending) {
      client._ending = true;
      this._known = this._known.filter((/** @type {any} */ known) => known !== client);
      this._core.release(core, true);
      if (client._ended) this._handleClientClosed(client);
      return;
    }
    if (this.options.allowExitOnIdle) client.unref();
    // Queries that were sent and not waited for still belong to this client: nobody else gets in between.
    this._settling++;
    client._whenDry(() => {
      this._settling--;
      this._core.release(core, false);
    });
  }

  // Connections that go.

  /** @param {Client & Record<string, any>} client */
  _handleClientClosed(client) {
    // A client that died in its user's hands leaves the pool when it is given back.
    if (client._isOut) return;
    this._known = this._known.filter((/** @type {any} */ known) => known !== client);
    if (client._hasLeft) callOut(() => this.emit('remove', client));
    this._relax();
  }

  /**
   * An idle client had an error, if only one that its program made up: it leaves the pool.
   *
   * @param {Client & Record<string, any>} client
   */
  _dropIdle(client) {
    client._ending = true;
    this._known = this._known.filter((/** @type {any} */ known) => known !== client);
    this._core.remove(client._core);
  }

  /** @param {number} connectionId */
  _handleRemoved(connectionId) {
    /** @type {(Client & Record<string, any>) | undefined} */
    const client = this._byId.get(connectionId);
    this._unmet.delete(connectionId);
    if (client !== undefined) {
      client._hasLeft = true;
      // One that is out leaves the pool when it is given back.
      if (!client._isOut) {
        this._byId.delete(connectionId);
        client._ending = true;
        this._known = this._known.filter((/** @type {any} */ known) => known !== client);
        if (client._ended) callOut(() => this.emit('remove', client));
      }
    } else if (this.listenerCount('remove') > 0) {
      // A connection that only the pool itself used has no client until somebody wants to see it go.
      callOut(() => this.emit('remove', new Client(this.options)));
    }
    this._relax();
  }

  /**
   * @param {number} connectionId
   * @param {any} error
   */
  _handleIdleError(connectionId, error) {
    const client = this._byId.get(connectionId);
    if (client !== undefined) {
      client._handleLost(error);
    } else if (this.listenerCount('error') > 0) {
      const gone = new Client(this.options);
      error.client = gone;
      emitErrorToListeners(this, error, gone);
    }
  }

  /** @param {number} token */
  _providePassword(token) {
    findPassword(this._template, (error, password) => {
      this._passwordError = error;
      native.providePassword(token, password, error ? String(error.message) : null);
    });
  }

  /**
   * The error as node-postgres's pool words it.
   *
   * @param {any} error
   */
  _explain(error) {
    const { _passwordError: asked } = this;
    if (asked !== null && asked.message === error.message) return asked;
    if (error.message === 'timeout expired') {
      const late = new Error('Connection terminated due to connection timeout', { cause: error });
      return Object.assign(late, { code: error.code, phase: error.phase });
    }
    return error;
  }

  /**
   * The native side knows the pool from its first request until it has no connection left: one that the program drops
   * can be collected then. Connections keep the process alive, as sockets do, unless the pool was told that idle ones
   * don't.
   */
  _holdLoop() {
    if (!this._isKnown) {
      this._isKnown = true;
      pools.set(this._core.id, this._link);
    }
    if (this._hold === null && !this.options.allowExitOnIdle) {
      this._hold = setInterval(() => this._relax(), HOLD_CHECK_MILLIS);
    }
  }

  _relax() {
    if (this._core === null || this._core.totalCount > 0 || this.waitingCount > 0) return;
    // The others in a shared pool may still need the one who made it, for the password.
    if (!this.options.shared) {
      this._isKnown = false;
      pools.delete(this._core.id);
    }
    clearInterval(/** @type {any} */ (this._hold));
    this._hold = null;
  }

  _isFull() {
    if (this._core === null) return super._isFull();
    return this.totalCount >= this.options.max;
  }

  _isAboveMin() {
    if (this._core === null) return super._isAboveMin();
    return this.totalCount > this.options.min;
  }

  _pulseQueue() {
    // The native side serves its queue by itself.
    if (this._core === null) super._pulseQueue();
  }

  /**
   * @param {any} client
   * @param {any} idleListener
   * @param {any} error
   */
  _release(client, idleListener, error) {
    if (this._leaks !== null) this._leaks.givenBack(client);
    super._release(client, idleListener, error);
  }

  get totalCount() {
    if (this._inJavaScript) return super.totalCount;
    return this._core === null ? 0 : this._core.totalCount;
  }

  get idleCount() {
    if (this._inJavaScript) return super.idleCount;
    return this._core === null ? 0 : this._core.idleCount + this._settling;
  }

  get waitingCount() {
    if (this._inJavaScript) return super.waitingCount;
    return this._core === null ? 0 : this._core.waitingCount + this._scheduled;
  }

  get expiredCount() {
    if (this._inJavaScript) return super.expiredCount;
    return this._core === null ? 0 : this._core.expiredCount;
  }
}

module.exports = Checkout;
