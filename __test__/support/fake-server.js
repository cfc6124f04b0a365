'use strict';

const net = require('node:net');
const { once } = require('node:events');
const messages = require('./backend-messages.js');

const SSL_REQUEST = 80877103;
const GSS_REQUEST = 80877104;
const CANCEL_REQUEST = 80877102;

/** One connection to a fake server, as its script sees it. */
class FakeConnection {
  #pending = Buffer.alloc(0);
  #waiting = null;
  #ended = false;

  /** @param {net.Socket} socket @param {number} number 0 for the first connection */
  constructor(socket, number) {
    this.socket = socket;
    this.number = number;
    socket.on('data', (bytes) => {
      this.#pending = Buffer.concat([this.#pending, bytes]);
      this.#waiting?.();
    });
    // A client that gives up resets the connection; to the script both are the end of input.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#ended = true;
      this.#waiting?.();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#waiting?.();
    });
  }

  /**
   * Sends bytes as they are. Several buffers leave in one write.
   *
   * @param {...Buffer} buffers messages of backend-messages.js, or anything else
   */
  send(...buffers) {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(buffers));
  }

  /**
   * Sends what `chunkOf` gives for 0, 1, 2, … as fast as the client takes it, until the client has gone.
   *
   * @param {(number: number) => Buffer | null} chunkOf null is the end
   */
  async flood(chunkOf) {
    const { socket } = this;
    let goOn = () => {};
    socket.on('drain', () => goOn()).on('close', () => goOn());
    for (let number = 0; !socket.destroyed; number += 1) {
      const chunk = chunkOf(number);
      if (chunk === null) return;
      if (!socket.write(chunk) && !socket.destroyed) await new Promise((resolve) => (goOn = resolve));
    }
  }

  /** Sends bytes and ends the connection after them. */
  finish(...buffers) {
    if (!this.socket.destroyed) this.socket.end(Buffer.concat(buffers));
  }

  /** Ends the connection at once. */
  drop() {
    this.socket.destroy();
  }

  /**
   * Reads the start-up packet, refusing TLS and GSSAPI encryption on the way.
   *
   * @returns {Promise<Record<string, string> | null>} the parameters; null for a cancel request, or when
   *   the client went away
   */
  async startup() {
    for (;;) {
      const packet = await this.#packet(0);
      if (!packet) return null;
      const code = packet.readInt32BE(0);
      if (code === CANCEL_REQUEST) return null;
      if (code === SSL_REQUEST || code === GSS_REQUEST) {
        this.send(Buffer.from('N'));
        continue;
      }
      const strings = packet.subarray(4).toString('utf8').split('\0');
      const parameters = {};
      for (let at = 0; strings[at]; at += 2) parameters[strings[at]] = strings[at + 1];
      return parameters;
    }
  }

  /**
   * Reads one message of the client.
   *
   * @returns {Promise<{ type: string, body: Buffer } | null>} null when the client went away
   */
  async read() {
    const packet = await this.#packet(1);
    return packet && { type: String.fromCharCode(packet[0]), body: packet.subarray(1) };
  }

  /**
   * Reads messages until one of that type.
   *
   * @param {string} type for example 'Q', or 'S' for Sync
   * @returns {Promise<{ type: string, body: Buffer } | null>} null when the client went away
   */
  async readUntil(type) {
    for (;;) {
      const message = await this.read();
      if (!message || message.type === type) return message;
    }
  }

  /** Start-up without a password: everything until the client may send queries. */
  async greet() {
    const parameters = await this.startup();
    if (parameters) {
      this.send(
        messages.authenticationOk(),
        messages.parameterStatus('server_version', '17.0'),
        messages.parameterStatus('client_encoding', 'UTF8'),
        messages.parameterStatus('standard_conforming_strings', 'on'),
        messages.backendKeyData(1234, 5678),
        messages.readyForQuery(),
      );
    }
    return parameters;
  }

  /** @returns {Promise<void>} settles when the connection is gone */
  async gone() {
    if (!this.socket.destroyed) await once(this.socket, 'close');
  }

  // A packet is a length that counts itself, behind `prefix` bytes of type; what comes back is without it.
  async #packet(prefix) {
    for (;;) {
      if (this.#pending.length >= prefix + 4) {
        const length = this.#pending.readInt32BE(prefix);
        if (this.#pending.length >= prefix + length) {
          const packet = Buffer.concat([
            this.#pending.subarray(0, prefix),
            this.#pending.subarray(prefix + 4, prefix + length),
          ]);
          this.#pending = this.#pending.subarray(prefix + length);
          return packet;
        }
      }
      if (this.#ended) return null;
      await new Promise((resolve) => (this.#waiting = resolve));
    }
  }
}

/**
 * A server that does what its script says, on a port of the loopback address.
 *
 * @param {(connection: FakeConnection) => unknown} script called for each connection. When it throws, the
 *   connection is dropped and `close` throws the same.
 * @returns {Promise<{ host: string, port: number, connections: FakeConnection[], close: () => Promise<void>,
 *   config: (overrides?: object) => object }>}
 */
async function fakeServer(script) {
  const connections = [];
  const failures = [];
  const listener = net.createServer({ noDelay: true }, async (socket) => {
    const connection = new FakeConnection(socket, connections.length);
    connections.push(connection);
    try {
      await script(connection);
    } catch (error) {
      failures.push(error);
      connection.drop();
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  return {
    host: '127.0.0.1',
    port,
    connections,
    config: (overrides = {}) => ({
      host: '127.0.0.1',
      port,
      user: 'somebody',
      password: 'secret',
      database: 'somewhere',
      ...overrides,
    }),
    async close() {
      for (const connection of connections) connection.drop();
      listener.close();
      await once(listener, 'close');
      if (failures.length > 0) throw failures[0];
    },
  };
}

module.exports = { fakeServer, FakeConnection, messages };
