'use strict';

const { once } = require('node:events');
const tls = require('node:tls');

const STARTUP_HEADER = 4;
const HEADER = 5;
/** What a client may send before it has logged in; PostgreSQL has the same order of magnitude. */
const LONGEST_STARTUP = 100_000;

/**
 * @typedef {object} Message
 * @property {string} type one character; '' for a packet without a type, as they are before the login
 * @property {Buffer} body without type and length
 * @property {Buffer} bytes all of it
 */

/** A socket that is read message by message and may be taken over by TLS in between. */
class MessageSocket {
  #pending = Buffer.alloc(0);
  #waiting = () => {};
  #hasEnded = false;
  #listeners;

  /** @param {import('node:net').Socket} socket */
  constructor(socket) {
    this.socket = socket;
    this.encrypted = false;
    /** The name that the client asked for in its TLS handshake, or undefined. */
    this.servername = undefined;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    this.#listen();
  }

  /** @returns {Promise<Buffer | null>} at least so many bytes, which stay to be read; null when the client has gone */
  async peek(length) {
    while (this.#pending.length < length) {
      if (this.#hasEnded) return null;
      await new Promise((resolve) => (this.#waiting = resolve));
    }
    return this.#pending;
  }

  /** @returns {Promise<Message | null>} a packet without a type; null when the client has gone */
  async readStartup() {
    return this.#read(STARTUP_HEADER);
  }

  /** @returns {Promise<Message | null>} null when the peer has gone */
  async read() {
    return this.#read(HEADER);
  }

  /**
   * Goes on under TLS, as the server's side.
   *
   * @param {import('node:tls').TLSSocketOptions} options
   * @returns {Promise<boolean>} false when the handshake failed or the client went away
   */
  async encrypt(options) {
    const raw = this.socket;
    for (const [event, listener] of this.#listeners) raw.off(event, listener);
    const secured = new tls.TLSSocket(raw, { isServer: true, ...options });
    this.socket = secured;
    this.encrypted = true;
    this.#listen();
    raw.on('error', () => secured.destroy());
    raw.on('close', () => secured.destroy());
    await Promise.race([once(secured, 'secure').catch(() => {}), once(secured, 'close').catch(() => {})]);
    this.servername = secured.servername || undefined;
    return !secured.destroyed;
  }

  /** @param {...Buffer} buffers leave in one write */
  send(...buffers) {
    if (!this.socket.destroyed && this.socket.writable) this.socket.write(Buffer.concat(buffers));
  }

  /** Sends, and closes behind it. */
  end(...buffers) {
    if (!this.socket.destroyed) this.socket.end(Buffer.concat(buffers));
  }

  destroy() {
    this.socket.destroy();
  }

  async #read(header) {
    if (!(await this.peek(header))) return null;
    const end = this.#pending.readInt32BE(header - 4) + (header - 4);
    if (end < header || (header === STARTUP_HEADER && end > LONGEST_STARTUP)) return null;
    if (!(await this.peek(end))) return null;
    const bytes = this.#pending.subarray(0, end);
    this.#pending = this.#pending.subarray(end);
    const type = header === HEADER ? String.fromCharCode(bytes[0]) : '';
    return { type, body: bytes.subarray(header), bytes };
  }

  #listen() {
    const ended = () => {
      this.#hasEnded = true;
      this.#waiting();
    };
    this.#listeners = [
      [
        'data',
        (bytes) => {
          this.#pending = Buffer.concat([this.#pending, bytes]);
          this.#waiting();
        },
      ],
      ['end', ended],
      ['close', ended],
      // A peer that breaks off, or doesn't like the certificate: to a server both are the end of input.
      ['error', () => this.socket.destroy()],
    ];
    for (const [event, listener] of this.#listeners) this.socket.on(event, listener);
  }
}

module.exports = { MessageSocket };
