'use strict';

const messages = require('../backend-messages.js');
const { PreparedStatements } = require('./prepared-statements.js');
const { Refusal } = require('./refusal.js');
const { Session } = require('./session.js');

const PREPARED_IN_SQL = /(^|;)\s*(prepare(?!\s+transaction\b)|execute|deallocate)\b/i;

/** Messages that a Sync has to follow. */
const EXTENDED = new Set(['P', 'B', 'D', 'E', 'C', 'H']);

/** A client that has a backend only from the first message of a transaction to the end of it. */
class TransactionModeClient extends Session {
  #last = null;
  /** Messages were sent that no Sync has followed yet. */
  #isUnsynced = false;
  #statements;

  constructor(client, login, pool) {
    super(client, login, pool);
    this.#statements = login.tenant.namedPreparedStatements ? new PreparedStatements(this.processId) : null;
  }

  /** @returns {Promise<void>} when the client has gone; throws a Refusal */
  async serve() {
    this.greet(await this.#parameters());
    try {
      for (;;) {
        const message = await this.client.read();
        if (message === null || message.type === 'X') return;
        await this.#forward(message);
      }
    } finally {
      this.pool.clients.delete(this);
      // What a client leaves in the middle of its transaction, nobody else may get.
      if (this.backend) this.pool.drop(this.backend);
    }
  }

  async #forward(message) {
    if (!this.backend && message.type === 'S') {
      this.client.send(messages.readyForQuery());
      return;
    }
    if (message.type === 'Q' && PREPARED_IN_SQL.test(message.body.toString())) {
      throw Refusal.of('EPSSIMPLEQUERY', {}, { older: this.login.cluster.older });
    }
    if (!this.backend) this.backend = await this.#checkOut();
    this.asks(message);
    if (EXTENDED.has(message.type)) this.#isUnsynced = true;
    else if (message.type === 'S' || message.type === 'Q') this.#isUnsynced = false;
    const sent = this.#statements?.toBackend(message, this.backend) ?? [message.bytes];
    for (const bytes of sent) this.backend.send(bytes);
  }

  async #checkOut() {
    const refused = this.login.tenant.refuse(this.login.startup, 'query');
    if (refused) throw Refusal.from(refused);
    const backend = await this.pool.take(this.#last);
    backend.onClose = () => this.client.end();
    backend.onMessage = (message) => this.#answer(message, backend);
    return backend;
  }

  #answer(message, backend) {
    if (message.type === 'Z') this.pending -= 1;
    if (!this.#statements || this.#statements.isForClient(message)) this.client.send(message.bytes);
    const isOver = message.type === 'Z' && backend.status === 'I' && this.pending === 0 && !this.#isUnsynced;
    if (!isOver) return;
    this.backend = null;
    this.#last = backend;
    backend.onMessage = () => {};
    backend.onClose = () => this.pool.drop(backend);
    this.pool.give(backend);
  }

  /** What the pool's first backend has said about itself. */
  async #parameters() {
    if (!this.pool.parameters) this.pool.give(await this.pool.take());
    return this.pool.parameters;
  }
}

module.exports = { TransactionModeClient };
