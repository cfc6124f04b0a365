'use strict';

const { thrown } = require('../../errors');
const { callOut } = require('../call/caller');
const Client = require('../client/client');
const { adopt } = require('../client/client-opening');
const ownMethods = require('../client/own-methods');
const { hide } = require('../settings/secret');
const { RELEASED_TWICE } = require('../../texts');
const { makeIdleListener } = require('./idle-listener');

/** @import { IdleListener, Release } from './client-keeper' */
/** @import { NativeConnection, NativePool } from './native-keeper' */
/** @import { AcquireRequest } from './pool-requests' */

/**
 * A client of a native pool's connection.
 *
 * @typedef {Client & {
 *   _core: NativeConnection,
 *   release: Release,
 *   _poolUseCount?: number,
 *   _poolIdleListener: IdleListener,
 *   _isOut: boolean,
 *   _hasLeft: boolean,
 * }} NativeClient
 */

/** The clients that programs see of a native pool's connections: which there are, handed out and taken back. */
class NativeClients {
  /** @param {import('./native-keeper')} keeper */
  constructor(keeper) {
    this._keeper = keeper;
    this._pool = keeper.pool;
    /** @type {NativeClient[]} the clients that count, for programs that look into the pool */
    this._known = [];
    /** @type {Map<number, NativeClient>} the clients of connections that were handed out at least once */
    this._byId = new Map();
    /** @type {Set<number>} new connections that came for a request that was given up meanwhile */
    this._unmet = new Set();
    /** @type {Map<number, number>} the server processes of the connections */
    this.processes = new Map();
    /** @type {number} clients that were given back while they still had queries under way */
    this.settling = 0;
    /** @type {number} how many removed connections the native side has reported */
    this.removals = 0;
  }

  /** Whether a client has a `query` of its own: a spy, or a tracer. Queries of the pool go through it in their turn. */
  haveReplacedQuery() {
    for (const client of this._known) {
      if (client.query !== ownMethods.query) return true;
    }
    return false;
  }

  /** How many clients don't keep the process alive. */
  countUnheld() {
    return this._known.filter((client) => !client._ref && !client._ended && !client._hasLeft).length;
  }

  /** @param {NativePool} core */
  all(core) {
    for (const connection of core.connections()) {
      // One that only queries of the pool have used so far has no client yet.
      if (!this._byId.has(connection.id)) this._make(connection);
    }
    return this._known;
  }

  /**
   * @param {NativeConnection} connection
   * @returns {NativeClient}
   */
  _make(connection) {
    const { _pool: pool } = this;
    const client = /** @type {NativeClient} */ (new Client(pool.options));
    adopt(client, connection);
    const idleListener = makeIdleListener(pool, client, {
      isLeaving: () => client._ending,
      remove: () => {
        this._leaves(client);
        this._core.remove(client._core);
      },
    });
    withState(client, { _poolIdleListener: idleListener });
    this._byId.set(connection.id, client);
    this._known.push(client);
    client._endListeners.push(() => this._closed(client));
    return client;
  }

  get _core() {
    return /** @type {NativePool} */ (this._keeper.core);
  }

  // Handing out.

  /**
   * @param {NativeConnection} connection
   * @param {boolean} isFresh
   * @param {AcquireRequest} request
   */
  deliver(connection, isFresh, request) {
    const isNew = isFresh || this._unmet.delete(connection.id);
    request.isNew = isNew;
    if (request.isAborted) {
      // It still counts as new for its next user.
      if (isNew) this._unmet.add(connection.id);
      this._core.release(connection, false);
      return;
    }
    let client = this._byId.get(connection.id);
    if (client === undefined) {
      try {
        client = this._make(connection);
      } catch (error) {
        this._core.release(connection, true);
        request.handleError(error);
        return;
      }
    }
    client._txStatus = connection.transactionStatus;
    if (this._pool.options.allowExitOnIdle) client.ref();
    if (isNew && this._pool.options.onConnect) {
      this._introduce(client, this._pool.options.onConnect, request);
    } else {
      this._handOut(client, isNew, request);
    }
    if (isNew) callOut(() => client.emit('connect'));
  }

  /**
   * Lets the program's hook prepare a new client before it is handed out.
   *
   * @param {NativeClient} client
   * @param {(client: NativeClient) => unknown} onConnect
   * @param {AcquireRequest} request
   */
  _introduce(client, onConnect, request) {
    this._pool
      ._promiseTry(() => onConnect(client))
      .then(
        () => this._handOut(client, true, request),
        (error) => {
          client._endListeners.push(() => request.handleError(thrown(error)));
          this._core.release(client._core, true);
        },
      );
  }

