'use strict';

const { kindOf } = require('../../errors');
const { native, register, connections } = require('../../native/binding');
const { nextTick, queueMicrotask, setImmediate, setTimeout } = require('../../timers');
const { connectObeying, obey } = require('../call/abort');
const { callOut, emitErrorToListeners, inContext, rejectAtCaller } = require('../call/caller');
const { ClientLink, ConnectRequest, EndRequest, cancel } = require('./client-link');
const ConnectionParameters = require('../settings/connection-parameters');
const DdlRequest = require('../query/ddl-request');
const defaults = require('../settings/defaults');
const { channels, isWatched, place, queryContext, trace } = require('../call/diagnostics');
const { disposerOf } = require('./disposal');
const escape = require('../query/escape');
const { endError, failureOf, isMereEnd, warnOfLoss } = require('../errors/loss');
const MessageCore = require('../messages/message-core');
const NativeConnection = require('./native-connection');
const { parameterMessage } = require('../errors/notice');
const ownMethods = require('./own-methods');
const PortalRequest = require('../query/portal-request');
const Query = require('../query/query');
const QueryQueue = require('./query-queue');
const QueryRequest = require('../query/query-request');
const QueryRun = require('../query/query-run');
const { conceal, hide, printedSafely } = require('../settings/secret');
const {
  SERVER_TIMEOUTS,
  amount,
  flag,
  scramIterations,
  serverMillis,
  toSettings,
} = require('../settings/settings');
const { onSettled } = require('../call/settlement');
const Submission = require('../query/submission');
const TypeOverrides = require('../query/type-overrides');
const { CONNECTED_TWICE, NO_QUERY } = require('../../texts');

const INTERNALS = [
  '_connection',
  '_isCarried',
  '_given',
  '_connectionCallback',
  '_answerError',
  '_endListeners',
  '_isAdopted',
  '_ref',
  '_told',
  '_lossTold',
  '_awaitsOutcome',
];

