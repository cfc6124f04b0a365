'use strict';

const { clearTimeout, setTimeout } = require('../../timers');
const { LONGEST_MILLIS } = require('../call/timer');
const Connection = require('./connection');

/** How long it may take when connecting has no time limit, as in src/conn/cancel.rs. */
const PATIENCE_MILLIS = 5000;

/**
 * A connection for one message, which asks the server to stop what it does on another one. It is over when the server
 * closes it, which it does when it has passed the request on. Nothing that the server sends is kept.
 */
class CancelRequest extends Connection {
  /**
   * @param {import('../messages/message-core')} core whose work is to be stopped
   * @param {(error?: Error) => void} ended called once, with what kept the request from the server, if anything did
   */
  constructor(
    { _connection: { ssl, sslNegotiation, _makeStream }, _timeoutMillis, processID, secretKey },
    ended,
  ) {
    super({ ssl, sslNegotiation, stream: _makeStream });
    /** @type {Error | undefined} */
    let failure;
    const leave = (/** @type {Error} */ error) => {
      failure = error;
      this.stream.destroy();
    };
    const limit = _timeoutMillis > 0 ? Math.min(_timeoutMillis, LONGEST_MILLIS) : PATIENCE_MILLIS;
    const timer = setTimeout(() => leave(unanswered(limit)), limit);
    const ask = () => this.cancel(Number(processID), Number(secretKey));
    this.on('error', leave);
    this.once('connect', () => {
      if (!ssl) ask();
      else if (sslNegotiation !== 'direct') this.requestSsl();
    });
    this.once('sslconnect', ask);
    this.once('end', () => {
      clearTimeout(timer);
      ended(failure);
    });
  }

  /**
   * A server that sends something has received the request; what it sends is ignored.
   *
   * @param {import('node:stream').Duplex} stream
   */
  attachListeners(stream) {
    stream.on('data', () => stream.destroy());
  }
}

/** @param {number} millis */
function unanswered(millis) {
  const message = `The server took no note of a cancel request within ${millis} ms; it may still do so.`;
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

module.exports = CancelRequest;
