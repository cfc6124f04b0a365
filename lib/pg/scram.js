'use strict';

const { createHash, createHmac, randomBytes, timingSafeEqual } = require('node:crypto');

const { derive } = require('./derivation');

const PLAIN = 'SCRAM-SHA-256';
const BOUND = 'SCRAM-SHA-256-PLUS';
const NONCE_BYTES = 18;

// The rules of SASLprep (RFC 4013) that change a password: spaces become one kind, what is mapped to nothing goes.
const SPACES = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g;
const NOTHING = /\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/g;

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

/**
 * What the exchange goes over: null without TLS; otherwise the hash of the server's certificate (RFC 5929), if it has one.
 *
 * @typedef {{ endPoint: Buffer | null } | null} Channel
 */

/**
 * The mechanism, and the header that says how the exchange is tied to the TLS session.
 *
 * @param {string[]} mechanisms that the server offers
 * @param {string} wanted `disable`, `prefer` or `require`
 * @param {Channel} channel
 * @returns {{ mechanism: string, header: string, endPoint: Buffer | null }}
 */
function choose(mechanisms, wanted, channel) {
  const offersBound = mechanisms.includes(BOUND);
  const endPoint = channel === null || wanted === 'disable' ? null : channel.endPoint;
  if (wanted === 'require') {
    if (channel === null) throw new Error('channel binding required, but SSL not in use');
    if (!offersBound) {
      throw new Error(
        'channel binding is required, but server did not offer an authentication method that supports channel binding',
      );
    }
    if (endPoint === null) {
      throw new Error(
        "channel binding is required, and none is defined for the server's certificate, whose signature names no hash function (RFC 5929); Ed25519 and Ed448 are such signatures",
      );
    }
  }
  if (endPoint !== null && offersBound)
    return { mechanism: BOUND, header: 'p=tls-server-end-point,,', endPoint };
  if (!mechanisms.includes(PLAIN)) throw new Error(`SASL: Only mechanism(s) ${PLAIN} are supported`);
  // "y": this side could, and the server says that it can't. A server that can will notice the lie in between.
  return { mechanism: PLAIN, header: endPoint === null ? 'n,,' : 'y,,', endPoint: null };
}

/** The client's part of SCRAM-SHA-256 (RFC 5802, RFC 7677). */
class Scram {
  // Private, so that printing a client while it logs in shows none of it.
  #header;
  /** @type {Buffer | null} */
  #endPoint;
  /** @type {string} */
  #password;
  #maxIterations;
  #nonce;
  /** @type {Buffer} the server's proof */
  #expected;

  /**
   * @param {any} password
   * @param {object} terms
   * @param {string[]} terms.mechanisms
   * @param {string} terms.channelBinding
   * @param {Channel} terms.channel
   * @param {number} terms.maxIterations 0 and less allow any number
   */
  constructor(password, { mechanisms, channelBinding, channel, maxIterations }) {
    const { mechanism, header, endPoint } = choose(mechanisms, channelBinding, channel);
    const stage = 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a';
    if (typeof password !== 'string') throw new Error(`${stage} string`);
    if (password === '') throw new Error(`${stage} non-empty string`);
    this.mechanism = mechanism;
    /** @type {boolean} whether the server has proved that it knows the password, too */
    this.isFinished = false;
    this.#header = header;
    this.#endPoint = endPoint;
    this.#password = password;
    this.#maxIterations = maxIterations;
    this.#nonce = randomBytes(NONCE_BYTES).toString('base64');
    this.#expected = Buffer.alloc(0);
  }

  /** Whether the server has proved that it is the other end of the TLS session. */
  get isBound() {
    return this.isFinished && this.#endPoint !== null;
  }

  /** The first message. */
  begin() {
    return `${this.#header}n=*,r=${this.#nonce}`;
  }

  /**
   * @param {string} challenge the server's first message
   * @param {() => boolean} isWanted whether there is still somebody to send the answer to
   * @returns {Promise<string | null>} the answer; null when nobody wants it
   */
  async answer(challenge, isWanted) {
    const given = attributes(challenge);
    const nonce = given.get('r') || '';
    const salt = given.get('s') || '';
    const iterations = Number(given.get('i'));
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) {
      throw new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: the server's nonce does not extend the client's");
    }
    if (salt === '' || !Number.isInteger(iterations) || iterations < 1) {
      throw new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: salt or iteration count missing');
    }
    // 0 is no limit, as in node-postgres.
    if (this.#maxIterations !== 0 && iterations > this.#maxIterations) {
      throw new Error(
        `SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration count ${iterations} exceeds scramMaxIterations of ${this.#maxIterations}`,
      );
    }
    const password = this.#password.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC');
    const salted = await derive(password, Buffer.from(salt, 'base64'), iterations, isWanted);
    if (salted === null) return null;
    const repeated = Buffer.concat([Buffer.from(this.#header), this.#endPoint || Buffer.alloc(0)]);
    const unproved = `c=${repeated.toString('base64')},r=${nonce}`;
    const exchange = `n=*,r=${this.#nonce},${challenge},${unproved}`;
    const clientKey = hmac(salted, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), exchange);
    const proof = clientKey.map((byte, i) => byte ^ signature[i]);
    this.#expected = hmac(hmac(salted, 'Server Key'), exchange);
    return `${unproved},p=${Buffer.from(proof).toString('base64')}`;
  }

  /**
   * @param {string} verdict the server's last message
   * @throws when the server doesn't know the password itself
   */
  verify(verdict) {
    const signature = Buffer.from(attributes(verdict).get('v') || '', 'base64');
    const expected = this.#expected;
    if (
      expected.length === 0 ||
      signature.length !== expected.length ||
      !timingSafeEqual(signature, expected)
    ) {
      throw new Error('SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match');
    }
    this.isFinished = true;
  }
}

module.exports = { Scram };
