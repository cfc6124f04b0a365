'use strict';

const { createHash, createHmac, randomBytes, timingSafeEqual } = require('node:crypto');

const { derive } = require('./derivation');

const PLAIN = 'SCRAM-SHA-256';
const BOUND = 'SCRAM-SHA-256-PLUS';
const NONCE_BYTES = 18;

const FIRST = 'SASL: SCRAM-SERVER-FIRST-MESSAGE:';
const LAST = 'SASL: SCRAM-SERVER-FINAL-MESSAGE:';

const PRINTABLE = /^[\x21-\x2B\x2D-\x7E]+$/;
const BASE64 = /^(?:[a-zA-Z0-9+/]{4})*(?:[a-zA-Z0-9+/]{2}==|[a-zA-Z0-9+/]{3}=)?$/;
const COUNT = /^[1-9][0-9]*$/;
/** The largest number that the native side takes. */
const MOST_ITERATIONS = 2 ** 32 - 1;

// The rules of SASLprep (RFC 4013) that change a password: all spaces become U+0020, and characters that are mapped to
// nothing are removed.
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
 * @throws when it isn't made of such pairs
 */
function attributes(text) {
  return new Map(
    text.split(',').map((part) => {
      if (part[1] !== '=') throw new Error('SASL: Invalid attribute pair entry');
      return [part[0], part.slice(2)];
    }),
  );
}

/**
 * @param {string} challenge the server's first message
 * @returns {{ nonce: string, salt: Buffer, iterations: number }}
 * @throws in node-postgres's words
 */
function readFirst(challenge) {
  const given = attributes(challenge);
  const nonce = given.get('r');
  if (!nonce) throw new Error(`${FIRST} nonce missing`);
  if (!PRINTABLE.test(nonce)) throw new Error(`${FIRST} nonce must only contain printable characters`);
  const salt = given.get('s');
  if (!salt) throw new Error(`${FIRST} salt missing`);
  if (!BASE64.test(salt)) throw new Error(`${FIRST} salt must be base64`);
  const iterations = given.get('i');
  if (!iterations) throw new Error(`${FIRST} iteration missing`);
  if (!COUNT.test(iterations)) throw new Error(`${FIRST} invalid iteration count`);
  return { nonce, salt: Buffer.from(salt, 'base64'), iterations: Number(iterations) };
}

/**
 * @param {string} verdict the server's last message
 * @returns {Buffer} its signature
 * @throws in node-postgres's words
 */
function readLast(verdict) {
  const given = attributes(verdict);
  const error = given.get('e');
  if (error) throw new Error(`${LAST} server returned error: "${error}"`);
  const signature = given.get('v');
  if (!signature) throw new Error(`${LAST} server signature is missing`);
  if (!BASE64.test(signature)) throw new Error(`${LAST} server signature must be base64`);
  return Buffer.from(signature, 'base64');
}

/**
 * What the exchange goes over: null without TLS; otherwise the hash of the server's certificate (RFC 5929), if it has
 * one.
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
  // "y": the client supports it, and the server seems not to. A server that does then detects that its offer was
  // removed on the way.
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
  #hasAnswered = false;
  /** @type {Buffer | null} the proof that is expected of the server */
  #expected = null;

  /**
   * @param {unknown} password
   * @param {object} terms
   * @param {string[]} terms.mechanisms
   * @param {string} terms.channelBinding
   * @param {Channel} terms.channel
   * @param {number} terms.maxIterations with 0 and less there is no limit
   */
  constructor(password, { mechanisms, channelBinding, channel, maxIterations }) {
    const { mechanism, header, endPoint } = choose(mechanisms, channelBinding, channel);
    if (typeof password !== 'string') throw new Error(`${FIRST} client password must be a string`);
    if (password === '') throw new Error(`${FIRST} client password must be a non-empty string`);
    this.mechanism = mechanism;
    /** @type {boolean} whether the server has proved that it knows the password, too */
    this.isFinished = false;
    this.#header = header;
    this.#endPoint = endPoint;
    this.#password = password;
    this.#maxIterations = maxIterations;
    this.#nonce = randomBytes(NONCE_BYTES).toString('base64');
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
   * @param {() => boolean} isWanted whether the answer can still be sent
   * @returns {Promise<string | null>} the answer; null when it isn't wanted any more
   */
  async answer(challenge, isWanted) {
    // A server gets only one answer: each further one would be as much work as it asks for.
    if (this.#hasAnswered) throw new Error('SASL: Last message was not SASLInitialResponse');
    this.#hasAnswered = true;
    const { nonce, salt, iterations } = readFirst(challenge);
    if (!nonce.startsWith(this.#nonce)) {
      throw new Error(`${FIRST} server nonce does not start with client nonce`);
    }
    if (nonce === this.#nonce) throw new Error(`${FIRST} server nonce is too short`);
    // 0 is no limit, as in node-postgres.
    const most = Math.min(this.#maxIterations || MOST_ITERATIONS, MOST_ITERATIONS);
    if (iterations > most) {
      throw new Error(`${FIRST} iteration count ${iterations} exceeds scramMaxIterations of ${most}`);
    }
    const password = this.#password.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC');
    const salted = await derive(password, salt, iterations, isWanted);
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
    const expected = this.#expected;
    this.#expected = null;
    if (expected === null) throw new Error('SASL: Last message was not SASLResponse');
    const signature = readLast(verdict);
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
      throw new Error(`${LAST} server signature does not match`);
    }
    this.isFinished = true;
  }
}

module.exports = { Scram };
