'use strict';

require('reflect-metadata');
const x509 = require('@peculiar/x509');
const { KeyObject, webcrypto, randomBytes } = require('node:crypto');

// P-256 because its keys are made in a millisecond, where RSA needs a tenth of a second each.
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MILLIS = 86_400_000;

x509.cryptoProvider.set(webcrypto);

/**
 * A certificate with its private key, both as PEM.
 *
 * @typedef {object} Identity
 * @property {string} certificate
 * @property {string} key PKCS #8, not encrypted
 * @property {(passphrase: string) => string} encryptedKey the same key, encrypted
 */

/**
 * @typedef {{ hosts?: string[], addresses?: string[] }} Names subject alternative names
 * @typedef {{ notBefore?: Date, notAfter?: Date }} Validity a day on either side of now where it isn't said
 *
 * @typedef {object} Authority
 * @property {string} certificate PEM
 * @property {(name: string, options?: Names & Validity) => Promise<Identity>} issue
 * @property {(name: string) => Promise<Authority>} issueIntermediate an authority below this one, which has none below it
 */

/**
 * Makes a certificate authority that lives in memory, and with it the certificates of a test server.
 * Nothing is written to disk; the authority is valid for a day on either side of now.
 *
 * @param {string} name the authority's common name
 * @returns {Promise<Authority>}
 */
async function createAuthority(name) {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...frame(`CN=${name}`),
    keys,
    extensions: await authorityExtensions(keys, 1),
  });
  return authority(certificate, keys);
}

/** @returns {Authority} */
function authority(certificate, keys) {
  const sign = async (subject, publicKey, extensions, validity) =>
    x509.X509CertificateGenerator.create({
      ...frame(`CN=${subject}`, validity),
      issuer: certificate.subject,
      publicKey,
      signingKey: keys.privateKey,
      extensions: [...extensions, await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey)],
    });
  return {
    certificate: certificate.toString('pem'),
    async issue(subject, options) {
      const own = await generateKeys();
      return identity(await sign(subject, own.publicKey, leafExtensions(options), options), own);
    },
    async issueIntermediate(subject) {
      const own = await generateKeys();
      return authority(await sign(subject, own.publicKey, await authorityExtensions(own, 0)), own);
    },
  };
}

/** @param {number} below how many authorities there may be below */
async function authorityExtensions(keys, below) {
  return [
    new x509.BasicConstraintsExtension(true, below, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
  ];
}

/**
 * Makes a self-signed certificate.
 *
 * @param {string} name common name
 * @param {Names & Validity} [options]
 * @param {any} [algorithm] of the key and of the signature, as Web Crypto knows it
 * @returns {Promise<Identity>}
 */
async function createSelfSigned(name, options, algorithm = ALGORITHM) {
  const keys = await generateKeys(algorithm);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...frame(`CN=${name}`, options),
    signingAlgorithm: algorithm,
    keys,
    extensions: leafExtensions(options),
  });
  return identity(certificate, keys);
}

function generateKeys(algorithm = ALGORITHM) {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function frame(name, { notBefore, notAfter } = {}) {
  const serial = randomBytes(16);
  serial[0] = 0x40 | (serial[0] & 0x3f); // positive and without leading zeroes, as DER wants it
  return {
    serialNumber: serial.toString('hex'),
    subject: name,
    name,
    notBefore: notBefore ?? new Date(Date.now() - DAY_MILLIS),
    notAfter: notAfter ?? new Date(Date.now() + DAY_MILLIS),
    signingAlgorithm: ALGORITHM,
  };
}

function leafExtensions({ hosts = [], addresses = [] } = {}) {
  const alternatives = [
    ...hosts.map((value) => ({ type: 'dns', value })),
    ...addresses.map((value) => ({ type: 'ip', value })),
  ];
  const extensions = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
  ];
  if (alternatives.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(alternatives));
  return extensions;
}

function identity(certificate, keys) {
  const key = KeyObject.from(keys.privateKey);
  return {
    certificate: certificate.toString('pem'),
    key: key.export({ type: 'pkcs8', format: 'pem' }),
    encryptedKey: (passphrase) =>
      key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }),
  };
}

module.exports = { createAuthority, createSelfSigned };
