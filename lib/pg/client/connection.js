'use strict';

const { EventEmitter } = require('node:events');
const net = require('node:net');
const tls = require('node:tls');
const { serialize } = require('pg-protocol');
const { Parser } = require('pg-protocol/dist/parser');

const { isHangUp } = require('../errors/loss');
const { checkName, refusalOf } = require('../settings/identity-check');
const { TLS_SECRETS, withCarried } = require('../settings/secret');
const { rootsFor } = require('../settings/tls-settings');

const FLUSH = serialize.flush();
const SYNC = serialize.sync();
const TERMINATE = serialize.end();

/** What a server answers to the request for TLS. */
const TLS_ACCEPTED = 'S';
const TLS_REFUSED = 'N';

/**
 * The transport of the messages: a socket, TLS on one, or a stream of the program's.
 *
 * @typedef {import('node:stream').Duplex & {
 *   setNoDelay: (isOn: boolean) => unknown,
 *   setKeepAlive: (isOn: boolean, delayMillis?: number) => unknown,
 *   ref: () => unknown,
 *   unref: () => unknown,
 *   getPeerCertificate?: (isDetailed?: boolean) => tls.PeerCertificate,
 * }} Stream
 */

/** @typedef {Stream & { connect: (place: number | string, host?: string) => unknown }} Dialer a stream before it leads anywhere */

/** @typedef {(config: ConnectionConfig) => Stream} MakeStream */

/**
 * @typedef {object} ConnectionConfig
 * @property {Stream | MakeStream} [stream]
 * @property {boolean} [keepAlive]
 * @property {number} [keepAliveInitialDelayMillis]
 * @property {unknown} [ssl] true, or options of `tls.connect`
 * @property {string} [sslNegotiation]
 */

/** @typedef {import('pg-protocol/dist/messages').BackendMessage} Message */

/** @typedef {Parameters<typeof serialize.describe>[0]} PortalName a statement or a portal */

/**
 * A stream as the messages of the protocol: a method for each message of a client, an event for each message of the
 * server. It doesn't check the order of messages; that is up to the sender.
 *
 * Its own properties are node-postgres's, because programs give a client a connection of their making.
 */
class Connection extends EventEmitter {
  /** @type {MakeStream | undefined} */
  #makeStream;

  /** @param {ConnectionConfig} [config] `stream` is the socket to use, or a function that makes one */
  constructor(config) {
    super();
    const given = config || {};
    const stream = given.stream || new net.Socket();
    /** @type {Stream} the socket, or TLS on it */
    this.stream = typeof stream === 'function' ? stream(given) : stream;
    if (typeof stream === 'function') this.#makeStream = stream;
    this._keepAlive = given.keepAlive;
    this._keepAliveInitialDelayMillis = given.keepAliveInitialDelayMillis;
    /** @type {Record<string, string>} */
    this.parsedStatements = {};
    /** @type {Record<string, string>} */
    this.submittedNamedStatements = {};
    this.ssl = given.ssl || false;
    this.sslNegotiation = given.sslNegotiation || 'postgres';
    this._ending = false;
    this._emitMessage = false;
    this.on('newListener', (name) => {
      if (name === 'message') this._emitMessage = true;
    });
  }

  /**
   * Emits 'connect' when the stream is connected, 'error', and 'end' when it is closed.
   *
   * @param {number | string} port or the path of a socket
   * @param {string} [host]
   */
  connect(port, host) {
    const stream = /** @type {Dialer} */ (this.stream);
    this._connecting = true;
    if (typeof stream.setNoDelay === 'function') stream.setNoDelay(true);
    if (host === undefined) stream.connect(port);
    else stream.connect(port, host);
    stream.once('connect', () => {
      if (this._keepAlive) stream.setKeepAlive(true, this._keepAliveInitialDelayMillis);
      this.emit('connect');
    });
    stream.on('error', (/** @type {NodeJS.ErrnoException} */ error) => this._streamFailed(error));
    stream.on('close', () => this.emit('end'));
    if (!this.ssl) this.attachListeners(stream);
    else if (this.sslNegotiation === 'direct') stream.once('connect', () => this._secure(host));
    else stream.once('data', (/** @type {Buffer} */ answer) => this._tlsAnswered(String(answer), host));
  }

  /** What makes another stream on the program's own way to the server, if anything does. */
  get _makeStream() {
    return this.#makeStream;
  }

  /** @param {NodeJS.ErrnoException} error */
  _streamFailed(error) {
    // While ending, it doesn't matter that the server closed first.
    if (this._ending && isHangUp(error)) return;
    this.emit('error', error);
  }

  /**
   * @param {string} answer
   * @param {string | undefined} host
   */
  _tlsAnswered(answer, host) {
    if (answer === TLS_ACCEPTED) {
      this._secure(host);
      return;
    }
    this.stream.end();
    const what =
      answer === TLS_REFUSED
        ? 'The server does not support SSL connections'
        : 'There was an error establishing an SSL connection';
    this.emit('error', new Error(what));
  }

  /** @param {string | undefined} host */
  _secure(host) {
    this.upgradeToSSL(host, (error) => this._streamFailed(error));
  }