  /**
   * @param {NativeClient} client
   * @param {boolean} isNew
   * @param {AcquireRequest} request
   */
  _handOut(client, isNew, request) {
    const { _pool: pool } = this;
    if (isNew) callOut(() => pool.emit('connect', client));
    callOut(() => pool.emit('acquire', client));
    let released = false;
    client._isOut = true;
    client.release = (error) => {
      if (released) throw new Error(RELEASED_TWICE);
      released = true;
      this._takeBack(client, error);
    };
    client.removeListener('error', client._poolIdleListener);
    if (!isNew || !pool.options.verify) {
      request.succeed(client);
      return;
    }
    callOut(pool.options.verify, client, (/** @type {unknown} */ error) => {
      if (error) {
        client.release(error);
        request.handleError(error);
      } else {
        request.succeed(client);
      }
    });
  }

  /**
   * @param {NativeClient} client
   * @param {unknown} error
   */
  _takeBack(client, error) {
    const { _pool: pool, _core: core } = this;
    const connection = client._core;
    client._isOut = false;
    pool._leaks?.givenBack(client);
    client.on('error', client._poolIdleListener);
    client._poolUseCount = (client._poolUseCount || 0) + 1;
    pool.emit('release', error, client);
    if (client._hasLeft) this._byId.delete(connection.id);
    this._keeper.holdForWaiting();
    if (error || pool.ending || !client._queryable || client._ending) {
      this._leaves(client);
      // A submittable that has failed may wait for the server to be ready again, which it is about to be.
      if (client._activeQuery?.isRefused) client._whenDry(() => core.release(connection, true));
      else core.release(connection, true);
      if (client._ended) this._closed(client);
      return;
    }
    if (pool.options.allowExitOnIdle) client.unref();
    // Queries that were sent and not waited for still belong to this client, so it isn't handed out before they are
    // answered.
    this.settling++;
    client._whenDry(() => {
      this.settling--;
      core.release(connection, false);
    });
  }

  // Connections that leave the pool.

  /** @param {NativeClient} client */
  _leaves(client) {
    client._ending = true;
    this._forget(client);
  }

  /** @param {NativeClient} client */
  _forget(client) {
    this._known = this._known.filter((known) => known !== client);
  }

  /** @param {NativeClient} client */
  _closed(client) {
    // A client that has died while it was out leaves the pool when it is given back.
    if (client._isOut) return;
    this._forget(client);
    if (client._hasLeft) callOut(() => this._pool.emit('remove', client));
    this._keeper.relax();
  }

  /** @param {number} connectionId a connection that has left the native pool */
  removed(connectionId) {
    const client = this._byId.get(connectionId);
    this._unmet.delete(connectionId);
    this.removals = (this.removals + 1) >>> 0;
    if (client !== undefined) {
      client._hasLeft = true;
      // One that is out leaves the pool when it is given back.
      if (!client._isOut) {
        this._byId.delete(connectionId);
        this._leaves(client);
        if (client._ended) callOut(() => this._pool.emit('remove', client));
      }
    } else if (this._pool.listenerCount('remove') > 0) {
      callOut(() => this._pool.emit('remove', this._departed(connectionId)));
    }
    this.processes.delete(connectionId);
    this._keeper.relax();
  }

  /**
   * @param {number} connectionId a connection that broke while it was idle
   * @param {Error & { client?: NativeClient }} error
   */
  broken(connectionId, error) {
    const { _pool: pool } = this;
    // A program that ends a pool expects its connections to close, for whatever reason.
    if (pool.ending) return;
    const client = this._byId.get(connectionId);
    if (client !== undefined) {
      client._handleLost(error);
    } else if (pool.listenerCount('error') > 0) {
      callOut(() => {
        const gone = this._departed(connectionId);
        error.client = gone;
        this._byId.set(connectionId, gone);
        pool.emit('error', error, gone);
      });
    }
  }

  /**
   * A connection that only the pool itself used gets a client when its removal is to be emitted.
   *
   * @param {number} connectionId
   */
  _departed(connectionId) {
    const client = new Client(this._pool.options);
    client.processID = this.processes.get(connectionId) ?? null;
    Object.assign(client, { _connected: true, _queryable: false, _ended: true });
    return withState(client, {});
  }
}

/**
 * @param {Client} client
 * @param {Partial<NativeClient>} state further properties that the pool sets on it
 * @returns {NativeClient}
 */
function withState(client, state) {
  const own = { ...state, _isOut: false, _hasLeft: false };
  const noted = /** @type {NativeClient} */ (Object.assign(client, own));
  hide(client, ...Object.keys(own));
  return noted;
}

module.exports = NativeClients;
