'use strict';

const { register } = require('../../native/binding');
const { setImmediate } = require('../../timers');
const { peerCertificate, refusalOf } = require('../settings/identity-check');
const { failureOf } = require('../errors/loss');
const { noticeMessage, notificationMessage } = require('../errors/notice');
const { askPassword } = require('../messages/password');

/**
 * @typedef {import('../../errors').PgError} PgError
 * @typedef {import('../../native/receiver').ConnectionListener} ConnectionListener
 * @typedef {import('../../native/receiver').EndReceiver} EndReceiver
 */

/**
 * What the native side tells about a connection, passed on to the client that owns it.
 *
 * @implements {ConnectionListener}
 */
class ClientLink {
  /** @param {import('./client')} client */
  constructor(client) {
    this.client = client;
  }

  /**
   * @param {string} fields
   * @param {number} length
   */
  notice(fields, length) {
    this.client._tell('notice', noticeMessage(fields, length));
  }

  /** @param {import('../../native/addon').Notification} message */
  notification(message) {
    this.client._tell('notification', notificationMessage(message));
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  parameter(name, value) {
    this.client._handleParameter(name, value);
  }

  /** @param {PgError} error */
  lost(error) {
    // A turn later, as the end.
    setImmediate(() => {
      // What was under way may have failed with the same error, and told it.
      if (!this.client._told.has(failureOf(error))) this.client._handleLost(error);
    });
  }

  closed() {
    this.client._closedSoon();
  }

  /** @returns {Promise<string | null>} */
  async password() {
    const { client } = this;
    // A second connection for the same client, to ask about its script.
    if (typeof client.password === 'string') return client.password;
    const password = await askPassword(client);
    client.connectionParameters.password = client.password = password;
    return password;
  }

  /** @param {import('../../native/addon').Certificate} certificate */
  identity([name, chain]) {
    const error = refusalOf(this.client.ssl, name, () => peerCertificate(chain));
    if (error !== null) throw error;
  }
}

/**
 * A request of which only the end matters, however it ends.
 *
 * @implements {EndReceiver}
 */
class EndRequest {
  /** @param {(error?: PgError) => void} ended */
  constructor(ended) {
    this.ended = ended;
  }

  done() {
    this.ended();
  }

  /** @param {PgError} error */
  fail(error) {
    this.ended(error);
  }
}

/**
 * Asks the server to stop what a connection is doing.
 *
 * @param {{ cancel(requestId: number): void }} connection
 * @param {(error?: PgError) => void} ended called when the server has taken note of it, or with the reason why it hasn't
 */
function cancel(connection, ended) {
  connection.cancel(register(new EndRequest(ended)));
}

module.exports = { ClientLink, EndRequest, cancel };
