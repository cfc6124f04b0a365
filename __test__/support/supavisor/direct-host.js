'use strict';

const net = require('node:net');
const { once } = require('node:events');
const { MessageSocket } = require('./message-socket.js');
const { parseStartup } = require('./startup-packet.js');
const { errorFieldsOf } = require('./backend.js');

const SSL_REQUEST = 80877103;
/** As in the image's configuration of fail2ban. */
const MOST_WRONG_PASSWORDS = 3;

/**
 * @typedef {object} DirectHostOptions
 * @property {string} name `db.REF.supabase.co`
 * @property {string} host the address to listen on
 * @property {number} port
 * @property {import('../server.js').TestServer} server the database behind it
 * @property {import('./certificates.js').Chain} chain
 * @property {import('./ledger.js').Ledger} ledger
 * @property {number} [mostWrongPasswords] after so many it refuses connections, until `unban`
 */

/** A project's own host: PostgreSQL behind TLS, and a guard that counts wrong passwords. */
class DirectHost {
  #options;
  #identity;
  #listener;
  #sockets = new Set();
  wrongPasswords = 0;

  /** @param {DirectHostOptions} options */
  constructor(options, identity) {
    this.#options = options;
    this.#identity = identity;
    this.host = options.host;
    this.port = options.port;
  }

  get isBanning() {
    return this.wrongPasswords >= (this.#options.mostWrongPasswords ?? MOST_WRONG_PASSWORDS);
  }

  async listen() {
    this.#listener = net.createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      return this.#serve(new MessageSocket(socket), socket);
    });
    this.#listener.listen(this.port, this.host);
    await once(this.#listener, 'listening');
    this.port = this.#listener.address().port;
  }

  /** Lets everybody in again. */
  async unban() {
    this.wrongPasswords = 0;
    if (!this.#listener.listening) await this.listen();
  }

  async close() {
    const isListening = this.#listener.listening;
    if (isListening) this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
    if (isListening) await once(this.#listener, 'close');
  }

  async #serve(client, raw) {
    const { ledger, name, server } = this.#options;
    const entry = ledger.open({ host: name, address: String(raw.remoteAddress), mode: 'direct' });
    try {
      let packet = await client.readStartup();
      if (packet?.body.readInt32BE(0) === SSL_REQUEST) {
        client.send(Buffer.from('S'));
        if (!(await client.encrypt(this.#identity))) return;
        entry.encrypted = true;
        entry.servername = client.servername;
        packet = await client.readStartup();
      }
      if (!packet) return;
      entry.startup = parseStartup(packet.body);
      const link = new MessageSocket(net.connect({ host: server.host, port: server.port, noDelay: true }));
      this.#sockets.add(link.socket);
      link.send(packet.bytes);
      await Promise.race([this.#forward(client, link, entry), this.#answer(client, link, entry)]);
      client.end();
      link.socket.end();
    } finally {
      ledger.close(entry, entry.asked && entry.proofs === 0 ? 'probe' : 'left');
    }
  }

  async #forward(client, link, entry) {
    for (let message; (message = await client.read());) {
      // The first of SCRAM's two messages proves nothing.
      const isProof = message.type === 'p' && !message.body.toString('latin1').startsWith('SCRAM-SHA-256');
      if (isProof) entry.proofs += 1;
      link.send(message.bytes);
    }
  }

  async #answer(client, link, entry) {
    const { ledger } = this.#options;
    for (let message; (message = await link.read());) {
      const { type, body } = message;
      if (type === 'R' && body.readInt32BE(0) === 10) entry.asked = 'SASL';
      if (type === 'Z') ledger.close(entry, 'logged in');
      if (type === 'E' && entry.outcome === 'open') {
        const { C: code } = errorFieldsOf(body);
        ledger.close(entry, code);
        if (code === '28P01') await this.#countWrongPassword();
      }
      client.send(message.bytes);
    }
  }

  // fail2ban drops the address in the firewall, which a client sees as a refused connection.
  async #countWrongPassword() {
    this.wrongPasswords += 1;
    if (this.isBanning && this.#listener.listening) this.#listener.close();
  }
}

/** @param {DirectHostOptions} options @returns {Promise<DirectHost>} */
async function startDirectHost(options) {
  const host = new DirectHost(options, await options.chain.leaf([options.name, options.host]));
  await host.listen();
  return host;
}

module.exports = { DirectHost, startDirectHost };
