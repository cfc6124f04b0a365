'use strict';

const { X509Certificate, createPrivateKey } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const tls = require('node:tls');

const { lacksDescriptors } = require('../../errors');
const { native } = require('../../native/binding');
const { checkName } = require('./identity-check');
const { isGiven, nameText, shown, text } = require('./option');
const { withCarried } = require('./secret');
const { cipherSettings, versionSettings, protocols } = require('./tls-negotiation');

/** @typedef {import('./tls-negotiation').TlsOptions} TlsOptions */

/**
 * What Node's declarations don't know of.
 *
 * @typedef {{ getCACertificates(kind: string): string[] }} CaReader
 */

/**
 * A key or an archive with its passphrase. One that is text or bytes has none of these.
 *
 * @typedef {{ buf?: unknown, passphrase?: unknown }} Entry
 */

const PLAIN_KEY = '-----BEGIN PRIVATE KEY-----';

/** Keys of `tls.connect` that change the session, and that the native side can't honour. */
const REFUSED = {
  secureContext: 'pass what it was made of',
  socket: 'pass a way to the server as "stream"',
  session: 'sessions are not resumed',
  crl: 'revocation lists are not read',
  pskCallback: 'PostgreSQL knows no pre-shared keys',
  privateKeyEngine: 'pass the key as "ssl.key"',
  privateKeyIdentifier: 'pass the key as "ssl.key"',
  clientCertEngine: 'pass the certificate as "ssl.cert"',
  certificateCompression: 'certificates are not compressed',
  enableTrace: 'trace a client with a "stream" of its own',
};

/**
 * @param {TlsOptions} given
 * @throws {TypeError} for what can't be honoured; whatever concerns a server only, or the socket, means nothing here
 */
function checkKeys(given) {
  for (const [name, advice] of Object.entries(REFUSED)) {
    if (given[name]) throw new TypeError(`"ssl.${name}" is not supported: ${advice}`);
  }
}

/**
 * PEM text from any of the forms Node's `tls` takes.
 *
 * @param {string} name
 * @param {unknown} value
 * @returns {string | null}
 */
function pem(name, value) {
  if (!isGiven(value)) return null;
  const list = Array.isArray(value) ? value : [value];
  const parts = list.map((part) => {
    if (typeof part === 'string') return part;
    if (ArrayBuffer.isView(part)) return bytes(part).toString('latin1');
    if (part !== null && typeof part === 'object' && part.pem !== undefined) return String(part.pem);
    throw new TypeError(`"ssl.${name}" must be PEM text, a Buffer or an array of them, got ${shown(part)}`);
  });
  return parts.join('\n');
}

/**
 * The certificate that is shown, which must be one even where there is no key to show it with.
 *
 * @param {unknown} value
 * @returns {string | null}
 * @throws {TypeError} when it can't be read
 */
function certificate(value) {
  const cert = pem('cert', value);
  try {
    if (cert !== null) new X509Certificate(cert);
  } catch (error) {
    const reason = /** @type {Error} */ (error).message;
    throw new TypeError(`"ssl.cert" can't be read as a certificate in PEM form: ${reason}`);
  }
  return cert;
}

