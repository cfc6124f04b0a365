'use strict';

const { Session } = require('./session.js');

/** A client that keeps its backend until it leaves. */
class SessionModeClient extends Session {
  /** @returns {Promise<void>} when the client has gone; throws a Refusal */
  async serve() {
    const { client, pool } = this;
    const backend = await pool.take();
    this.backend = backend;
    await this.#name(backend);
    backend.onClose = () => client.end();
    backend.onMessage = ({ type, bytes }) => {
      if (type === 'Z') this.pending -= 1;
      client.send(bytes);
    };
    this.greet(pool.parameters);
    const saidGoodbye = await this.#forward(backend);
    pool.clients.delete(this);
    if (saidGoodbye && !this.isBusy && backend.status === 'I') await pool.clean(backend);
    else pool.drop(backend);
  }

  /** @returns {Promise<boolean>} whether the client ended with Terminate */
  async #forward(backend) {
    for (;;) {
      const message = await this.client.read();
      if (message === null) return false;
      if (message.type === 'X') return true;
      this.asks(message);
      backend.send(message.bytes);
    }
  }

  // Of all that a client says about its session at the start, this alone is kept.
  async #name(backend) {
    const { applicationName } = this.login.startup;
    if (!applicationName) return;
    await backend.run(`SET application_name = '${applicationName.replaceAll("'", "''")}'`);
  }
}

module.exports = { SessionModeClient };
