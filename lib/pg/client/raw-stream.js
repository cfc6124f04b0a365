'use strict';

const { Duplex } = require('node:stream');

const { register, start } = require('../../native/binding');
const { keepHere } = require('../../rows/untransferable');
const { callOut } = require('../call/caller');

const NOTHING = Buffer.alloc(0);

/**
 * @typedef {import('../../native/addon').Connection} NativeCore
 * @typedef {import('../../native/receiver').EndReceiver} EndReceiver
 * @typedef {import('../../native/receiver').RawReceiver} RawReceiver
 */

/**
 * One raw exchange: the binding hands the server's messages to it as bytes.
 *
 * @implements {RawReceiver}
 */
class RawExchange {
  /**
   * @param {RawStream} stream
   * @param {NativeCore} core
   */
  constructor(stream, core) {
    this.stream = stream;
    this.core = core;
    this.id = register(this);
    this.isStarted = false;
    this.isPaused = false;
  }

  started() {
    this.isStarted = true;
    this.stream._flushPending();
  }

  /** @param {Buffer} bytes */
  data(bytes) {
    // Submittables may hand out parts of it as values.
    keepHere(bytes.buffer);
    if (this.stream.push(bytes) || this.isPaused) return;
    this.isPaused = true;
    this.core.rawPause(true);
  }

  /** @param {string | null} status */
  done(status) {
    this.resume();
    this.stream._exchangeOver(this, null, status);
  }

  /** @param {Error} error @param {string | null} status */
  fail(error, status) {
    this.resume();
    this.stream._exchangeOver(this, error, status);
  }

  /** The pause of a reader that is slow must not outlive the exchange: the next query has another reader. */
  resume() {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.core.rawPause(false);
  }
}

/**
 * A write whose end the stream waits for.
 *
 * @implements {EndReceiver}
 */
class RawWrite {
  /** @param {(error?: Error | null) => void} callback */
  constructor(callback) {
    this.callback = callback;
  }

  done() {
    this.callback();
  }

  /** @param {Error} error */
  fail(error) {
    this.callback(error);
  }
}

/**
 * The bytes of a native connection as a stream, for code that speaks the protocol itself. The first write opens a raw
 * exchange; the owner ends it when the server is ready for the next query.
 */
class RawStream extends Duplex {
  /** @param {import('./client')} client */
  constructor(client) {
    super({ decodeStrings: true, emitClose: false, autoDestroy: false });
    this.client = client;
    /** @type {RawExchange | null} */
    this.exchange = null;
    /** @type {{ bytes: Buffer, callback: (error?: Error | null) => void } | null} */
    this.pending = null;
    /** What was written is still being sent; the exchange itself is over. */
    this.isLeaving = false;
    /** Bytes of the last write that the native connection has. */
    this.handedOver = 0;
    /** Whether the client is ending, or has no connection any more: then the end of the stream cuts nothing off. */
    this.isEnding = false;
    /** Whether the connection was cut off, so that the stream neither ends nor finishes. */
    this.isTorn = false;
    this.hadError = false;
  }

  /** The connection that this is the stream of. */
  get _connection() {
    return /** @type {import('./native-connection')} */ (this.client.connection);
  }

  /**
   * @param {Buffer} bytes
   * @param {string} _encoding
   * @param {(error?: Error | null) => void} callback
   */
  _write(bytes, _encoding, callback) {
    this._send(bytes, callback);
  }

  /**
   * @param {{ chunk: Buffer }[]} chunks
   * @param {(error?: Error | null) => void} callback
   */
  _writev(chunks, callback) {
    this._send(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback);
  }

  /**
   * @param {Buffer} bytes
   * @param {(error?: Error | null) => void} callback
   */
  _send(bytes, callback) {
    const core = /** @type {NativeCore | null} */ (this.client._core);
    if (core === null || this.client._ended) {
      // As on a closed socket of node-postgres, the writer learns of it from the client's events.
      callback();
      return;
    }
    if (bytes.length === 0) {
      callback();
      return;
    }
    if (this.exchange === null && !this.isLeaving) {
      if (this._connection._active === null) {
        // Data for a COPY that has failed meanwhile. The server would throw it away.
        callback();
        return;
      }
      this.exchange = new RawExchange(this, core);
      core.rawBegin(this.exchange.id);
    }
    if (this.exchange === null || this.exchange.isStarted) {
      this.handedOver = bytes.length;
      start(new RawWrite(callback), (id) => core.rawWrite(bytes, id));
    } else {
      this.handedOver = 0;
      this.pending = { bytes, callback };
    }
  }

  _flushPending() {
    const { pending } = this;
    this.pending = null;
    if (pending !== null) this._send(pending.bytes, pending.callback);
  }

  _read() {
    if (this.exchange !== null) this.exchange.resume();
  }

  /**
   * The server is ready for the next query: the native connection takes over again, when it has all that was written.
   * What a COPY that failed had written until then could be half a message.
   *
   * @param {() => void} callback
   */
  endExchange(callback) {
    const over = () => {
      this.isLeaving = false;
      this.exchange = null;
      callback();
    };
    if (this.writableLength <= this.handedOver) {
      over();
      return;
    }
    this.isLeaving = true;
    this.write(NOTHING, over);
  }

  /**
   * @param {RawExchange} exchange
   * @param {Error | null} error
   * @param {string | null} status
   */
  _exchangeOver(exchange, error, status) {
    if (this.exchange !== exchange) return;
    this.exchange = null;
    const { pending } = this;
    this.pending = null;
    if (error !== null) this._connection._exchangeFailed(error, status);
    if (pending !== null) pending.callback();
  }

  /** @param {() => void} callback */
  _final(callback) {
    const { client } = this;
    if (!this.isEnding && client._core !== null && !client._ended) client._core.destroy();
    callback();
  }

  /** The client is ending: nothing more is written. */
  finish() {
    this.isEnding = true;
    if (!this.writableEnded) this.end();
  }

  /** The native connection is closed: there is nothing more to read either. */
  runOut() {
    if (this.isTorn) return;
    this.push(null);
    this.finish();
  }

  /**
   * Closes the connection at once.
   *
   * @param {Error} [error] why
   */
  destroy(error) {
    const { client } = this;
    if (client._core === null || client._ended) return this;
    this.isTorn = true;
    this.hadError = Boolean(error);
    if (error) this.emit('error', error);
    client._core.destroy();
    return this;
  }

  /** The native connection is gone. */
  markClosed() {
    super.destroy();
    callOut(() => this.emit('close', this.hadError));
  }

  ref() {
    this.client.ref();
    return this;
  }

  unref() {
    this.client.unref();
    return this;
  }

  // Options of the socket are settings of the native connection, fixed when it is opened.

  setNoDelay() {
    return this;
  }

  setKeepAlive() {
    return this;
  }
}

module.exports = RawStream;
