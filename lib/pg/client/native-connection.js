'use strict';

const { BackendKeyDataMessage, ReadyForQueryMessage } = require('pg-protocol/dist/messages');
const { nextTick } = require('../../timers');

const { callOut } = require('../call/caller');
const Connection = require('./connection');
const { parameterMessage } = require('../errors/notice');
const { explained } = require('../errors/supabase');
const { notePooling } = require('./pooling');
const RawStream = require('./raw-stream');
const { hide } = require('../settings/secret');
const Submission = require('../query/submission');

// The length words of the messages, which count themselves.
const KEY_DATA_BYTES = 12;
const READY_BYTES = 5;

/**
 * Messages that were sent while no submittable had the connection, as a cursor does that is closed after it failed.
 * They wait for their turn like a query, and get the Sync that ends it when they bring none.
 */
class Aside {
  constructor() {
    /** @type {Buffer[]} */
    this.chunks = [];
    this.owed = 0;
  }

  /** @param {NativeConnection} connection */
  submit(connection) {
    connection._aside = null;
    connection._send(Buffer.concat(this.chunks), this.owed);
    if (this.owed === 0) connection.sync();
  }

  /**
   * The sender of the messages listens to the connection's events.
   *
   * @param {Error} _error
   * @param {NativeConnection} connection
   */
  handleError(_error, connection) {
    if (connection._aside === this) connection._aside = null;
  }

  /** @returns {undefined} */
  handleReadyForQuery() {
    return undefined;
  }
}

/**
 * A client's native connection as the messages of the protocol, for submittables (cursors, COPY streams) that write
 * their own and listen to the server's. The common path doesn't use it: it is made when it is first read.
 */
class NativeConnection extends Connection {
  /** @param {import('./client')} client whose native connection carries the messages */
  constructor(client) {
    super({ stream: new RawStream(client), ssl: client.ssl, sslNegotiation: client.sslNegotiation });
    /** @type {RawStream} */
    this.stream;
    /** @type {Submission | null} the submission that the server is answering */
    this._active = null;
    /** @type {number} ReadyForQuery messages still to come */
    this._owed = 0;
    /** @type {Aside | null} */
    this._aside = null;
    /** @type {boolean} whether a message of an exchange is being emitted, and not one of the handshake */
    this._isReceiving = false;
    hide(this, '_active', '_owed', '_aside', '_isReceiving');
    // The first listener, so that other listeners run when the client has gone on already.
    this.on('readyForQuery', (/** @type {{ status: string }} */ { status }) => this._countReady(status));
    notePooling(this, () => (client._core === null ? 'unknown' : client._core.pooling));
    this.attachListeners(this.stream);
    if (client._core !== null) {
      this._connecting = true;
      this.follow();
    }
  }

  /** There is a native connection: the client goes by the events of its stream and its messages, as any listener. */
  follow() {
    const { stream } = this;
    // Programs emit 'error' or 'end' on a connection to test what the client does.
    stream.on('error', (/** @type {Error} */ error) => this.emit('error', error));
    stream.once('close', () => this.emit('end'));
    this.on('error', (error) => stream.client._handleLost(error));
    this.once('end', () => stream.client._handleEnd());
  }

  /**
   * The native connection is open. What the server has sent meanwhile is emitted now.
   *
   * @param {import('../../native/addon').Connection} core
   */
  opened(core) {
    this._connecting = true;
    callOut(() => this.emit('connect'));
    for (const [name, value] of core.parameters())
      this.tell('parameterStatus', parameterMessage(name, value));
    if (core.processID)
      this.tell(
        'backendKeyData',
        new BackendKeyDataMessage(KEY_DATA_BYTES, core.processID, Number(core.secretKey)),
      );
    this.tell('readyForQuery', new ReadyForQueryMessage(READY_BYTES, String(core.transactionStatus)));
  }

  /**
   * @param {string} name
   * @param {unknown} message one that belongs to no submittable
   */
  tell(name, message) {
    callOut(() => {
      if (this._emitMessage) this.emit('message', message);
      this.emit(name, message);
    });
  }

  /** The client closes the connection; a request that has it exclusively finishes first. */
  leaving() {
    if (this._active === null) this.stream.finish();
  }

  /** The client cuts the connection off. */
  torn() {
    this.stream.isTorn = true;
  }

  /** The native connection is gone. */
  closed() {
    this.stream.markClosed();
  }

  /** @param {import('./connection').Message} message */
  _receive(message) {
    if (this._emitMessage) this.emit('message', message);
    const active = this._active;
    const name = message.name === 'error' ? 'errorMessage' : message.name;
    if (message instanceof Error) explained(message, this.stream.client._way);
    if (active !== null && name !== 'readyForQuery') active.receive(name, message);
    this._isReceiving = true;
    try {
      this.emit(name, message);
    } finally {
      this._isReceiving = false;
    }
  }

  /** @param {string} status */
  _countReady(status) {
    if (!this._isReceiving) return;
    this._owed--;
    if (this._owed <= 0) this._release(status);
  }

  /**
   * For the submittables of this package, which talk to the native connection instead of through messages.
   *
   * @returns {Submission | null} the submission under way, which wants to be told how it ends
   */
  _lend() {
    const active = this._active;
    this._active = null;
    return active;
  }

  /**
   * The exchange is over.
   *
   * @param {string} status
   */
  _release(status) {
    const active = this._active;
    this._active = null;
    this._owed = 0;
    this.stream.endExchange(() => {
      if (active !== null) active.finish(status);
    });
  }

  /**
   * @param {Error} error
   * @param {string | null} status
   */
  _exchangeFailed(error, status) {
    const active = this._active;
    this._owed = 0;
    this._active = null;
    if (active !== null) active.fail(error, status);
  }

  /**
   * @param {Buffer} bytes
   * @param {number} [owed] ReadyForQuery messages that will answer them
   */
  _send(bytes, owed = 0) {
    if (this._active === null) {
      this._sendAside(bytes, owed);
      return undefined;
    }
    // Nothing is written after Terminate, so that the exchange under way can't come to its end.
    if (this._ending) {
      this.stream.client._core.destroy();
      return false;
    }
    this._owed += owed;
    return super._send(bytes);
  }

  /**
   * @param {Buffer} bytes
   * @param {number} owed
   */
  _sendAside(bytes, owed) {
    const waiting = this._aside;
    const aside = waiting || new Aside();
    aside.chunks.push(bytes);
    aside.owed += owed;
    if (waiting !== null) return;
    this._aside = aside;
    const { client } = this.stream;
    // Not at once, so that the messages of one tick stay together.
    nextTick(() => client._enqueue(new Submission(client, aside), 0));
  }

  /** Sends Terminate. The client doesn't expect that: for it, the connection is lost. */
  end() {
    const { client } = this.stream;
    this._ending = true;
    if (client._core !== null && !client._ended) client._terminate();
  }
}

module.exports = NativeConnection;
