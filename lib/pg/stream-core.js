'use strict';

const net = require('node:net');
const tls = require('node:tls');
const { serialize } = require('pg-protocol');

const { take } = require('../binding');
const Connection = require('./connection');
const StreamLogin = require('./stream-login');

// The native side counts upwards from 1.
let lastId = 0;

/**
 * Stands in for a native connection where the caller brings the socket (`stream`): it logs in, and every query goes
 * message by message. Slower than the native one, and only for programs that have to tunnel.
 */
class StreamCore {
  /**
   * @param {import('./client')} client
   * @param {any} stream a socket that isn't connected, or a function that makes one
   * @param {{ hosts: { host: string, port: number }[], connectTimeoutMillis: number }} settings
   */
  constructor(client, stream, { hosts, connectTimeoutMillis }) {
    this.id = --lastId;
    /** @type {string | null} */
    this.transactionStatus = null;
    /** @type {number | null} */
    this.processID = null;
    /** @type {number | null} */
    this.secretKey = null;
    this.isOpen = false;
    this._client = client;
    this._given = stream;
    this._target = hosts[0];
    this._timeoutMillis = connectTimeoutMillis;
    /** @type {any} the socket, or TLS on it */
    this._stream = null;
    /** @type {any} */
    this._request = null;
    /** @type {NodeJS.Timeout | undefined} */
    this._timer = undefined;
    /** @type {any} why the connection is going */
    this._reason = null;
    this._isClosed = false;
    /** @type {any[]} requests that wait for the end */
    this._goodbyes = [];
  }

  /** @param {number} id of the request */
  connect(id) {
    this._request = take(id);
    const socket = this._dial();
    this._stream = socket;
    socket.on('error', (/** @type {any} */ error) => {
      this._reason ??= error;
    });
    socket.once('close', () => this._closed());
    if (this._timeoutMillis > 0 && this._timeoutMillis !== Infinity) {
      this._timer = setTimeout(() => this._give(new Error('timeout expired')), this._timeoutMillis);
    }
    socket.once('connect', () => {
      if (this._client.ssl) this._askForTls(socket);
      else this._logIn(socket);
    });
  }

  _dial() {
    const { host, port } = this._target;
    const socket = typeof this._given === 'function' ? this._given({ host, port }) : this._given;
    if (typeof socket.setNoDelay === 'function') socket.setNoDelay(true);
    if (host.startsWith('/')) socket.connect(`${host}/.s.PGSQL.${port}`);
    else socket.connect(port, host);
    return socket;
  }

  /** @param {any} socket */
  _askForTls(socket) {
    socket.write(serialize.requestSsl());
    socket.once('data', (/** @type {Buffer} */ answer) => {
      if (answer.toString('latin1') !== 'S') {
        const refusal = 'The server does not support SSL connections';
        this._give(
          new Error(answer[0] === 0x4e ? refusal : 'There was an error establishing an SSL connection'),
        );
        return;
      }
      const { ssl } = this._client;
      const { host } = this._target;
      const name = net.isIP(host) === 0 ? { servername: host } : {};
      const key = ssl === true || !ssl.key ? {} : { key: ssl.key };
      const secured = tls.connect({ socket, ...name, ...(ssl === true ? {} : ssl), ...key });
      secured.on('error', (error) => this._give(error));
      secured.once('secureConnect', () => this._logIn(secured));
    });
  }

  /** @param {any} stream */
  _logIn(stream) {
    const client = this._client;
    this._stream = stream;
    const connection = new Connection({ stream, ssl: client.ssl });
    client._connection = connection;
    connection.on('notice', (message) => client.emit('notice', message));
    connection.on('notification', (message) => client.emit('notification', message));
    connection.on('parameterStatus', (message) =>
      client._handleParameter(message.parameterName, message.parameterValue),
    );
    connection.on('readyForQuery', (message) => {
      this.transactionStatus = message.status;
    });
    connection._active = new StreamLogin(client, connection, this);
    connection._owed = 1;
    // A server that says farewell while nothing is asked.
    connection.prependListener('errorMessage', (message) => {
      if (connection._active === null) this._reason ??= message;
    });
    stream.write(serialize.startup(client.getStartupConf()));
  }

  // What the log-in tells.

  /** @param {{ processID: number, secretKey: number }} message */
  keys({ processID, secretKey }) {
    this.processID = processID;
    this.secretKey = secretKey;
  }

  /** @param {string} status */
  opened(status) {
    this._finishConnecting();
    this.transactionStatus = status;
    this.isOpen = true;
    const request = this._request;
    this._request = null;
    request.done();
  }

  /** @param {any} error */
  refused(error) {
    this._give(error);
  }

  _finishConnecting() {
    clearTimeout(this._timer);
  }

  /** @param {any} error why there will be no connection */
  _give(error) {
    this._reason ??= error;
    this._stream.destroy();
  }

  _closed() {
    if (this._isClosed) return;
    this._isClosed = true;
    this.isOpen = false;
    this._finishConnecting();
    const client = this._client;
    const error =
      this._reason ||
      new Error(client._ending ? 'Connection terminated' : 'Connection terminated unexpectedly');
    const request = this._request;
    this._request = null;
    if (request !== null) request.fail(error);
    else if (client._connection !== null && client._connection._active !== null) {
      client._connection._exchangeFailed(error, null);
    } else if (this._reason !== null && !client._ending) client._handleLost(error);
    for (const goodbye of this._goodbyes) goodbye.done();
    setImmediate(() => client._handleClosed());
  }

  // What a client asks of a native connection.

  /** @param {number} id of the request */
  end(id) {
    const request = take(id);
    if (this._isClosed || this._stream === null) {
      request.done();
      return;
    }
    this._goodbyes.push(request);
    if (this._stream.writable) this._stream.end(serialize.end());
    else this._stream.destroy();
  }

  destroy() {
    if (this._stream !== null) this._stream.destroy();
  }

  /**
   * Asks the server, on a connection of its own, to stop what it does on this one.
   *
   * @param {number} id of the request
   */
  cancel(id) {
    const request = take(id);
    // A socket that was given can't be had twice.
    const socket = typeof this._given === 'function' ? this._dial() : this._dialDirectly();
    socket.on('error', (/** @type {Error} */ error) => request.fail(error));
    socket.once('connect', () =>
      socket.end(serialize.cancel(Number(this.processID), Number(this.secretKey))),
    );
    socket.once('close', () => request.done());
    socket.resume();
  }

  _dialDirectly() {
    const { host, port } = this._target;
    return host.startsWith('/') ? net.connect(`${host}/.s.PGSQL.${port}`) : net.connect(port, host);
  }

  /** @param {boolean} ref */
  setRef(ref) {
    const change = this._stream !== null && (ref ? this._stream.ref : this._stream.unref);
    if (typeof change === 'function') change.call(this._stream);
  }

  /** @returns {undefined} statements are known to the connection's messages alone */
  statementText() {
    return undefined;
  }
}

module.exports = StreamCore;
