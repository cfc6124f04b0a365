'use strict';

const { createHash } = require('node:crypto');

const Demands = require('./demands');
const { endPoint } = require('./end-point');
const { findPassword } = require('./password');
const { Scram } = require('./scram');

/**
 * @param {string} text
 * @param {Buffer | string} salt
 */
function md5(text, salt) {
  return createHash('md5').update(text).update(salt).digest('hex');
}

/** Authenticates to a server, on a connection in messages. */
class MessageLogin {
  /**
   * @param {import('../client/client')} client
   * @param {import('../client/connection')} connection
   * @param {{ channelBinding: string, requireAuth: string | null, allowedAuth: string[] | null }} settings
   */
  constructor(client, connection, settings) {
    this.client = client;
    this.connection = connection;
    this._channelBinding = settings.channelBinding;
    this._demands = new Demands(settings);
    /** @type {boolean} whether the server has got an answer */
    this._hasAnswered = false;
    /** @type {boolean} whether the server has accepted the login */
    this._isIn = false;
    /** @type {boolean} whether the attempt is over */
    this._isOver = false;
    /** @type {Scram | null} */
    this._scram = null;
    this._on('authenticationCleartextPassword', () =>
      this._withPassword((password) => connection.password(/** @type {string} */ (password))),
    );
    this._on('authenticationMD5Password', (/** @type {{ salt: Buffer }} */ { salt }) =>
      this._withPassword((password) => {
        const hash = md5(String(password), String(client.user));
        connection.password('md5' + md5(hash, salt));
      }),
    );
    this._on('authenticationSASL', (/** @type {{ mechanisms: string[] }} */ { mechanisms }) =>
      this._withPassword((password) => this._beginScram(mechanisms, password)),
    );
    this._on('authenticationOk', () => {
      if (this._scram !== null && !this._scram.isFinished) {
        throw new Error('SASL: the server let us in without proving that it knows the password');
      }
      this._isIn = true;
    });
    for (const name of ['error', 'end']) connection.on(name, () => (this._isOver = true));
    connection.on('authenticationSASLContinue', ({ data }) => this._continueScram(data));
    connection.on('authenticationSASLFinal', ({ data }) =>
      this._attempt(() => this._requireScram().verify(data)),
    );
  }

  /**
   * Whether a server that is ready for queries may have them. One that never accepted the login hasn't authenticated
   * the client at all.
   */
  admits() {
    if (!this._isIn) this._attempt(() => this._check('authenticationOk'));
    return !this._isOver;
  }

  /** @param {string} name of the server's message */
  _check(name) {
    const scram = this._scram;
    const isFinished = scram === null ? this._hasAnswered : scram.isFinished;
    this._demands.check(name, { isFinished, isBound: scram !== null && scram.isBound });
  }

  /**
   * Takes a message if the authentication that the server asks for, or skips, meets the program's requirements.
   *
   * @template M
   * @param {string} name
   * @param {(message: M) => void} take
   */
  _on(name, take) {
    this.connection.on(name, (/** @type {M} */ message) => {
      this._attempt(() => {
        this._check(name);
        take(message);
      });
    });
  }

  /**
   * Calls at once if the password is known.
   *
   * @param {(password: unknown) => void} use
   */
  _withPassword(use) {
    const { client } = this;
    if (client.password !== null && client.password !== undefined && typeof client.password !== 'function') {
      this._attempt(() => this._answer(use, client.password));
      return;
    }
    findPassword(client, (error, password) => {
      if (error) {
        this.connection.emit('error', error);
        return;
      }
      client.connectionParameters.password = client.password = password;
      this._attempt(() => this._answer(use, password));
    });
  }

  /**
   * @param {(password: unknown) => void} use
   * @param {unknown} password
   */
  _answer(use, password) {
    use(password);
    this._hasAnswered = true;
  }

  /** @param {() => void} step whose failure is that of the connection */
  _attempt(step) {
    if (this._isOver) return;
    try {
      step();
    } catch (error) {
      this.connection.emit('error', error);
    }
  }

  /**
   * @param {string[]} mechanisms
   * @param {unknown} password
   */
  _beginScram(mechanisms, password) {
    if (this._scram !== null) throw new Error('SASL: duplicate SASL authentication request');
    const { connection } = this;
    const { stream } = connection;
    const isSecure = connection.ssl && typeof stream.getPeerCertificate === 'function';
    this._scram = new Scram(password, {
      mechanisms,
      channelBinding: this._channelBinding,
      channel: isSecure ? { endPoint: endPoint(stream.getPeerCertificate?.().raw) } : null,
      maxIterations: this.client.scramMaxIterations,
    });
    connection.sendSASLInitialResponseMessage(this._scram.mechanism, this._scram.begin());
  }

  /** @param {string} challenge */
  async _continueScram(challenge) {
    if (this._isOver) return;
    try {
      const answer = await this._requireScram().answer(challenge, () => !this._isOver);
      if (answer !== null) this.connection.sendSCRAMClientFinalMessage(answer);
    } catch (error) {
      this._attempt(() => {
        throw error;
      });
    }
  }

  _requireScram() {
    if (this._scram === null) throw new Error('SASL: the server answers what was not asked');
    return this._scram;
  }
}

module.exports = MessageLogin;
