'use strict';

const { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } = require('node:crypto');
const { promisify } = require('node:util');

const derive = promisify(pbkdf2);

const MECHANISM = 'SCRAM-SHA-256';
const KEY_BYTES = 32;
const NONCE_BYTES = 18;
// "n,,": no channel binding, no other identity; `biws` is its base64.
const HEADER = 'n,,';

/**
 * @param {Buffer} key
 * @param {string} text
 */
function hmac(key, text) {
  return createHmac('sha256', key).update(text).digest();
}

/**
 * @param {string} text `r=…,s=…,i=…`
 * @returns {Map<string, string>}
 */
function attributes(text) {
  return new Map(text.split(',').map((part) => [part[0], part.slice(2)]));
}

/** The client's part of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding. */
class Scram {
  /**
   * @param {any} password
   * @param {number} maxIterations
   */
  constructor(password, maxIterations) {
    const stage = 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a';
    if (typeof password !== 'string') throw new Error(`${stage} string`);
    if (password === '') throw new Error(`${stage} non-empty string`);
    this._password = password;
    this._maxIterations = maxIterations;
    this._nonce = randomBytes(NONCE_BYTES).toString('base64');
    this._expected = Buffer.alloc(0);
  }

  /** The first message. */
  begin() {
    return `${HEADER}n=*,r=${this._nonce}`;
  }

  /**
   * @param {string} challenge the server's first message
   * @returns {Promise<string>} the answer
   */
  async answer(challenge) {
    const given = attributes(challenge);
    const nonce = given.get('r') || '';
    const salt = given.get('s') || '';
    const iterations = Number(given.get('i'));
    if (!nonce.startsWith(this._nonce) || nonce === this._nonce) {
      throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: the server's nonce does not extend the client's");
    }
    if (salt === '' || !Number.isInteger(iterations) || iterations < 1) {
      throw new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: salt or iteration count missing');
    }
    // 0 is no limit, as in node-postgres.
    if (this._maxIterations !== 0 && iterations > this._maxIterations) {
      throw new Error(
        `SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration count ${iterations} exceeds scramMaxIterations of ${this._maxIterations}`,
      );
    }
    // NFKC is what SASLprep does to the passwords that people use.
    const password = this._password.normalize('NFKC');
    const salted = await derive(password, Buffer.from(salt, 'base64'), iterations, KEY_BYTES, 'sha256');
    const unproved = `c=${Buffer.from(HEADER).toString('base64')},r=${nonce}`;
    const exchange = `n=*,r=${this._nonce},${challenge},${unproved}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), exchange);
    const proof = clientKey.map((byte, i) => byte ^ signature[i]);
    this._expected = hmac(hmac(salted, 'Server Key'), exchange);
    return `${unproved},p=${Buffer.from(proof).toString('base64')}`;
  }

  /**
   * @param {string} verdict the server's last message
   * @throws when the server doesn't know the password itself
   */
  verify(verdict) {
    const signature = Buffer.from(attributes(verdict).get('v') || '', 'base64');
    if (signature.length !== this._expected.length || !timingSafeEqual(signature, this._expected)) {
      throw new Error('SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match');
    }
  }
}

module.exports = { MECHANISM, Scram };
