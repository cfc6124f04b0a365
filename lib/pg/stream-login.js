'use strict';

const { createHash } = require('node:crypto');
const { serialize } = require('pg-protocol');

const { findPassword } = require('./password');
const { MECHANISM, Scram } = require('./scram');

/**
 * @param {string} text
 * @param {Buffer | string} salt
 */
function md5(text, salt) {
  return createHash('md5').update(text).update(salt).digest('hex');
}

/** The log-in over a stream of the caller's: the first exchange of its connection. */
class StreamLogin {
  /**
   * @param {import('./client')} client
   * @param {import('./connection')} connection
   * @param {{ opened(status: string): void, refused(error: any): void, keys(message: any): void }} core
   */
  constructor(client, connection, core) {
    this.client = client;
    this.connection = connection;
    this.core = core;
    /** @type {Scram | null} */
    this._scram = null;
  }

  /**
   * @param {string} name
   * @param {any} message
   */
  receive(name, message) {
    if (name === 'errorMessage') this.core.refused(message);
    else if (name === 'backendKeyData') this.core.keys(message);
    else if (name.startsWith('authentication')) this._authenticate(name, message);
  }

  /** @param {string} status */
  finish(status) {
    this.core.opened(status);
  }

  /** @param {any} error */
  fail(error) {
    this.core.refused(error);
  }

  /**
   * @param {string} name
   * @param {any} message
   */
  async _authenticate(name, message) {
    try {
      const answer = await this._answer(name, message);
      if (answer !== null) this.connection.stream.write(answer);
    } catch (error) {
      this.core.refused(error);
    }
  }

  /**
   * @param {string} name
   * @param {any} message
   * @returns {Promise<Buffer | null>}
   */
  async _answer(name, message) {
    switch (name) {
      case 'authenticationCleartextPassword':
        return serialize.password(String(await this._password()));
      case 'authenticationMD5Password': {
        const hash = md5(String(await this._password()), String(this.client.user));
        return serialize.password('md5' + md5(hash, message.salt));
      }
      case 'authenticationSASL':
        if (!message.mechanisms.includes(MECHANISM)) {
          throw new Error(`SASL: Only mechanism(s) ${MECHANISM} are supported`);
        }
        this._scram = new Scram(await this._password(), this.client.scramMaxIterations);
        return serialize.sendSASLInitialResponseMessage(MECHANISM, this._scram.begin());
      case 'authenticationSASLContinue':
        return serialize.sendSCRAMClientFinalMessage(await this._requireScram().answer(message.data));
      case 'authenticationSASLFinal':
        this._requireScram().verify(message.data);
        return null;
      default:
        return null;
    }
  }

  _requireScram() {
    if (this._scram === null) throw new Error('SASL: the server answers what was not asked');
    return this._scram;
  }

  /** @returns {Promise<any>} */
  _password() {
    const { client } = this;
    if (client.password !== null && client.password !== undefined && typeof client.password !== 'function') {
      return Promise.resolve(client.password);
    }
    return new Promise((resolve, reject) => {
      findPassword(client, (error, password) => {
        if (error) reject(error);
        else resolve(password);
      });
    });
  }
}

module.exports = StreamLogin;
