'use strict';

const { kindOf } = require('../../errors');
const { register, connections } = require('../../native/binding');
const { nextTick, queueMicrotask, setImmediate } = require('../../timers');
const { callOut, emitErrorToListeners, inContext, rejectAtCaller } = require('../call/caller');
const { runQuery } = require('./client-queries');
const { startupOf } = require('./client-settings');
const { EndRequest, cancel } = require('./client-link');
const { connect, open } = require('./client-opening');
const ConnectionParameters = require('../settings/connection-parameters');
const defaults = require('../settings/defaults');
const { channels, isWatched, queryContext, trace } = require('../call/diagnostics');
const { disposerOf } = require('./disposal');
const escape = require('../query/escape');
const { endError, failureOf, isHangUp, isMereEnd, warnOfLoss } = require('../errors/loss');
const { explained } = require('../errors/supabase');
const MessageCore = require('../messages/message-core');
const NativeConnection = require('./native-connection');
const { parameterMessage } = require('../errors/notice');
const ownMethods = require('./own-methods');
const Query = require('../query/query');
const QueryQueue = require('./query-queue');
const QueryRun = require('../query/query-run');
const { conceal, hide, printedSafely } = require('../settings/secret');
const { amount, flag, poolMode, scramIterations } = require('../settings/settings');
const Submission = require('../query/submission');
const TypeOverrides = require('../query/type-overrides');
const { NO_QUERY } = require('../../texts');

/**
 * @typedef {import('../../errors').PgError} PgError
 * @typedef {import('../../rows/types').Parser} Parser
 * @typedef {import('../call/settlement').Onlooker} Onlooker
 * @typedef {import('../query/query-config').Callback} Callback
 * @typedef {import('../query/query-config').QueryConfig} QueryConfig
 * @typedef {import('../query/request').Core} Core
 * @typedef {import('../query/request').QueuedRequest} QueuedRequest
 * @typedef {import('../query/request').ScriptOwner} ScriptOwner
 * @typedef {import('../query/request').Submittable} Submittable
 * @typedef {import('../query/result')} Result
 * @typedef {import('../settings/options').ClientOptions} ClientOptions
 */

/** @typedef {import('./client-opening').ConnectCallback} ConnectCallback */

const INTERNALS = [
  '_connection',
  '_isCarried',
  '_given',
  '_connectionCallback',
  '_endListeners',
  '_isAdopted',
  '_ref',
  '_told',
  '_lossTold',
  '_awaitsOutcome',
];

/**
 * One connection with node-postgres's behaviour: its queue, its events and the texts of its errors. The socket and the
 * protocol are the native connection's.
 *
 * @implements {ScriptOwner}
 */
