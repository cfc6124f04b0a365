'use strict';

const { createHash } = require('node:crypto');

const { findPassword } = require('./password');
const { MECHANISM, Scram } = require('./scram');

/**
 * @param {string} text
 * @param {Buffer | string} salt
 */
function md5(text, salt) {
  return createHash('md5').update(text).update(salt).digest('hex');
}

/** Answers a server that wants to know who is there, on a connection in messages. */
class MessageLogin {
  /**
   * @param {import('./client')} client
   * @param {import('./connection')} connection
   */
  constructor(client, connection) {
    this.client = client;
    this.connection = connection;
    /** @type {Scram | null} */
    this._scram = null;
    connection.on('authenticationCleartextPassword', () =>
      this._withPassword((password) => connection.password(password)),
    );
    connection.on('authenticationMD5Password', ({ salt }) =>
      this._withPassword((password) => {
        const hash = md5(String(password), String(client.user));
        connection.password('md5' + md5(hash, salt));
      }),
    );
    connection.on('authenticationSASL', ({ mechanisms }) =>
      this._withPassword((password) => this._beginScram(mechanisms, password)),
    );
    connection.on('authenticationSASLContinue', ({ data }) => this._continueScram(data));
    connection.on('authenticationSASLFinal', ({ data }) =>
      this._attempt(() => this._requireScram().verify(data)),
    );
  }

  /**
   * Calls at once if the password is known.
   *
   * @param {(password: any) => void} use
   */
  _withPassword(use) {
    const { client } = this;
    if (client.password !== null && client.password !== undefined && typeof client.password !== 'function') {
      this._attempt(() => use(client.password));
      return;
    }
    findPassword(client, (error, password) => {
      if (error) {
        this.connection.emit('error', error);
        return;
      }
      client.connectionParameters.password = client.password = password;
      this._attempt(() => use(password));
    });
  }

  /** @param {() => void} step whose failure is that of the connection */
  _attempt(step) {
    try {
      step();
    } catch (error) {
      this.connection.emit('error', error);
    }
  }

  /**
   * @param {string[]} mechanisms
   * @param {any} password
   */
  _beginScram(mechanisms, password) {
    if (!mechanisms.includes(MECHANISM)) {
      throw new Error(`SASL: Only mechanism(s) ${MECHANISM} are supported`);
    }
    this._scram = new Scram(password, this.client.scramMaxIterations);
    this.connection.sendSASLInitialResponseMessage(MECHANISM, this._scram.begin());
  }

  /** @param {string} challenge */
  async _continueScram(challenge) {
    try {
      const answer = await this._requireScram().answer(challenge);
      this.connection.sendSCRAMClientFinalMessage(answer);
    } catch (error) {
      this.connection.emit('error', error);
    }
  }

  _requireScram() {
    if (this._scram === null) throw new Error('SASL: the server answers what was not asked');
    return this._scram;
  }
}

module.exports = MessageLogin;
