'use strict';

const { createPrivateKey } = require('node:crypto');
const fs = require('node:fs');
const tls = require('node:tls');

const { shown, text } = require('./option');

const PLAIN_KEY = '-----BEGIN PRIVATE KEY-----';

/**
 * PEM text from any of the forms Node's `tls` takes.
 *
 * @param {string} name
 * @param {any} value
 * @returns {string | null}
 */
function pem(name, value) {
  if (value === undefined || value === null || value === '') return null;
  const list = Array.isArray(value) ? value : [value];
  const parts = list.map((part) => {
    if (typeof part === 'string') return part;
    if (ArrayBuffer.isView(part))
      return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('latin1');
    if (part !== null && typeof part === 'object' && part.pem !== undefined) return String(part.pem);
    throw new TypeError(`"ssl.${name}" must be PEM text, a Buffer or an array of them, got ${shown(part)}`);
  });
  return parts.join('\n');
}

/**
 * A private key as the native side reads it: PKCS #8, without a passphrase.
 *
 * @param {string | null} key PEM of any kind that Node reads
 * @param {string | undefined} passphrase
 * @returns {string | null}
 * @throws {TypeError} when it can't be read; the message doesn't show it
 */
function plainKey(key, passphrase) {
  if (key === null || key.startsWith(PLAIN_KEY)) return key;
  try {
    const read = createPrivateKey({ key, format: 'pem', passphrase });
    return read.export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch (error) {
    const reason = /** @type {Error} */ (error).message;
    throw new TypeError(`"ssl.key" can't be read as a private key in PEM form: ${reason}`);
  }
}

/** @type {string[] | undefined} */
let roots;

/** The authorities that Node trusts, read when they are first needed. */
function trustedRoots() {
  if (roots === undefined) {
    roots =
      // In Node 22.15 and later; with what the options and the environment of the process add.
      'getCACertificates' in tls
        ? /** @type {any} */ (tls).getCACertificates('default')
        : [...tls.rootCertificates, ...extraRoots()];
  }
  return /** @type {string[]} */ (roots);
}

/** @returns {string[]} */
function extraRoots() {
  const file = process.env.NODE_EXTRA_CA_CERTS;
  if (!file) return [];
  try {
    return [fs.readFileSync(file, 'latin1')];
  } catch {
    // Node has warned of it when the process started, and goes without.
    return [];
  }
}

/**
 * A `checkServerIdentity` of the caller replaces the check of the host name. Certificates stay on the native side, so
 * only one that accepts everything can be honoured; it is told apart by what it says to a certificate without any name.
 *
 * @param {any} check
 * @param {string} host
 * @returns {boolean} whether the native check of the host name stays on
 */
function keepsIdentityCheck(check, host) {
  if (check === undefined || check === null) return true;
  if (typeof check !== 'function') {
    throw new TypeError(`"ssl.checkServerIdentity" must be a function, got ${shown(check)}`);
  }
  let verdict;
  try {
    verdict = check(host, { subject: {}, issuer: {}, subjectaltname: '', raw: Buffer.alloc(0) });
  } catch (error) {
    verdict = error;
  }
  if (verdict !== undefined) {
    throw new TypeError(
      '"ssl.checkServerIdentity" can only switch the check of the host name off; to pin a server, pass its certificate as "ssl.ca"',
    );
  }
  return false;
}

const MODES = ['prefer', 'require', 'verify-ca', 'verify-full'];

/**
 * What an `ssl` option asks for: a word of `sslmode` means there what it means in a connection string.
 *
 * @param {any} ssl
 * @returns {any} true or false for such a word
 */
function tlsWish(ssl) {
  if (ssl === 'disable') return false;
  return MODES.includes(ssl) || ssl;
}

/**
 * @param {any} option the client's `ssl`
 * @param {string} negotiation
 * @param {string} host
 */
function tlsSettings(option, negotiation, host) {
  const ssl = tlsWish(option);
  if (!ssl) return null;
  if (ssl !== true && typeof ssl !== 'object') {
    throw new TypeError(`"ssl" must be true, false, an object or a word as "require", got ${shown(ssl)}`);
  }
  const given = ssl === true ? {} : ssl;
  if (given.pfx || given.secureContext) {
    throw new TypeError(
      '"ssl.pfx" and "ssl.secureContext" are not supported; pass "ssl.cert" and "ssl.key" as PEM',
    );
  }
  const rejectUnauthorized = given.rejectUnauthorized !== false;
  const ca = pem('ca', given.ca);
  const key = Array.isArray(given.key) ? given.key[0] : given.key;
  return {
    rejectUnauthorized,
    ca: ca !== null ? [ca] : rejectUnauthorized ? trustedRoots() : null,
    cert: pem('cert', given.cert),
    key: plainKey(pem('key', key), given.passphrase || (key && key.passphrase)),
    passphrase: null,
    servername: given.servername ? text('ssl.servername', given.servername) : null,
    checkServerIdentity: keepsIdentityCheck(given.checkServerIdentity, host),
    negotiation,
    prefer: false,
  };
}

module.exports = { tlsSettings, tlsWish };