  /**
   * Puts TLS on the stream and emits 'sslconnect'.
   *
   * @param {string | undefined} host whose name the certificate has to have
   * @param {(error: Error) => void} reportError
   */
  upgradeToSSL(host, reportError) {
    try {
      const ssl = withCarried(this.ssl);
      const options = this._tlsOptions(ssl, host);
      const hasOwnCheck =
        ssl !== true && checkName(/** @type {tls.ConnectionOptions} */ (ssl).checkServerIdentity) !== null;
      // Node ignores its result when nothing is to be verified, and sends data before it is called.
      if (hasOwnCheck) options.checkServerIdentity = () => undefined;
      this.stream = /** @type {Stream} */ (tls.connect(options));
      if (hasOwnCheck) this.stream.once('secureConnect', () => this._checkIdentity(options));
      this.attachListeners(this.stream);
      this.stream.on('error', reportError);
      if (!hasOwnCheck) this.emit('sslconnect');
    } catch (error) {
      this.emit('error', error);
    }
  }

  /**
   * @param {unknown} ssl true, or options of `tls.connect`
   * @param {string | undefined} host
   * @returns {tls.ConnectionOptions} what `tls.connect` takes
   */
  _tlsOptions(ssl, host) {
    /** @type {tls.ConnectionOptions} */
    const options = { socket: this.stream, host };
    if (ssl !== true) {
      const given = /** @type {Record<string, unknown>} */ (ssl);
      Object.assign(options, given);
      // Secrets aren't enumerable.
      for (const name of TLS_SECRETS) if (name in given) Object.assign(options, { [name]: given[name] });
    }
    const roots = rootsFor(/** @type {Record<string, unknown>} */ ({ ...options }), host || '');
    if (roots !== undefined) options.ca = roots;
    if (this.sslNegotiation === 'direct') options.ALPNProtocols = ['postgresql'];
    // An address can't be the name that TLS asks for (RFC 6066, section 3).
    if (net.isIP(host || '') === 0) options.servername = host;
    return options;
  }

  /** @param {{ servername?: string, host?: string }} options */
  _checkIdentity({ servername, host }) {
    const { ssl, stream } = this;
    const refusal = refusalOf(ssl, servername || host || '', () => certificateOf(stream));
    if (refusal) stream.destroy(refusal);
    else this.emit('sslconnect');
  }

  /** @param {Stream} stream whose bytes become events */
  attachListeners(stream) {
    const parser = new Parser();
    let isTelling = false;
    const tell = (/** @type {Message} */ message) => {
      isTelling = true;
      this._receive(message);
      isTelling = false;
    };
    stream.on('data', (/** @type {Buffer} */ bytes) => {
      isTelling = false;
      try {
        parser.parse(bytes, tell);
      } catch (error) {
        // An error thrown by a listener is the program's.
        if (isTelling) throw error;
        this.emit('error', error);
        stream.destroy();
      }
    });
  }

  /** @param {Message} message */
  _receive(message) {
    if (this._emitMessage) this.emit('message', message);
    this.emit(message.name === 'error' ? 'errorMessage' : message.name, message);
  }

  // Messages that open a connection.

  requestSsl() {
    this.stream.write(serialize.requestSsl());
  }

  /** @param {Record<string, string | undefined>} parameters */
  startup(parameters) {
    this.stream.write(serialize.startup(/** @type {Record<string, string>} */ (parameters)));
  }

  /**
   * @param {number} processID
   * @param {number} secretKey
   */
  cancel(processID, secretKey) {
    this._send(serialize.cancel(processID, secretKey));
  }

  /** @param {string} password */
  password(password) {
    this._send(serialize.password(password));
  }

  /**
   * @param {string} mechanism
   * @param {string} response
   */
  sendSASLInitialResponseMessage(mechanism, response) {
    this._send(serialize.sendSASLInitialResponseMessage(mechanism, response));
  }

  /** @param {string} response */
  sendSCRAMClientFinalMessage(response) {
    this._send(serialize.sendSCRAMClientFinalMessage(response));
  }

  // Messages that ask for something.

  /**
   * @param {Buffer} bytes
   * @param {number} [_owed] ReadyForQuery messages that will answer them
   * @returns {boolean | undefined}
   */
  _send(bytes, _owed) {
    if (!this.stream.writable) return false;
    return this.stream.write(bytes);
  }

  /** @param {string} text */
  query(text) {
    this._send(serialize.query(text), 1);
  }

  /** @param {{ text?: string, name?: string, types?: unknown }} query */
  parse(query) {
    this._send(serialize.parse(/** @type {Parameters<typeof serialize.parse>[0]} */ (query)));
  }

  /** @param {Parameters<typeof serialize.bind>[0]} config */
  bind(config) {
    this._send(serialize.bind(config));
  }

  /** @param {Parameters<typeof serialize.execute>[0]} config */
  execute(config) {
    this._send(serialize.execute(config));
  }

  /** @param {PortalName} message */
  describe(message) {
    this._send(serialize.describe(message));
  }

  /** @param {PortalName} message */
  close(message) {
    this._send(serialize.close(message));
  }

  flush() {
    this._send(FLUSH);
  }

  sync() {
    this._send(SYNC, 1);
  }

  /** @param {Buffer} chunk */
  sendCopyFromChunk(chunk) {
    this._send(serialize.copyData(chunk));
  }

  endCopyFrom() {
    this._send(serialize.copyDone());
  }

  /** @param {string} message */
  sendCopyFail(message) {
    this._send(serialize.copyFail(message));
  }

  ref() {
    this.stream.ref();
  }

  unref() {
    this.stream.unref();
  }

  /** Sends Terminate. */
  end() {
    const { stream } = this;
    this._ending = true;
    if (this._connecting && stream.writable) stream.write(TERMINATE, () => stream.end());
    else stream.end();
  }
}

/** @param {Stream} stream of TLS */
function certificateOf(stream) {
  return /** @type {tls.TLSSocket} */ (stream).getPeerCertificate(true);
}

module.exports = Connection;
