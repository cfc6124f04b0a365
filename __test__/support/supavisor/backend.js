'use strict';

const net = require('node:net');
const sasl = require('pg/lib/crypto/sasl');
const { int32, message } = require('../backend-messages.js');
const { MessageSocket } = require('./message-socket.js');
const { Refusal } = require('./refusal.js');

const PROTOCOL = 196608;
const CANCEL_REQUEST = 80877102;

/** A connection of the pooler's own to PostgreSQL. */
class Backend {
  #link;
  #server;

  /** Called with each message of the server; `run` takes them itself. */
  onMessage = /** @type {(message: import('./message-socket.js').Message) => void} */ (() => {});
  /** Called when the server has closed the connection. */
  onClose = () => {};
  /** @type {Record<string, string>} as the server reports them */
  parameters = {};
  processId = 0;
  secretKey = 0;
  /** Of the last ReadyForQuery. */
  status = 'I';
  isOpen = true;

  /** @param {MessageSocket} link @param {{ host: string, port: number }} server */
  constructor(link, server) {
    this.#link = link;
    this.#server = server;
  }

  /**
   * @param {import('../server.js').TestServer} server logs in as its superuser
   * @param {Record<string, string>} parameters for the start-up packet
   * @returns {Promise<Backend>} throws a Refusal with the server's own error
   */
  static async open(server, parameters) {
    const socket = net.connect({ host: server.host, port: server.port, noDelay: true });
    const link = new MessageSocket(socket);
    const backend = new Backend(link, server);
    const pairs = Object.entries({ user: server.user, ...parameters }).flat();
    const body = Buffer.concat([
      int32(PROTOCOL),
      ...pairs.map((text) => Buffer.from(`${text}\0`)),
      Buffer.from([0]),
    ]);
    link.send(int32(body.length + 4), body);
    await backend.#logIn(server.password);
    backend.#relay();
    return backend;
  }

  /** @param {...Buffer} buffers */
  send(...buffers) {
    this.#link.send(...buffers);
  }

  /**
   * Runs SQL of the pooler's own on an idle backend.
   *
   * @param {string} sql
   * @returns {Promise<boolean>} false when it failed or the connection is gone
   */
  run(sql) {
    return new Promise((resolve) => {
      let worked = true;
      this.onMessage = ({ type }) => {
        if (type === 'E') worked = false;
        if (type === 'Z') resolve(worked);
      };
      this.onClose = () => resolve(false);
      this.send(message('Q', sql));
    });
  }

  /** Asks the server over another connection, in the clear, to cancel what runs here. */
  async cancel() {
    const { host, port } = this.#server;
    const socket = net.connect({ host, port });
    socket.on('error', () => socket.destroy());
    socket.end(
      Buffer.concat([int32(16), int32(CANCEL_REQUEST), int32(this.processId), int32(this.secretKey)]),
    );
    await new Promise((resolve) => socket.resume().on('close', resolve));
  }

  /** Closes the connection. */
  end() {
    this.onMessage = () => {};
    this.onClose = () => {};
    this.isOpen = false;
    this.#link.end(message('X'));
  }

  async #logIn(password) {
    /** @type {any} */
    let session;
    for (;;) {
      const answer = await this.#link.read();
      if (!answer) throw Refusal.of('EDBHANDLEREXITED');
      const { type, body } = answer;
      if (type === 'E') {
        this.#link.destroy();
        throw new Refusal('ECHECKOUTFAILED', errorFieldsOf(body));
      }
      if (type === 'R') session = await this.#authenticate(body, password, session);
      else if (type === 'Z') return;
      else this.#note(answer);
    }
  }

  async #authenticate(body, password, session) {
    const text = body.subarray(4).toString();
    switch (body.readInt32BE(0)) {
      case 0:
        return session;
      case 3:
        this.#link.send(message('p', password));
        return session;
      case 10: {
        const begun = sasl.startSession(['SCRAM-SHA-256']);
        const first = Buffer.from(begun.response);
        this.#link.send(message('p', begun.mechanism, first.length, first));
        return begun;
      }
      case 11:
        await sasl.continueSession(session, password, text);
        this.#link.send(message('p', Buffer.from(session.response)));
        return session;
      case 12:
        sasl.finalizeSession(session, text);
        return session;
      default:
        throw new Error(`The server asks for a login of kind ${body.readInt32BE(0)}`);
    }
  }

  async #relay() {
    for (;;) {
      const received = await this.#link.read();
      if (!received) break;
      this.#note(received);
      this.onMessage(received);
    }
    this.isOpen = false;
    this.onClose();
  }

  #note({ type, body }) {
    if (type === 'Z') this.status = String.fromCharCode(body[0]);
    if (type === 'K') {
      this.processId = body.readInt32BE(0);
      this.secretKey = body.readInt32BE(4);
    }
    if (type === 'S') {
      const [name, value] = body.toString().split('\0');
      this.parameters[name] = value;
    }
  }
}

/** @param {Buffer} body of an ErrorResponse */
function errorFieldsOf(body) {
  const fields = body
    .toString()
    .split('\0')
    .filter((field) => field !== '');
  return Object.fromEntries(fields.map((field) => [field[0], field.slice(1)]));
}

module.exports = { Backend, errorFieldsOf };