class Client extends QueryQueue {
  /** @param {string | ClientOptions} [config] */
  constructor(config) {
    super();
    this.connectionParameters = new ConnectionParameters(config);
    this.user = this.connectionParameters.user;
    this.database = this.connectionParameters.database;
    this.port = this.connectionParameters.port;
    this.host = this.connectionParameters.host;
    /** @type {ClientOptions['password']} */
    this.password = this.connectionParameters.password;
    this.replication = this.connectionParameters.replication;

    /** @type {ClientOptions} */
    const given = typeof config === 'object' && config !== null ? config : {};
    this._Promise = given.Promise || Promise;
    this._types = new TypeOverrides(given.types);
    this._connecting = false;
    this._connectionError = false;
    this.enableChannelBinding = Boolean(given.enableChannelBinding);
    this.scramMaxIterations = scramIterations(given.scramMaxIterations);
    // A connection of the caller's carries one query at a time.
    this.pipeline = Boolean(given.pipeline) && !given.stream && !given.connection;
    this.binary = given.binary || defaults.binary;
    /** @type {number | null} */
    this.processID = null;
    /** @type {number | null} */
    this.secretKey = null;
    this.ssl = this.connectionParameters.ssl || false;
    this.sslNegotiation = this.connectionParameters.sslnegotiation || 'postgres';
    this._connectionTimeoutMillis = given.connectionTimeoutMillis || 0;
    this._cancelTimeoutMillis = amount(
      'cancelTimeoutMillis',
      given.cancelTimeoutMillis,
      this._cancelTimeoutMillis,
    );

    // The state that node-postgres doesn't have, kept out of what a printed client shows.
    /** @type {import('./connection') | null} the connection in messages: the caller's, or that of the native one once it was read */
    this._connection = MessageCore.connectionOf(given, this.connectionParameters);
    /** @type {boolean} whether the caller brought the way to the server, so that everything goes by messages */
    this._isCarried = this._connection !== null;
    /** @type {Pick<ClientOptions, 'enableChannelBinding' | 'supabaseProject' | 'keepAlive' | 'keepAliveInitialDelayMillis'> & { autoPrepare: boolean, busyWait: boolean, poolMode: string | null }} options that only the native connection reads */
    this._given = {
      autoPrepare: flag('autoPrepare', given.autoPrepare),
      busyWait: flag('busyWait', given.busyWait, true),
      poolMode: poolMode(given.poolMode),
      enableChannelBinding: given.enableChannelBinding,
      supabaseProject: given.supabaseProject,
      keepAlive: given.keepAlive,
      keepAliveInitialDelayMillis: given.keepAliveInitialDelayMillis,
    };
    /** @type {ConnectCallback | null} */
    this._connectionCallback = null;
    /** @type {(() => void)[]} */
    this._endListeners = [];
    /** @type {boolean} whether a pool has connected it, without its `connect` */
    this._isAdopted = false;
    /** @type {boolean} whether the connection keeps the event loop alive */
    this._ref = true;
    /** @type {boolean} whether its server may still be asked about a script, for which the password may be needed */
    this._awaitsOutcome = false;
    /** @type {Set<unknown>} which failures of the connection were told, see `failureOf` */
    this._told = new Set();
    /** @type {boolean} whether the loss of the connection was reported as a warning */
    this._lossTold = false;
    hide(this, ...INTERNALS);
    conceal(this, 'password');
  }

  /** The connection as protocol messages, for submittables. Made when it is first asked for. */
  get connection() {
    if (this._connection === null) this._connection = new NativeConnection(this);
    return this._connection;
  }

  /**
   * The object that knows which submission the server is answering.
   *
   * @returns {MessageCore | NativeConnection}
   */
  get _messenger() {
    const messenger = this._isCarried ? this._core : this.connection;
    return /** @type {MessageCore | NativeConnection} */ (messenger);
  }

  /** @returns {QueuedRequest | Submittable | null} */
  get activeQuery() {
    const active = this._activeQuery;
    return active instanceof QueryRun || active instanceof Submission ? active.query : active;
  }

  set activeQuery(query) {
    this._activeQuery = /** @type {QueuedRequest | null} */ (query);
  }

  get queryQueue() {
    return this._queryQueue;
  }

  // Connecting.

  /**
   * @param {object | ConnectCallback} [options] with a signal; may be left out
   * @param {ConnectCallback} [callback]
   * @returns {Promise<Client> | undefined}
   */
  connect(options, callback) {
    const called = typeof options === 'function' ? /** @type {ConnectCallback} */ (options) : callback;
    if (called) {
      connect(this, options, inContext(called, this));
      return undefined;
    }
    /** @type {Promise<Client>} */
    const connected = new this._Promise((resolve, reject) => {
      connect(this, options, (error, _client, isReason = false) => {
        // Once the client was ended, this rejection needs no handler: in node-postgres the promise stays pending.
        if (error && this._ending) queueMicrotask(() => connected.then(undefined, () => undefined));
        if (!error) resolve(this);
        // The reason of a signal is the caller's own object: its stack isn't ours to write.
        else if (isReason) reject(error);
        else rejectAtCaller(resolve, error);
      });
    });
    return connected;
  }

  /** @param {ConnectCallback} callback */
  _connect(callback) {
    open(this, callback);
  }

  /** The parameters of the startup message. Subclasses add their own. */
  getStartupConf() {
    return startupOf(this.connectionParameters);
  }

