'use strict';

const { take } = require('../../native/binding');
const { thrown } = require('../../errors');
const { clearTimeout, nextTick } = require('../../timers');
const CancelRequest = require('../client/cancel-request');
const Connection = require('../client/connection');
const { endError } = require('../errors/loss');
const { explained } = require('../errors/supabase');
const { notePooling, poolingOf } = require('../client/pooling');
const MessageLogin = require('./message-login');
const { startTimer } = require('../call/timer');
const { tlsWish } = require('../settings/tls-settings');
const { CONNECT_TIMEOUT, unexpectedMessage } = require('../../texts');

/** @typedef {import('../query/submission')} Submission */

// The native side counts upwards from 1.
let lastId = 0;

/** Messages that belong to the query under way. */
const OF_A_QUERY = [
  'rowDescription',
  'dataRow',
  'portalSuspended',
  'emptyQuery',
  'commandComplete',
  'parseComplete',
  'copyInResponse',
  'copyData',
];

const OF_NO_QUERY = ['notice', 'notification', 'parameterStatus'];

/**
 * Stands in for a native connection where the caller brings the way to the server, as a stream or as a `Connection`: it
 * logs in, and every query goes message by message. Slower than the native one, for programs that have to tunnel or
 * that play the server themselves.
 */
class MessageCore {
  /**
   * @param {import('../client/client')} client
   * @param {Connection} connection that isn't connected
   * @param {import('../../native/addon').Settings} settings
   */
  constructor(client, connection, settings) {
    const { hosts, connectTimeoutMillis, channelBinding, requireAuth, allowedAuth } = settings;
    this.id = --lastId;
    /** @type {string | null} */
    this.transactionStatus = null;
    /** @type {number | null} */
    this.processID = null;
    /** @type {number | null} */
    this.secretKey = null;
    /** @type {Submission | null} the submission that the server is answering */
    this._active = null;
    this._client = client;
    this._connection = connection;
    /** What is known of a pooler before the server. */
    this.pooling = poolingOf(settings);
    notePooling(connection, () => this.pooling);
    this._target = hosts[0];
    this._way = { ...hosts[0], user: settings.user, poolMode: settings.poolMode };
    this._timeoutMillis = connectTimeoutMillis;
    this._terms = { channelBinding, requireAuth, allowedAuth };
    /** @type {MessageLogin | null} */
    this._login = null;
    /** @type {import('../../native/receiver').EndReceiver | null} the request to connect */
    this._request = null;
    /** @type {NodeJS.Timeout | undefined} */
    this._timer = undefined;
    /** @type {import('../../native/receiver').EndReceiver[]} requests that wait for the end */
    this._endRequests = [];
  }

  /**
   * @param {import('../settings/options').ClientOptions} given a client's options
   * @param {import('../settings/connection-parameters')} parameters
   * @returns {Connection | null} what the caller brought, or nothing
   */
  static connectionOf(given, parameters) {
    if (given.connection) return given.connection;
    if (!given.stream) return null;
    return new Connection({
      stream: given.stream,
      ssl: tlsWish(parameters.ssl),
      sslNegotiation: parameters.sslnegotiation,
      keepAlive: given.keepAlive || false,
      keepAliveInitialDelayMillis: Number(given.keepAliveInitialDelayMillis) || 0,
    });
  }

  /** ReadyForQuery messages still to come: pages are asked for with Flush, so that none is owed before the last. */
  get _owed() {
    const active = this._active;
    return active !== null && active.query.rows && !active.isComplete ? 0 : 1;
  }

  /** @param {number} id of the request */
  connect(id) {
    const { _connection: connection, _timeoutMillis: millis } = this;
    this._request = take(id);
    if (millis > 0) {
      this._timer = startTimer(() => {
        connection._ending = true;
        connection.stream.destroy(new Error(CONNECT_TIMEOUT));
      }, millis);
    }
    this._listen(connection, this._client);
    this._login = new MessageLogin(this._client, connection, this._terms);
    this._dial(connection);
  }