/** @param {any} error */
function isHangUp({ code }) {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/**
 * One connection with node-postgres's manners: its queue, its events and the texts of its errors. The socket and the
 * protocol are the native connection's.
 */
class Client extends QueryQueue {
  /** @param {string | Record<string, any>} [config] */
  constructor(config) {
    super();
    this.connectionParameters = new ConnectionParameters(config);
    this.user = this.connectionParameters.user;
    this.database = this.connectionParameters.database;
    this.port = this.connectionParameters.port;
    this.host = this.connectionParameters.host;
    /** @type {any} */
    this.password = this.connectionParameters.password;
    this.replication = this.connectionParameters.replication;

    /** @type {Record<string, any>} */
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
    /** @type {any} the connection in messages: the caller's, or that of the native one if somebody asked for it */
    this._connection = MessageCore.connectionOf(given, this.connectionParameters);
    /** @type {boolean} whether the caller brought the way to the server, so that everything goes by messages */
    this._isCarried = this._connection !== null;
    /** @type {Record<string, any>} options that only the native connection reads */
    this._given = {
      autoPrepare: flag('autoPrepare', given.autoPrepare),
      enableChannelBinding: given.enableChannelBinding,
      keepAlive: given.keepAlive,
      keepAliveInitialDelayMillis: given.keepAliveInitialDelayMillis,
    };
    /** @type {Function | null} */
    this._connectionCallback = null;
    /** @type {any} what the caller's password function threw, or its check of the server found */
    this._answerError = null;
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

  /** Who knows which submission the server is answering. */
  get _messenger() {
    return this._isCarried ? this._core : this.connection;
  }

  get activeQuery() {
    const active = this._activeQuery;
    return active instanceof QueryRun || active instanceof Submission ? active.query : active;
  }

  set activeQuery(query) {
    this._activeQuery = query;
  }

  get queryQueue() {
    return this._queryQueue;
  }

  // Connecting.

  /**
   * @param {any} [options] with a signal; may be left out
   * @param {(error: any, client?: Client) => void} [callback]
   * @returns {Promise<Client> | undefined}
   */
  connect(options, callback) {
    const called = typeof options === 'function' ? options : callback;
    if (called) {
      this._connectTraced(options, inContext(called, this));
      return undefined;
    }
    const connected = new this._Promise((/** @type {any} */ resolve, /** @type {any} */ reject) => {
      this._connectTraced(
        options,
        (/** @type {any} */ error, /** @type {any} */ _client, isReason = false) => {
          // Who has ended the client meanwhile need not ask what became of connecting: in node-postgres it never says.
          if (error && this._ending) queueMicrotask(() => connected.then(undefined, () => undefined));
          if (!error) resolve(this);
          // The reason of a signal is the caller's own object: its stack isn't ours to write.
          else if (isReason) reject(error);
          else rejectAtCaller(resolve, error);
        },
      );
    });
    return connected;
  }

  /**
   * @param {any} options
   * @param {Function} callback
   */
  _connectTraced(options, callback) {
    if (!isWatched(channels.connect)) {
      connectObeying(this, options, callback);
      return;
    }
    const context = place(this);
    trace(channels.connect, context, (settled) => {
      connectObeying(this, options, (/** @type {any[]} */ ...outcome) => {
        context.processID = this.processID;
        settled(outcome[0]);
        callback(...outcome);
      });
    });
  }

  /** @param {Function} callback */
  _connect(callback) {
    if (this._isAdopted) {
      this._isAdopted = false;
      if (this._connection instanceof NativeConnection) this._connection.opened(this._core);
      callback(null, this);
      return;
    }
    if (this._connecting || this._connected) {
      const error = new Error(CONNECTED_TWICE);
      nextTick(() => callback(error));
      return;
    }
    this._connectionCallback = callback;
    this._connecting = true;
    try {
      const settings = this._settings();
      this._own(
        this._isCarried ? new MessageCore(this, this._connection, settings) : native.openConnection(settings),
      );
      this._core.connect(register(new ConnectRequest(this)));
    } catch (error) {
      nextTick(() => this._handleConnectFailure(error));
    }
  }

  _settings() {
    const parameters = this.connectionParameters;
    const startup = this.getStartupConf();
    return toSettings(parameters, {
      startup,
      host: this.host,
      ports: Object.is(this.port, parameters.port) ? parameters.ports : this.port,
      user: this.user,
      database: this.database,
      password: this.password,
      ssl: this.ssl,
      isCarried: this._isCarried,
      enableChannelBinding: this._given.enableChannelBinding,
      // A replication connection knows no extended protocol.
      autoPrepare: this._given.autoPrepare && !this.replication,
      scramMaxIterations: this.scramMaxIterations,
      connectionTimeoutMillis: this._connectionTimeoutMillis,
      keepAlive: this._given.keepAlive,
      keepAliveInitialDelayMillis: this._given.keepAliveInitialDelayMillis,
    });
  }

  /** The parameters of the startup message. Subclasses add their own. */
  getStartupConf() {
    const parameters = this.connectionParameters;
    /** @type {Record<string, any>} */
    const startup = { user: parameters.user, database: parameters.database };
    const applicationName = parameters.application_name || parameters.fallback_application_name;
    if (applicationName) startup.application_name = applicationName;
    if (parameters.replication) startup.replication = '' + parameters.replication;
    for (const name of SERVER_TIMEOUTS) {
      const value = /** @type {any} */ (parameters)[name];
      if (value) startup[name] = String(serverMillis(value));
    }
    if (parameters.options) startup.options = parameters.options;
    return startup;
  }

  /**
   * Takes charge of a native connection.
   *
   * @param {any} core
   */
  _own(core) {
    this._core = core;
    connections.set(core.id, new ClientLink(this));
    if (this._connection instanceof NativeConnection) this._connection.follow();
  }

  /**
   * Becomes the client of a connection that a pool has opened already.
   *
   * @param {any} core
   */
  _adopt(core) {
    this._own(core);
    this._markConnected();
    this._txStatus = core.transactionStatus;
    this.readyForQuery = true;
    if (Client.prototype.connect === ownMethods.connect) return;
    // Who replaces `connect` expects that every client comes by.
    this._isAdopted = true;
    callOut(() => this.connect(() => undefined));
  }

  _markConnected() {
    this._connecting = false;
    this._connected = true;
    // A server that knows no cancelling gives no key.
    this.processID = this._core.processID || null;
    this.secretKey = this._core.secretKey || null;
  }

  _handleConnected() {
    // Its connection was made in the moment in which it was ended.
    if (this._ending && this._connectionCallback !== null) {
      this._handleConnectFailure(endError(true));
      return;
    }
    this._markConnected();
    this._core.setRef(this._ref);
    if (this._connection instanceof NativeConnection) this._connection.opened(this._core);
    const callback = this._connectionCallback;
    this._connectionCallback = null;
    if (callback) callOut(callback, null, this);
    callOut(() => this.emit('connect'));
    this._txStatus = this._core.transactionStatus;
    this.readyForQuery = true;
    this._pulseQueryQueue();
  }

  /** @param {any} failure */
  _handleConnectFailure(failure) {
    // Its program has taken the stream away, as pools do with what takes too long.
    const isTaken = kindOf(failure) === 'closed' && !this._ending;
    const error = this._answerError || (isTaken ? endError(false) : failure);
    if (this._connectionError || !this._connecting) return;
    this._connectionError = true;
    const callback = this._connectionCallback;
    this._connectionCallback = null;
    if (callback) callOut(callback, error);
    else emitErrorToListeners(this, error);
    // Settings that were refused never made a connection, so nobody else would say that it is closed.
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
   * Tells of a message that concerns no query.
   *
   * @param {string} name
   * @param {any} message
   */
  _tell(name, message) {
    callOut(() => this.emit(name, message));
    if (this._connection instanceof NativeConnection) this._connection.tell(name, message);
  }

  // The end of a connection.

  /** @param {Error} error the socket is gone while nothing was asked */
  _handleLost(error) {
    if (this._connecting) this._handleConnectFailure(error);
    // That is told when it is closed, and whoever ends a client expects its connection to go.
    else if (!isMereEnd(error) && !(this._ending && isHangUp(error))) this._handleErrorEvent(error);
  }

  /**
   * @param {any} error
   * @param {boolean} [isTold] whether somebody gets the error in another way
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
   * The native connection is closed. That is told a turn later, as by a socket after its last data: what failed with the
   * connection is told to those who wait for it before 'error' and 'end' are.
   */
  _closedSoon() {
    const { _connection: connection } = this;
    setImmediate(() => {
      if (!(connection instanceof NativeConnection)) {
        this._handleClosed();
        return;
      }
      // Its stream takes a turn to end and to finish.
      connection.stream.runOut();
      setImmediate(() => this._handleClosed());
    });
  }

  _handleClosed() {
    if (this._ended) return;
    if (this._connection instanceof NativeConnection) this._connection.closed();
    this._handleEnd();
  }

  /** The connection has ended, or the program has said so in its place. */
  _handleEnd() {
    if (this._ended) return;
    const error = endError(this._ending);
    if (this._core !== null) {
      if (!this._awaitsOutcome) connections.delete(this._core.id);
      this._core.setRef(false);
      if (this._core.isOpen) this._core.destroy();
    }
    const hadWork = this._isBusy();
    // Whoever still waits for it to connect is told first.
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
    const isUnconnected = this._isCarried ? !this._connection._connecting : this._core === null;
    if (isUnconnected || this._ended) {
      if (!callback) return this._Promise.resolve();
      callback();
      return undefined;
    }
    if (!this._queryable) this._cutOff();
    else if (this.pipeline && this._isBusy()) this.once('drain', () => this._goodbye());
    // One that has failed is as good as answered.
    else if (this._activeQuery?.isRefused) this._goodbye();
    // A query that hangs could keep the end away for ever.
    else if (this._activeQuery || this._core.isBusy) this._cutOff();
    else this._goodbye();

    if (callback) {
      this._endListeners.push(inContext(callback));
      return undefined;
    }
    return new this._Promise((/** @type {() => void} */ resolve) => this._endListeners.push(resolve));
  }

  /** Closes the connection without a goodbye. */
  _cutOff() {
    if (this._connection instanceof NativeConnection) this._connection.torn();
    this._core.destroy();
  }

  _goodbye() {
    if (this._connection instanceof NativeConnection) this._connection.leaving();
    this._core.end(register(new EndRequest(() => this._closedSoon())));
  }

  // `await using client = await pool.connect()` gives it back, `await using client = new Client()` ends it. What is
  // read here belongs to this one time that the client is out.

  get [Symbol.asyncDispose]() {
    const giveBack = disposerOf(this);
    return giveBack === undefined ? () => this.end() : async () => giveBack();
  }

  get [Symbol.dispose]() {
    return disposerOf(this);
  }

  // Queries.

  /**
   * @param {any} config text, configuration or submittable
   * @param {any} [values]
   * @param {any} [callback]
   * @returns {any} a promise, or the submittable, or nothing when there is a callback
   */
  query(config, values, callback) {
    if (config === null || config === undefined) {
      throw new TypeError(NO_QUERY);
    }
    if (!isWatched(channels.query)) return this._query(config, values, callback, undefined);
    return trace(channels.query, queryContext(this, config), (settled) =>
      this._query(config, values, callback, settled),
    );
  }

  /**
   * @param {any} config
   * @param {any} values
   * @param {any} callback
   * @param {((error: any, result: any) => void) | undefined} onlooker
   */
  _query(config, values, callback, onlooker) {
    if (typeof config.submit === 'function') {
      return this._querySubmittable(config, values, callback, onlooker);
    }

    const request = this._goesByMessages(config)
      ? new PortalRequest(this, undefined, undefined, this._types)
      : new QueryRequest(this, undefined, undefined, this._types);
    let called = callback;
    if (typeof values === 'function') called = callback || values;
    else if (values) request.values = values;
    if (typeof config === 'string') {
      request.text = config;
    } else {
      request.text = config.text;
      if (request.values === undefined) request.values = config.values;
      request.configure(config);
      if (!called) called = config.callback;
    }
    let answer;
    if (called) {
      if (typeof called !== 'function') throw new TypeError('callback is not a function');
      request.callback = inContext(called, request);
    } else {
      answer = new this._Promise((/** @type {any} */ resolve, /** @type {any} */ reject) => {
        request.resolve = resolve;
        request.reject = reject;
      });
    }
    if (this.binary) request.binary = true;
    if (onlooker !== undefined) onSettled(request, onlooker);
    if (typeof config !== 'string' && config.signal) {
      if (!obey(request, config, () => this._abort(request))) return answer;
    }
    this._enqueue(request, config.query_timeout || this.connectionParameters.query_timeout);
    return answer;
  }

  /**
   * Whether a query has to take the way of submittables: one with pages or a portal of its own, and one whose statement
   * was prepared that way, since only the connection's messages know of it.
   *
   * @param {any} config
   */
  _goesByMessages(config) {
    if (this._isCarried) return true;
    if (typeof config === 'string') return false;
    if (config.rows) return true;
    if (this.pipeline) return false;
    if (config.portal) return true;
    if (!config.name || this._connection === null) return false;
    return Object.hasOwn(this._connection.parsedStatements, config.name) && !this._statementText(config.name);
  }

  /**
   * Runs a script under the native side's rules for DDL.
   *
   * @param {import('../../manager/ddl-order').Order} order
   * @returns {Promise<any>}
   */
  _executeDdl(order) {
    const request = new DdlRequest(this, order, this._types);
    if (this.binary) request.binary = true;
    return new Promise((resolve) => {
      request.resolve = resolve;
      const leaveQueue = () => {
        const place = this._queryQueue.indexOf(request);
        if (place !== -1) this._queryQueue.splice(place, 1);
      };
      if (!obey(request, order, leaveQueue)) return;
      this._awaitsOutcome = true;
      onSettled(request, () => {
        this._awaitsOutcome = false;
        if (this._ended && this._core !== null) connections.delete(this._core.id);
      });
      this._enqueue(request, 0);
      request.limit(order.queryTimeout || this.connectionParameters.query_timeout, leaveQueue);
    });
  }

  /**
   * A script has ended whose connection is lost. The client hears of the loss by itself, and before its program hears of
   * the script: whoever gives it back to a pool then gives back one that is known to be broken.
   *
   * @param {DdlRequest} request
   * @param {any} error null when the script was committed all the same
   */
  _scriptLost(request, error) {
    const conclude = () => request.conclude(error);
    if (this._ended) conclude();
    else this._endListeners.push(conclude);
  }

  /**
   * @param {any} submittable
   * @param {any} values
   * @param {any} callback
   * @param {((error: any, result: any) => void) | undefined} onlooker
   */
  _querySubmittable(submittable, values, callback, onlooker) {
    if (!submittable.callback) {
      if (typeof values === 'function') submittable.callback = values;
      else if (callback) submittable.callback = callback;
    }
    if (this.binary && !submittable.binary) submittable.binary = true;
    if (submittable._result && !submittable._result._types) submittable._result._types = this._types;
    const request =
      !this._isCarried && QueryRun.isPlainQuery(submittable)
        ? new QueryRun(this, submittable, this._types)
        : new Submission(this, submittable);
    if (onlooker !== undefined) onSettled(request, onlooker);
    this._enqueue(request, submittable.query_timeout || this.connectionParameters.query_timeout);
    return submittable;
  }

  /**
   * Asks the server to stop a query of another client, or takes it out of that client's queue.
   *
   * @param {Client} client
   * @param {any} query
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
      query.callback = () => undefined;
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
   * @param {any} format
   * @param {any} [parseFn]
   */
  setTypeParser(oid, format, parseFn) {
    return this._types.setTypeParser(oid, format, parseFn);
  }

  /**
   * @param {number} oid
   * @param {any} [format]
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

const { connect, query, end } = Client.prototype;
Object.assign(ownMethods, { connect, query, end });

printedSafely(Client.prototype);

module.exports = Client;
