'use strict';

/**
 * What a server asks for, by the names of the messages: the method of `require_auth`, and libpq's words for it.
 *
 * @type {Record<string, [method: string, request: string]>}
 */
const REQUESTS = {
  authenticationOk: ['none', 'server did not complete authentication'],
  authenticationCleartextPassword: ['password', 'server requested a cleartext password'],
  authenticationMD5Password: ['md5', 'server requested a hashed password'],
  authenticationSASL: ['scram-sha-256', 'server requested SASL authentication'],
};

/**
 * The program's requirements for authentication, for connections in messages; src/conn/demands.rs has the same for
 * native ones. Rules and words are libpq's.
 */
class Demands {
  /**
   * @param {{ channelBinding: string, requireAuth: string | null, allowedAuth: string[] | null }} settings
   */
  constructor({ channelBinding, requireAuth, allowedAuth }) {
    this._requiresBinding = channelBinding === 'require';
    this._text = requireAuth;
    this._allowed = allowedAuth;
  }

  /**
   * @param {string} message the server's, by its name
   * @param {{ isFinished: boolean, isBound: boolean }} progress whether the client has done what was asked of it, and
   *   whether the server has proved that it is the other end of the TLS session
   * @throws {Error} before anything is sent that helps to find out the password
   */
  check(message, { isFinished, isBound }) {
    const [method, request] = REQUESTS[message];
    const isOver = message === 'authenticationOk' && isFinished;
    if (this._allowed !== null && !isOver && !this._allowed.includes(method)) {
      throw new Error(`authentication method requirement "${this._text}" failed: ${request}`);
    }
    if (!this._requiresBinding || isBound || message === 'authenticationSASL') return;
    throw new Error(
      message === 'authenticationOk'
        ? 'channel binding required, but server authenticated client without channel binding'
        : "channel binding required but not supported by server's authentication request",
    );
  }
}

module.exports = Demands;