/** @param {ArrayBufferView} view */
function bytes(view) {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/**
 * A private key as the native side reads it: PKCS #8, without a passphrase.
 *
 * @param {string | null} key PEM of whatever kind Node reads
 * @param {unknown} passphrase
 * @returns {string | null}
 * @throws {TypeError} when it can't be read; the message doesn't show it
 */
function plainKey(key, passphrase) {
  if (key === null || key.startsWith(PLAIN_KEY)) return key;
  try {
    const read = createPrivateKey({
      key,
      format: 'pem',
      passphrase: /** @type {string | undefined} */ (passphrase),
    });
    return read.export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch (error) {
    const reason = /** @type {Error} */ (error).message;
    throw new TypeError(`"ssl.key" can't be read as a private key in PEM form: ${reason}`);
  }
}

/**
 * The client's own certificate.
 *
 * @param {TlsOptions} given
 */
function identity(given) {
  const key = only('key', given.key);
  const archive = only('pfx', given.pfx);
  const content = archive && archive.buf !== undefined ? archive.buf : archive;
  const ofArchive = (archive && archive.passphrase) || given.passphrase;
  const bundle = content ? pfx(content) : null;
  return {
    cert: certificate(given.cert),
    key: plainKey(pem('key', key), (key && key.passphrase) || given.passphrase),
    pfx: bundle,
    passphrase: content && ofArchive ? text('ssl.passphrase', ofArchive) : null,
  };
}

/**
 * @param {unknown} content
 * @returns {Buffer}
 * @throws {TypeError}
 */
function pfx(content) {
  if (typeof content === 'string') return Buffer.from(content, 'latin1');
  if (ArrayBuffer.isView(content)) return bytes(content);
  throw new TypeError(`"ssl.pfx" must be a Buffer, got ${shown(content)}`);
}

/**
 * @param {string} name
 * @param {unknown} value one, or a list of one
 * @returns {Entry | undefined}
 */
function only(name, value) {
  if (!Array.isArray(value)) return /** @type {Entry | undefined} */ (value);
  if (value.length > 1) throw new TypeError(`"ssl.${name}" with more than one entry is not supported`);
  return value[0];
}

/** @type {string[] | undefined} */
let roots;

/** The authorities that Node trusts, read when they are first needed. */
function trustedRoots() {
  if (roots === undefined) {
    roots =
      // In Node 22.15 and later; with what the options and the environment of the process add.
      'getCACertificates' in tls
        ? /** @type {typeof tls & CaReader} */ (tls).getCACertificates('default')
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
  } catch (error) {
    // That is temporary, but what is read is kept for good.
    if (lacksDescriptors(error)) throw error;
    // Node has warned of it when the process started, and goes on without it.
    return [];
  }
}

const MODES = ['prefer', 'require', 'verify-ca', 'verify-full'];

/**
 * What an `ssl` option asks for: a word of `sslmode` means there what it means in a connection string.
 *
 * @param {unknown} ssl
 * @returns {unknown} true or false for such a word
 */
function tlsWish(ssl) {
  if (ssl === 'disable') return false;
  return MODES.includes(/** @type {string} */ (ssl)) || ssl;
}

/**
 * Whether certificates have to be trusted; where the option isn't there at all, the process says it.
 *
 * @param {TlsOptions} given
 */
function refusesUnauthorized(given) {
  if ('rejectUnauthorized' in given) return given.rejectUnauthorized !== false;
  return process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0';
}

/**
 * @param {unknown} option the client's `ssl`
 * @returns {TlsOptions | null} the options of TLS; null for none
 * @throws {TypeError}
 */
function tlsOptions(option) {
  const ssl = tlsWish(option);
  if (!ssl) return null;
  if (ssl !== true && typeof ssl !== 'object') {
    throw new TypeError(`"ssl" must be true, false, an object or a word as "require", got ${shown(ssl)}`);
  }
  return ssl === true ? {} : /** @type {TlsOptions} */ (withCarried(ssl));
}

/**
 * Checks the options of TLS by Node, on a stream of the program's own, which gets them as they are.
 *
 * @param {unknown} option the client's `ssl`
 * @returns {null} there is nothing for the native side to do
 * @throws {TypeError}
 */
function checkCarriedTls(option) {
  const given = tlsOptions(option);
  // Node ends the process over names that are none.
  if (given !== null) protocols(given.ALPNProtocols);
  return null;
}

/**
 * What Node has to trust on the way to a host whose root it doesn't know, unless the program says what to trust.
 *
 * @param {TlsOptions} given options of `tls.connect`
 * @param {string} host
 * @returns {string[] | undefined} undefined leaves it to Node
 */
function rootsFor(given, host) {
  if (given.ca || given.secureContext || !refusesUnauthorized(given)) return undefined;
  const root = native.furtherRoot(host);
  return root === null ? undefined : [...trustedRoots(), root];
}

/**
 * What the native side speaks TLS by.
 *
 * @param {unknown} option the client's `ssl`
 * @param {string} negotiation
 * @param {string} host
 * @returns {import('../../native/addon').TlsSettings | null}
 */
function tlsSettings(option, negotiation, host) {
  const given = tlsOptions(option);
  if (given === null) return null;
  checkKeys(given);
  const rejectUnauthorized = refusesUnauthorized(given);
  const ca = pem('ca', given.ca);
  const check = checkName(given.checkServerIdentity);
  // As in node-postgres, where the name of an address may be said by either.
  const servername = given.servername || (net.isIP(host) !== 0 && given.host);
  const ciphers = cipherSettings(given);
  return {
    rejectUnauthorized,
    hasOwnRoots: ca !== null,
    ca: ca !== null ? [ca] : rejectUnauthorized ? trustedRoots() : null,
    ...identity(given),
    servername: servername ? nameText('ssl.servername', servername) : null,
    checkServerIdentity: check === null,
    identityCheck: check,
    ...ciphers,
    ...versionSettings(given, ciphers),
    ALPNProtocols: protocols(given.ALPNProtocols),
    allowPartialTrustChain: Boolean(given.allowPartialTrustChain),
    negotiation,
  };
}

module.exports = { checkCarriedTls, rootsFor, tlsSettings, tlsWish };
