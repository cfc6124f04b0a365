/// <reference path="./untyped.d.ts" />
'use strict';

const PgPool = require('pg-pool');

const { native, register, unregister, pools } = require('../binding');
const { typeMask } = require('../rows');
const { callOut, emitErrorToListeners, inContext } = require('./caller');
const Client = require('./client');
const { EndRequest } = require('./client-link');
const defaults = require('./defaults');
const { findPassword } = require('./password');
const { AcquireRequest, Answer, PoolLink } = require('./pool-requests');
const QueryRequest = require('./query-request');
const { hide } = require('./secret');
const { toPoolOptions } = require('./settings');

// Tracing tools replace these; then a pool has to go through them, as node-postgres's does.
const { connect: clientConnect, query: clientQuery } = Client.prototype;

const INTERNALS = [
  '_foreign',
  '_core',
  '_template',
  '_byId',
  '_scheduled',
  '_settling',
  '_lostInUse',
  '_hold',
  '_passwordError',
];

// How often a pool that keeps the process alive looks whether it still has a reason to. The native side says so at
// once; this bounds what a report that came too early can cost.
const HOLD_CHECK_MILLIS = 1000;

/**
 * A pool of connections. Who gets which connection when is decided on the native side; the clients, events and counts
 * that programs see are pg-pool's. With a `Client` class of the caller's, npm's pg-pool does all of it.
 */
class Pool extends PgPool {
  /**
   * @param {Record<string, any>} [options]
   * @param {Function} [ClientClass]
   */
  constructor(options, ClientClass) {
    const Chosen = (options && options.Client) || ClientClass || Client;
    super(options, Chosen);
    if (this.options.connectionString !== undefined) {
      hide(this.options, 'connectionString');
    }
    /** @type {boolean} whether the clients are of a class that isn't ours */
    this._foreign = Chosen !== Client;
    /** @type {any} the native pool, opened when it is first needed */
    this._core = null;
    /** @type {any} a client that never connects: it has the settings, the parsers, the password */
    this._template = null;
    /** @type {Map<number, Client>} the clients of connections that were handed out at least once */
    this._byId = new Map();
    /** @type {number} requests that take an idle connection in the next tick */
    this._scheduled = 0;
    /** @type {number} clients that were given back while they still had queries under way */
    this._settling = 0;
    /** @type {number} clients whose connection died in their user's hands: they count until they are given back */
    this._lostInUse = 0;
    /** @type {NodeJS.Timeout | null} keeps the event loop alive while there are connections */
    this._hold = null;
    /** @type {any} the error of the caller's password function, for the connection that failed by it */
    this._passwordError = null;
    hide(this, ...INTERNALS);
  }

  /** The native pool. Options, environment and defaults are read when it is opened. */
  _open() {
    if (this._core !== null) return this._core;
    const template = new Client(this.options);
    const core = native.openPool(template._settings(), toPoolOptions(this.options));
    this._template = template;
    this._core = core;
    pools.set(core.id, new PoolLink(this));
    return core;
  }

  // Clients.

