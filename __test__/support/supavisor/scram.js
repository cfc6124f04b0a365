'use strict';

const { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } = require('node:crypto');

const ITERATIONS = 4096;

const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const hash = (bytes) => createHash('sha256').update(bytes).digest();
const attributes = (text) => Object.fromEntries(text.split(',').map((part) => [part[0], part.slice(2)]));

/** @type {Map<string, { salt: Buffer, storedKey: Buffer, serverKey: Buffer }>} */
const verifiers = new Map();

/** What a server keeps of a password. The same one each time, so that clients may keep their keys. */
function verifier(password) {
  if (!verifiers.has(password)) {
    const salt = randomBytes(16);
    const salted = pbkdf2Sync(password.normalize('NFKC'), salt, ITERATIONS, 32, 'sha256');
    verifiers.set(password, {
      salt,
      storedKey: hash(hmac(salted, 'Client Key')),
      serverKey: hmac(salted, 'Server Key'),
    });
  }
  return /** @type {{ salt: Buffer, storedKey: Buffer, serverKey: Buffer }} */ (verifiers.get(password));
}

/** The server's side of one SCRAM-SHA-256 exchange, https://www.rfc-editor.org/rfc/rfc5802 */
class ScramServer {
  #keys;
  #clientFirst = '';
  #header = '';
  #serverFirst = '';
  #nonce = '';

  /** @param {string | undefined} password undefined: every proof is wrong */
  constructor(password) {
    this.#keys = verifier(password ?? randomBytes(16).toString('hex'));
  }

  /**
   * @param {Buffer} body of the SASLInitialResponse
   * @returns {string | null} the server's first message; null when this isn't SCRAM-SHA-256
   */
  first(body) {
    const end = body.indexOf(0);
    if (body.subarray(0, Math.max(end, 0)).toString() !== 'SCRAM-SHA-256') return null;
    const match = /^([ny],,)(n=[^,]*,r=[^,]+)/.exec(body.subarray(end + 5).toString());
    if (!match) return null;
    [, this.#header, this.#clientFirst] = match;
    this.#nonce = attributes(this.#clientFirst).r + randomBytes(18).toString('base64');
    this.#serverFirst = `r=${this.#nonce},s=${this.#keys.salt.toString('base64')},i=${ITERATIONS}`;
    return this.#serverFirst;
  }

  /**
   * @param {Buffer} body of the SASLResponse
   * @returns {string | false | null} the server's final message; false for a wrong proof; null when this isn't one
   */
  final(body) {
    const text = body.toString();
    const { c, r, p } = attributes(text);
    if (!p || r !== this.#nonce || c !== Buffer.from(this.#header).toString('base64')) return null;
    const withoutProof = text.slice(0, text.lastIndexOf(',p='));
    const signed = [this.#clientFirst, this.#serverFirst, withoutProof].join(',');
    const signature = hmac(this.#keys.storedKey, signed);
    const proof = Buffer.from(p, 'base64');
    if (proof.length !== signature.length) return false;
    const clientKey = Buffer.from(proof.map((byte, at) => byte ^ signature[at]));
    if (!timingSafeEqual(hash(clientKey), this.#keys.storedKey)) return false;
    return `v=${hmac(this.#keys.serverKey, signed).toString('base64')}`;
  }
}

module.exports = { ScramServer };
