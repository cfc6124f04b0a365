'use strict';

const { X509Certificate } = require('node:crypto');
const tls = require('node:tls');
const { threadId } = require('node:worker_threads');

const { shown } = require('./option');

// A program's `checkServerIdentity`: called when the server has shown its certificate, before anything is sent to it.

/**
 * @typedef {{ checkServerIdentity: (name: string, certificate: tls.PeerCertificate) => unknown }} IdentityChecking
 */

/** @type {WeakMap<object, string>} */
const names = new WeakMap();
let count = 0;

/**
 * Identifies one such function within the process; null for Node's own check, which the native side does itself.
 *
 * @param {unknown} check
 * @returns {string | null}
 * @throws {TypeError} when it is no function
 */
function checkName(check) {
  if (check === undefined || check === null || check === tls.checkServerIdentity) return null;
  if (typeof check !== 'function') {
    throw new TypeError(`"ssl.checkServerIdentity" must be a function, got ${shown(check)}`);
  }
  let name = names.get(check);
  if (name === undefined) {
    count += 1;
    name = `${threadId}.${count}`;
    names.set(check, name);
  }
  return name;
}

/**
 * The certificate as `tls.TLSSocket.getPeerCertificate(true)` gives it.
 *
 * @param {Buffer[]} chain in DER, the server's own first
 * @returns {tls.PeerCertificate}
 */
function peerCertificate(chain) {
  const certificates = chain.map((der) => new X509Certificate(der));
  const objects = certificates.map(
    (certificate) => /** @type {tls.DetailedPeerCertificate} */ (certificate.toLegacyObject()),
  );
  for (const [i, certificate] of certificates.entries()) {
    const issuer = certificates.findIndex((other) => certificate.checkIssued(other));
    if (issuer >= 0) objects[i].issuerCertificate = objects[issuer];
  }
  return objects[0];
}

/**
 * Asks the program whether this is the right server.
 *
 * @param {unknown} ssl the client's `ssl`
 * @param {string} name that was connected to
 * @param {() => tls.PeerCertificate} certificate of the server, with all above it
 * @returns {Error | null} null, or the error that ends the connection: what the program returned or threw
 */
function refusalOf(ssl, name, certificate) {
  try {
    const refusal = /** @type {IdentityChecking} */ (ssl).checkServerIdentity(name, certificate());
    if (!refusal) return null;
    if (refusal instanceof Error) return refusal;
    const promise = /** @type {Promise<unknown>} */ (refusal);
    const isPromise = typeof promise.then === 'function';
    // What it settles with is too late, and a rejection has no other handler.
    if (isPromise) promise.then(undefined, () => undefined);
    const kind = isPromise ? 'a promise' : shown(refusal);
    return new TypeError(`"ssl.checkServerIdentity" must return an Error or undefined, got ${kind}`);
  } catch (error) {
    if (error instanceof Error) return error;
    return new Error('"ssl.checkServerIdentity" threw something that is no Error', { cause: error });
  }
}

module.exports = { checkName, peerCertificate, refusalOf };
