'use strict';

const { register, unregister } = require('../../native/binding');
const { thrown } = require('../../errors');
const { nextTick } = require('../../timers');
const { obey } = require('../call/abort');
const { callOut } = require('../call/caller');
const Client = require('../client/client');
const { channels, isWatched, place, trace } = require('../call/diagnostics');
const { LeakWatch, takenHere } = require('./leak');
const NativePool = require('./native-pool');
const ownMethods = require('../client/own-methods');
const { AcquireRequest, Answer } = require('./pool-requests');
const { hide } = require('../settings/secret');
const { amount, flag, sharing } = require('../settings/settings');
const { onSettled } = require('../call/settlement');
const { POOL_ENDED, RELEASED_TWICE } = require('../../texts');

const INTERNALS = ['_leaks', '_isQuerying', '_listener', '_endListeners'];

/**
 * The part of a pool that lends clients. Who gets which connection when is decided on the native side; the clients,
 * events and counts that programs see are pg-pool's. Where the program has a part in every step (a `Client` class of its
 * own, hooks, listeners), the parent does all of it, so that each step comes when it comes in pg-pool.
 */
class Checkout extends NativePool {
  /** @param {Record<string, any>} [options] */
  constructor(options) {
    super(options);
    flag('autoPrepare', this.options.autoPrepare);
    sharing(this.options.sharing);
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
    return Boolean(
      this._isHeard() ||
      options.onConnect ||
      options.verify ||
      options.log ||
      // What tools and programs replace to see or change what the clients do.
      Client.prototype.connect !== ownMethods.connect ||
      Client.prototype.query !== ownMethods.query ||
      Client.prototype.end !== ownMethods.end,
    );
  }

  /** Whether a client has a `query` of its own: a spy, or a tracer. Queries of the pool go through it in their turn. */
  _hasReplacedQuery() {
    for (const client of this._known) {
      if (client.query !== ownMethods.query) return true;
    }
    return false;
  }

  /** Whether the program listens to what happens to the clients. */
  _isHeard() {
    const { _events: events, _eventsCount: count } = /** @type {any} */ (this);
    // Most pools have a listener for errors and no other.
    if (count === 0 || (count === 1 && events.error !== undefined)) return false;
    return Boolean(events.acquire || events.connect || events.release || events.remove);
  }

  /** Settles who does the work, before the first of it. */
  _settle() {
    const { shared, maxWaiting } = this.options;
    // What only the native pool can do.
    if (this._core !== null || shared || maxWaiting) return;
    this._inJavaScript ||= this._isTakenPartIn();
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
    if (this._inJavaScript && !onlooker && !taken && !(options && options.signal))
      return super.connect(callback);
    if (this.ending) {
      const error = new Error(POOL_ENDED);
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
        nextTick(() => {
          this._scheduled--;
          if (!request.isAborted) this._acquire(request);
        });
      } else {
        this._acquire(request);
      }
    } catch (error) {
      nextTick(() => request.fail(error));
    }
    return answer.promise;
  }

  /** @param {AcquireRequest} request */
  _acquire(request) {
    const id = register(request);
    const connection = this._core.acquire(id);
    if (connection !== undefined) {
      unregister(id);
      nextTick(() => this._deliver(connection, connection.isNew, request));
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
    this._relax();
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
        client._endListeners.push(() => request.handleError(thrown(error)));
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
      if (released) throw new Error(RELEASED_TWICE);
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
    // Those who waited in vain get its place.
    if (this._hold === null && this.waitingCount > 0) this._holdLoop();
    if (error || this.ending || !client._queryable || client._ending) {
      client._ending = true;
      this._known = this._known.filter((/** @type {any} */ known) => known !== client);
      // A submittable that has failed may wait for the server to be ready again, which it is about to be.
      if (client._activeQuery?.isRefused) client._whenDry(() => this._core.release(core, true));
      else this._core.release(core, true);
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

  /**
   * @param {any} client
   * @param {any} idleListener
   * @param {any} error
   */
  _release(client, idleListener, error) {
    if (this._leaks !== null) this._leaks.givenBack(client);
    super._release(client, idleListener, error);
  }
}

module.exports = Checkout;
