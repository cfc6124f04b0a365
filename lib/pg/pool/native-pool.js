'use strict';

const { native, pools } = require('../../native/binding');
const { isConnectTimeout, isServerError } = require('../../errors');
const { clearInterval, setInterval } = require('../../timers');
const { callOut, emitErrorToListeners } = require('../call/caller');
const Client = require('../client/client');
const ClientPool = require('./client-pool');
const { peerCertificate, refusalOf } = require('../settings/identity-check');
const { Texts } = require('./outbox');
const { findPassword, messageOf } = require('../messages/password');
const { showInternals } = require('./pool-internals');
const { PoolLink } = require('./pool-link');
const { quickenLookup } = require('./quick-lookup');
const { TLS_SECRETS, hide, onChange } = require('../settings/secret');
const { toPoolOptions } = require('../settings/settings');
const { POOL_CONNECT_TIMEOUT } = require('../../texts');

const INTERNALS = [
  '_inJavaScript',
  '_core',
  '_texts',
  '_template',
  '_isKnown',
  '_link',
  '_known',
  '_byId',
  '_scheduled',
  '_settling',
  '_scripts',
  '_hold',
  '_answerErrors',
  '_processes',
  '_removals',
  '_unmet',
];

// How often a pool that keeps the process alive looks whether it still has a reason to. The native side says so at
// once; this bounds what a report that came too early can cost.
const HOLD_CHECK_MILLIS = 1000;

const MOST_ANSWER_ERRORS = 16;

/**
 * A pool's native half: its opening, what it tells of its connections, and what JavaScript shows of them.
 */
class NativePool extends ClientPool {
  /** @param {Record<string, any>} [options] */
  constructor(options) {
    const ClientClass = (options && options.Client) || Client;
    super(
      options,
      ClientClass,
      Object.create(ClientClass.prototype) instanceof Client ? TLS_SECRETS : undefined,
    );
    /** @type {boolean} whether the parent does the work; settled when the pool is first used */
    this._inJavaScript = this.Client !== Client || Boolean(this.options.stream);
    /** @type {any} the native pool, opened when it is first needed */
    this._core = null;
    /** @type {any} numbers of texts, see outbox.js; opened with the native pool */
    this._texts = null;
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
    /** @type {number} scripts of executeDDL under way: their server may be asked about them when no connection is left */
    this._scripts = 0;
    /** @type {NodeJS.Timeout | null} keeps the event loop alive while there are connections */
    this._hold = null;
    /** @type {any[]} the last errors of the caller's password function or of its check of the server, for the
     connections that failed by them */
    this._answerErrors = [];
    /** @type {Map<number, number>} the server processes of its connections */
    this._processes = new Map();
    /** @type {number} how many connections the native side has told of that have left it */
    this._removals = 0;
    /** @type {Set<number>} new connections that came for somebody who didn't want them any more */
    this._unmet = new Set();
    hide(this, ...INTERNALS);
  }

  /** The native pool. Options, environment and defaults are read when it is opened. */
  _open() {
    if (this._core !== null) return this._core;
    const template = new Client(this.options);
    const core = native.openPool(template._settings(), toPoolOptions(this.options));
    this._template = template;
    this._core = core;
    this._texts = new Texts(core);
    this._link = new PoolLink(this);
    showInternals(this);
    if (!this.options.shared) this._followPassword();
    for (const object of [this, this.options, template]) quickenLookup(object);
    return core;
  }

  /** A password that the program changes later, since it is a token that expires, counts for the next connection. */
  _followPassword() {
    onChange(this.options, 'password', (password) => {
      this._template.password = password;
      this._core.setPassword(typeof password === 'string' ? password : null);
    });
  }

  /** @param {any} connection */
  _makeClient(connection) {
    /** @type {Client & Record<string, any>} */
    const client = new Client(this.options);
    client._adopt(connection);
    this._byId.set(connection.id, client);
    this._known.push(client);
    const idleListener = (/** @type {any} */ error) => {
      if (client._ending) {
        this.log('client error while it is ending', error);
        return;
      }
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
    this._removals = (this._removals + 1) >>> 0;
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
      callOut(() => this.emit('remove', this._departed(connectionId)));
    }
    this._processes.delete(connectionId);
    this._relax();
  }

  /**
   * @param {number} connectionId
   * @param {any} error
   */
  _handleIdleError(connectionId, error) {
    // Whoever ends a pool expects its connections to go, in whatever way.
    if (this.ending) return;
    const client = this._byId.get(connectionId);
    if (client !== undefined) {
      client._handleLost(error);
    } else if (this.listenerCount('error') > 0) {
      callOut(() => {
        const gone = this._departed(connectionId);
        error.client = gone;
        this._byId.set(connectionId, gone);
        this.emit('error', error, gone);
      });
    }
  }

  /**
   * A connection that only the pool itself used has no client until somebody wants to see it go.
   *
   * @param {number} connectionId
   */
  _departed(connectionId) {
    /** @type {Client & Record<string, any>} */
    const client = new Client(this.options);
    client.processID = this._processes.get(connectionId) ?? null;
    Object.assign(client, {
      _connected: true,
      _queryable: false,
      _ended: true,
      _isOut: false,
      _hasLeft: false,
    });
    hide(client, '_isOut', '_hasLeft');
    return client;
  }

  /** @param {number} question */
  _providePassword(question) {
    findPassword(this._template, (error, password) => {
      this._answer(question, password, error);
    });
  }

  /**
   * @param {number} question
   * @param {[name: string, chain: Buffer[]]} certificate
   */
  _checkIdentity(question, [name, chain]) {
    const error = refusalOf(this._template.ssl, name, () => peerCertificate(chain));
    this._answer(question, null, error);
  }

  /**
   * @param {number} question
   * @param {string | null} password
   * @param {any} error
   */
  _answer(question, password, error) {
    if (error) {
      this._answerErrors.push(error);
      // Who gave up connecting meanwhile doesn't come for his.
      if (this._answerErrors.length > MOST_ANSWER_ERRORS) this._answerErrors.shift();
    }
    native.answer(question, password, error ? messageOf(error) : null);
  }

  /**
   * The error as node-postgres's pool words it.
   *
   * @param {any} error
   */
  _explain(error) {
    if (isServerError(error)) return error;
    const asked = this._answerErrors.findIndex((answer) => messageOf(answer) === error.message);
    if (asked >= 0) return this._answerErrors.splice(asked, 1)[0];
    if (isConnectTimeout(error)) {
      const late = new Error(POOL_CONNECT_TIMEOUT, { cause: error });
      const { code, phase, outcome } = error;
      return Object.assign(late, { code, phase }, outcome && { outcome });
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
    if (this._hold === null) {
      this._hold = setInterval(() => this._relax(), HOLD_CHECK_MILLIS);
      if (this.options.allowExitOnIdle) this._hold.unref();
      this._core.waitInVain(false);
    }
  }

  _relax() {
    if (this._core === null || this._scripts > 0 || this._scheduled > 0) return;
    const unheld = this._known.filter(
      (/** @type {any} */ client) => !client._ref && !client._ended && !client._hasLeft,
    ).length;
    if (!this._core.isAtRest(this._removals, unheld)) return;
    this._letGo();
    // The others in a shared pool may need any of its users, for the password, until he ends it.
    if (this.options.shared) return;
    // Those who wait now do so for clients that may never be given back.
    this._core.waitInVain(true);
    if (unheld > 0 || this.waitingCount > 0) return;
    this._isKnown = false;
    pools.delete(this._core.id);
  }

  _letGo() {
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

module.exports = NativePool;