  /**
   * @param {Function} [callback]
   * @returns {any}
   */
  connect(callback) {
    if (this._foreign) return super.connect(callback);
    if (this.ending) {
      const error = new Error('Cannot use a pool after calling end on the pool');
      return callback ? callback(error) : this.Promise.reject(error);
    }
    const answer = new Answer(this.Promise, callback);
    const request = new AcquireRequest(this, answer);
    try {
      const core = this._open();
      this._holdLoop();
      // An idle client is handed out in the next tick, as by pg-pool; until then the request counts as waiting.
      if (core.idleCount > 0 && core.waitingCount === 0) {
        this._scheduled++;
        process.nextTick(() => {
          this._scheduled--;
          this._acquire(request);
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
    }
  }

  /**
   * @param {any} connection
   * @param {boolean} isNew
   * @param {AcquireRequest} request
   */
  _deliver(connection, isNew, request) {
    let client = this._byId.get(connection.id);
    if (client === undefined) {
      try {
        client = this._makeClient(connection);
      } catch (error) {
        this._core.release(connection, true);
        request.answer.fail(error);
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
    this._clients.push(client);
    const idleListener = (/** @type {any} */ error) => {
      error.client = client;
      client.removeListener('error', idleListener);
      client.on('error', () => this.log('additional client error after disconnection due to error', error));
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
        client._endListeners.push(() => request.answer.fail(error, undefined, () => undefined));
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
        request.answer.fail(error, undefined, () => undefined);
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
    client.on('error', client._poolIdleListener);
    client._poolUseCount = (client._poolUseCount || 0) + 1;
    this.emit('release', error, client);
    if (client._hasLeft) this._lostInUse--;
    const core = client._core;
    if (error || this.ending || !client._queryable || client._ending) {
      client._ending = true;
      this._clients = this._clients.filter((/** @type {any} */ known) => known !== client);
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
    this._clients = this._clients.filter((/** @type {any} */ known) => known !== client);
    if (client._hasLeft) callOut(() => this.emit('remove', client));
    this._relax();
  }

  /** @param {number} connectionId */
  _handleRemoved(connectionId) {
    /** @type {(Client & Record<string, any>) | undefined} */
    const client = this._byId.get(connectionId);
    this._byId.delete(connectionId);
    if (client !== undefined) {
      client._hasLeft = true;
      if (client._isOut) {
        this._lostInUse++;
      } else {
        client._ending = true;
        this._clients = this._clients.filter((/** @type {any} */ known) => known !== client);
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

  /** Connections keep the process alive, as sockets do, unless the pool was told that idle ones don't. */
  _holdLoop() {
    if (this._hold === null && !this.options.allowExitOnIdle) {
      this._hold = setInterval(() => this._relax(), HOLD_CHECK_MILLIS);
    }
  }

  _relax() {
    if (this._hold !== null && this._core.totalCount === 0) {
      clearInterval(this._hold);
      this._hold = null;
    }
  }

  // Queries.

  /**
   * Whether a query may go to the native pool as it is: nobody wants to see the client it runs on.
   */
  _isDirect() {
    const { options } = this;
    /** @type {Record<string, any>} */
    const events = /** @type {any} */ (this)._events;
    return (
      !this._foreign &&
      events.acquire === undefined &&
      events.connect === undefined &&
      events.release === undefined &&
      events.remove === undefined &&
      !options.onConnect &&
      !options.verify &&
      !options.log &&
      !options.query_timeout &&
      !defaults.query_timeout &&
      this.connect === poolConnect &&
      Client.prototype.query === clientQuery &&
      Client.prototype.connect === clientConnect
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
    if (!this._isDirect() || !isPlain(text)) return super.query(text, given, called);

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
    this._dispatch(request);
    return answer;
  }

  /** @param {QueryRequest} request */
  _dispatch(request) {
    let error = this.ending
      ? new Error('Cannot use a pool after calling end on the pool')
      : request.prepare();
    if (error === null) {
      try {
        const core = this._open();
        if (request.types === undefined) request.types = this._template._types;
        if (this._template.binary) request.binary = true;
        request.send(core, false);
        this._holdLoop();
        return;
      } catch (failure) {
        error = failure;
      }
    }
    process.nextTick(() => request.handleError(error));
  }

  /**
   * Runs a script under the native side's rules for DDL.
   *
   * @param {string} sql
   * @param {boolean} useTransaction
   * @returns {Promise<any>}
   */
  _executeDdl(sql, useTransaction) {
    const request = new QueryRequest(this, sql, undefined, undefined);
    return new Promise((resolve) => {
      request.resolve = resolve;
      if (this.ending) throw new Error('Cannot use a pool after calling end on the pool');
      const core = this._open();
      request.types = this._template._types;
      core.executeDdl(register(request), sql, useTransaction, typeMask(request.types));
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

  // The end.

  /**
   * @param {Function} [callback]
   * @returns {any}
   */
  end(callback) {
    if (this._foreign) return super.end(callback);
    this.log('ending');
    if (this.ending) {
      const error = new Error('Called end on pool more than once');
      return callback ? callback(error) : this.Promise.reject(error);
    }
    this.ending = true;
    const answer = new Answer(this.Promise, callback);
    const core = this._core;
    if (core === null) {
      this.ended = true;
      answer.succeed();
      return answer.promise;
    }
    const finish = () => {
      this.ended = true;
      answer.succeed();
    };
    core.end(
      register(
        new EndRequest(() => {
          pools.delete(core.id);
          this._relax();
          // After the 'remove' events of the last clients, which come a turn after their connections have closed.
          setImmediate(() => setImmediate(finish));
        }),
      ),
    );
    return answer.promise;
  }

  get totalCount() {
    if (this._foreign) return super.totalCount;
    return this._core === null ? 0 : this._core.totalCount + this._lostInUse;
  }

  get idleCount() {
    if (this._foreign) return super.idleCount;
    return this._core === null ? 0 : this._core.idleCount + this._settling;
  }

  get waitingCount() {
    if (this._foreign) return super.waitingCount;
    return this._core === null ? 0 : this._core.waitingCount + this._scheduled;
  }

  get expiredCount() {
    if (this._foreign) return super.expiredCount;
    return this._core === null ? 0 : this._core.expiredCount;
  }
}

const { connect: poolConnect } = Pool.prototype;

/**
 * Whether a query is a text or a configuration that needs no client of its own.
 *
 * @param {any} query
 */
function isPlain(query) {
  if (typeof query === 'string') return true;
  return (
    query !== null && typeof query === 'object' && typeof query.submit !== 'function' && !query.query_timeout
  );
}

module.exports = Pool;