  /**
   * @param {Connection} connection
   * @param {import('../client/client')} client
   */
  _listen(connection, client) {
    connection.on('connect', () => {
      if (!tlsWish(client.ssl)) connection.startup(client.getStartupConf());
      else if (client.sslNegotiation !== 'direct') connection.requestSsl();
    });
    connection.on('sslconnect', () => connection.startup(client.getStartupConf()));
    connection.on('backendKeyData', ({ processID, secretKey }) => {
      this.processID = client.processID = processID;
      this.secretKey = client.secretKey = secretKey;
    });
    for (const name of OF_NO_QUERY) connection.on(name, (message) => client._tell(name, message));
    for (const name of OF_A_QUERY) connection.on(name, (message) => this._receive(name, message));
    connection.on('errorMessage', (message) => this._refused(message));
    connection.on('readyForQuery', (message) => this._ready(message ? message.status : null));
    connection.on('error', (error) => this._failed(error));
    connection.once('end', () => this._closed());
  }

  /** @param {Connection} connection */
  _dial(connection) {
    const { host, port } = this._target;
    if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
    else connection.connect(port, host);
  }

  // What the connection tells.

  /**
   * @param {string} name
   * @param {unknown} message
   */
  _receive(name, message) {
    if (this._active !== null) this._active.receive(name, message);
    else this._client._handleLost(new Error(unexpectedMessage(name)));
  }

  /** @param {import('../../errors').PgError} error of the server */
  _refused(error) {
    explained(error, this._way);
    if (this._request !== null) this._failed(error);
    else if (this._active !== null) this._active.receive('errorMessage', error);
    else this._client._handleLost(error);
  }

  /** @param {string | null} status */
  _ready(status) {
    const client = this._client;
    const request = this._request;
    const active = this._active;
    if (request !== null && this._login !== null && !this._login.admits()) return;
    this.transactionStatus = status;
    this._active = null;
    if (request !== null) {
      this._request = null;
      clearTimeout(this._timer);
      request.done(status);
    } else if (active !== null) {
      active.finish(status);
    } else {
      client._txStatus = status;
      client._becomeReady();
    }
  }

  /** @param {Error} error of the stream, or of the log-in */
  _failed(error) {
    if (error instanceof Error) explained(error, this._way);
    const request = this._request;
    if (request === null) {
      this._active = null;
      this._client._handleLost(error);
      return;
    }
    this._request = null;
    clearTimeout(this._timer);
    request.fail(error, null);
    this.destroy();
  }

  _closed() {
    const client = this._client;
    const request = this._request;
    this._request = null;
    this._active = null;
    clearTimeout(this._timer);
    if (request !== null) request.fail(endError(client._ending), null);
    for (const endRequest of this._endRequests) endRequest.done(null);
    client._handleClosed();
  }

  // What a client asks of a native connection.

  /** @param {number} id of the request */
  end(id) {
    this._endRequests.push(take(id));
    this._connection.end();
  }

  destroy() {
    const { stream } = this._connection;
    if (typeof stream.destroy === 'function') stream.destroy();
  }

  /**
   * Asks the server, on a connection of its own, to stop what it does on this one.
   *
   * @param {number} id of the request
   */
  cancel(id) {
    const request = take(id);
    try {
      const connection = new CancelRequest(this, (error) => {
        if (error === undefined) request.done(null);
        else request.fail(error, null);
      });
      this._dial(connection);
    } catch (error) {
      // The program's function that makes a stream has thrown.
      nextTick(() => request.fail(/** @type {Error} */ (thrown(error)), null));
    }
  }

  /** @param {boolean} ref */
  setRef(ref) {
    const { stream } = this._connection;
    const change = ref ? stream.ref : stream.unref;
    if (typeof change === 'function') change.call(stream);
  }

  /** Its stream ends by itself. */
  get isOpen() {
    return false;
  }

  /** The client knows what is under way. */
  get isBusy() {
    return false;
  }

  /** @returns {undefined} statements are known to the connection's messages alone */
  statementText() {
    return undefined;
  }
}

module.exports = MessageCore;
