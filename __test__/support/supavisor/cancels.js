'use strict';

const { setTimeout: sleep } = require('node:timers/promises');

/** Cancel requests, which find their client only after whoever sent them has been let go. */
class Cancels {
  #sessions;
  #delayMillis;
  /** @type {Promise<void> | null} */
  #held = null;
  #release = () => {};
  /** Requests that were received. */
  received = 0;
  /** Those of them that were for a client with something under way, and were handed to the database. */
  forwarded = 0;

  /** @param {Set<import('./session.js').Session>} sessions @param {number} delayMillis */
  constructor(sessions, delayMillis) {
    this.#sessions = sessions;
    this.#delayMillis = delayMillis;
  }

  /** Keeps the requests that come from now on until `release`. */
  hold() {
    this.#held ??= new Promise((resolve) => (this.#release = resolve));
  }

  /** Lets them go on. */
  release() {
    this.#held = null;
    this.#release();
  }

  /**
   * @param {import('./message-socket.js').MessageSocket} client
   * @param {Buffer} body of the CancelRequest
   */
  async take(client, body) {
    this.received += 1;
    client.end();
    await client.closed;
    await (this.#held ?? sleep(this.#delayMillis));
    const [processId, secretKey] = [body.readInt32BE(4), body.readInt32BE(8)];
    const session = [...this.#sessions].find(
      (one) => one.processId === processId && one.secretKey === secretKey,
    );
    if (!session?.isBusy) return;
    this.forwarded += 1;
    await session.cancel();
  }
}

module.exports = { Cancels };