  /** @param {unknown} failure */
  _handleConnectFailure(failure) {
    // The program has destroyed the stream, as pools do when connecting takes too long.
    const isTaken = kindOf(/** @type {Error} */ (failure)) === 'closed' && !this._ending;
    const error = isTaken ? endError(false) : failure;
    if (this._connectionError || !this._connecting) return;
    this._connectionError = true;
    const callback = this._connectionCallback;
    this._connectionCallback = null;
    if (callback) callOut(callback, error);
    else emitErrorToListeners(this, error);
    // Settings that were refused never made a connection, so nothing else would report that it is closed.
    this._closedSoon();
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  _handleParameter(name, value) {
    this._tell('parameterStatus', parameterMessage(name, value));
  }

  /**
   * Emits a message that concerns no query.
   *
   * @param {string} name
   * @param {unknown} message
   */
  _tell(name, message) {
    callOut(() => this.emit(name, message));
    if (this._connection instanceof NativeConnection) this._connection.tell(name, message);
  }

  // The end of a connection.

  /** @param {Error} error the socket was lost while no query was under way */
  _handleLost(error) {
    if (this._connecting) this._handleConnectFailure(error);
    // A plain end is reported on closing, and after `end()` the loss of the connection is expected.
    else if (!isMereEnd(error) && !(this._ending && isHangUp(error))) this._handleErrorEvent(error);
  }

  /**
   * @param {Error} error
   * @param {boolean} [isTold] whether the error is reported in another way
   */
  _handleErrorEvent(error, isTold = this._isBusy()) {
    this._told.add(failureOf(error));
    super._handleErrorEvent(error);
    if (this.listenerCount('error') > 0) callOut(() => this.emit('error', error));
    else if (!isTold && !this._lossTold) {
      this._lossTold = true;
      warnOfLoss(error);
    }
  }

  /**
   * The native connection is closed. It is reported a turn later, as by a socket after its last data: requests that
   * failed with the connection hear of it before 'error' and 'end' are emitted.
   */
  _closedSoon() {
    const { _connection: connection } = this;
    setImmediate(() => {
      if (!(connection instanceof NativeConnection)) {
        this._handleClosed();
        return;
      }
      // Its stream needs a turn to end and to finish.
      connection.stream.runOut();
      setImmediate(() => this._handleClosed());
    });
  }

  _handleClosed() {
    if (this._ended) return;
    if (this._connection instanceof NativeConnection) this._connection.closed();
    this._handleEnd();
  }

  /** How its connection goes to the server. */
  get _way() {
    const { host, port, user, _given } = this;
    return { host, port, user, poolMode: _given.poolMode };
  }

  /** The connection has ended, or the program has emitted its end. */
  _handleEnd() {
    if (this._ended) return;
    const error = this._ending ? endError(true) : explained(endError(false), this._way);
    if (this._core !== null) {
      if (!this._awaitsOutcome) connections.delete(this._core.id);
      this._core.setRef(false);
      if (this._core.isOpen) this._core.destroy();
    }
    const hadWork = this._isBusy();
    // A pending `connect()` fails first.
    if (this._ending && this._connectionCallback !== null) this._handleConnectFailure(error);
    this._errorAllQueries(error);
    this._ended = true;
    if (!this._ending && !this._connectionError) {
      if (this._connecting) this._handleConnectFailure(error);
      else if (!this._told.has(failureOf(error))) this._handleErrorEvent(error, hadWork);
    }
    this._runDry();
    const listeners = this._endListeners;
    this._endListeners = [];
    for (const listener of listeners) callOut(listener);
    nextTick(() => this.emit('end'));
  }

  /**
   * @param {() => void} [callback]
   * @returns {Promise<void> | undefined}
   */
  end(callback) {
    this._ending = true;
    const isUnconnected = this._isCarried ? !this._connection?._connecting : this._core === null;
    if (isUnconnected || this._ended) {
      if (!callback) return this._Promise.resolve();
      callback();
      return undefined;
    }
    if (!this._queryable) this._cutOff();
    else if (this.pipeline && this._isBusy()) this.once('drain', () => this._terminate());
    // A query that has failed counts as answered.
    else if (this._activeQuery?.isRefused) this._terminate();
    // A query that hangs could keep the end away for ever.
    else if (this._activeQuery || this._core.isBusy) this._cutOff();
    else this._terminate();

    if (callback) {
      this._endListeners.push(inContext(callback));
      return undefined;
    }
    return new this._Promise((resolve) => this._endListeners.push(resolve));
  }

  /** Closes the connection without Terminate. */
  _cutOff() {
    if (this._connection instanceof NativeConnection) this._connection.torn();
    this._core.destroy();
  }

  _terminate() {
    if (this._connection instanceof NativeConnection) this._connection.leaving();
    this._core.end(register(new EndRequest(() => this._closedSoon())));
  }

  // `await using client = await pool.connect()` gives it back, `await using client = new Client()` ends it. What is
  // read here holds for this one checkout of the client.

  get [Symbol.asyncDispose]() {
    const giveBack = disposerOf(this);
    return giveBack === undefined ? () => this.end() : async () => giveBack();
  }

  get [Symbol.dispose]() {
    return disposerOf(this);
  }

  // Queries.

  /**
   * @param {string | QueryConfig | Submittable} config text, configuration or submittable
   * @param {unknown[] | Callback} [values]
   * @param {Callback} [callback]
   * @returns {Promise<Result | Result[]> | Submittable | undefined} a promise, or the submittable, or nothing when there is a callback
   */
  query(config, values, callback) {
    if (config === null || config === undefined) {
      throw new TypeError(NO_QUERY);
    }
    if (!isWatched(channels.query)) return runQuery(this, config, values, callback, undefined);
    return trace(channels.query, queryContext(this, config), (settled) =>
      runQuery(this, config, values, callback, settled),
    );
  }

  /**
   * A script has ended whose connection is lost. The client learns of the loss before the program learns the script's
   * outcome, so that a client that is then released to its pool is known to be broken.
   *
   * @param {import('../query/ddl-request')} request
   * @param {PgError | null} error null when the script was committed all the same
   */
  _scriptLost(request, error) {
    const conclude = () => request.conclude(error);
    if (this._ended) conclude();
    else this._endListeners.push(conclude);
  }

  /**
   * Asks the server to stop a query of another client, or takes it out of that client's queue.
   *
   * @param {Client} client
   * @param {unknown} query
   */
  cancel(client, query) {
    if (client.activeQuery === query) {
      cancel(client._core, () => callOut(() => this.emit('end')));
      return;
    }
    const waiting = client._queryQueue.findIndex((entry) => entry === query || entry.query === query);
    if (waiting !== -1) {
      client._queryQueue.splice(waiting, 1);
    } else if (client._sentQueryQueue.some((entry) => entry === query || entry.query === query)) {
      // It can't be taken off the wire; its result goes nowhere.
      /** @type {{ callback?: Callback }} */ (query).callback = () => undefined;
    }
  }

  // Everything else.

  ref() {
    this._setRef(true);
  }

  unref() {
    this._setRef(false);
  }

  /** @param {boolean} ref */
  _setRef(ref) {
    this._ref = ref;
    if (this._core !== null && !this._ended) this._core.setRef(ref);
  }

  getTransactionStatus() {
    return this._txStatus;
  }

  /**
   * @param {number} oid
   * @param {string | Parser} format
   * @param {Parser} [parseFn]
   */
  setTypeParser(oid, format, parseFn) {
    return this._types.setTypeParser(oid, format, parseFn);
  }

  /**
   * @param {number} oid
   * @param {string} [format]
   */
  getTypeParser(oid, format) {
    return this._types.getTypeParser(oid, format);
  }

  /** @param {string} name */
  escapeIdentifier(name) {
    return escape.escapeIdentifier(name);
  }

  /** @param {string} value */
  escapeLiteral(value) {
    return escape.escapeLiteral(value);
  }
}

Client.Query = Query;

const { connect: ownConnect, query, end } = Client.prototype;
Object.assign(ownMethods, { connect: ownConnect, query, end });

printedSafely(Client.prototype);

module.exports = Client;
