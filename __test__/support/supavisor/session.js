'use strict';

const { randomInt } = require('node:crypto');
const messages = require('../backend-messages.js');
const { ADMIN_SHUTDOWN } = require('./error-table.js');

/** Messages of a client that are answered by a ReadyForQuery. */
const ASKS_FOR_READY = new Set(['Q', 'S', 'F']);

let lastProcessId = 0;

/** A client that has logged in. How it gets its backends is the mode's. */
class Session {
  /** The backend that it has at the moment. */
  backend = null;
  /** Answers with a ReadyForQuery that are still to come. */
  pending = 0;

  /**
   * @param {import('./message-socket.js').MessageSocket} client
   * @param {import('./login.js').Login} login
   * @param {any} pool
   */
  constructor(client, login, pool) {
    this.client = client;
    this.login = login;
    this.pool = pool;
    this.processId = ++lastProcessId;
    this.secretKey = randomInt(2 ** 31);
  }

  get isBusy() {
    return this.pending > 0;
  }

  /** Tells the client that it may begin, and what the pool's first backend said about itself, whatever was set since. */
  greet(parameters) {
    const { cluster, entry } = this.login;
    cluster.ledger.close(entry, 'logged in');
    this.client.send(
      ...Object.entries(parameters).map(([name, value]) => messages.parameterStatus(name, value)),
      messages.backendKeyData(this.processId, this.secretKey),
      messages.readyForQuery(),
    );
  }

  /** What a client that has nothing to do is told once in a while. */
  heartbeat() {
    if (!this.isBusy) this.client.send(messages.parameterStatus('application_name', 'Supavisor'));
  }

  /** The pooler restarts. */
  shutDown() {
    this.client.end(messages.errorResponse(ADMIN_SHUTDOWN));
  }

  /** A cancel request arrives: whatever runs now is cancelled, meant or not. */
  async cancel() {
    if (this.isBusy) await this.backend?.cancel();
  }

  /** Counts the answers that a message of the client asks for. */
  asks({ type }) {
    if (ASKS_FOR_READY.has(type)) this.pending += 1;
  }
}

module.exports = { Session };
