'use strict';

const fs = require('node:fs');

/**
 * What libpq's words for TLS mean, which drivers of other languages share. Unlike in URLs, where node-postgres's rules
 * hold, `require` doesn't verify.
 *
 * @param {Partial<Record<'sslmode' | 'sslrootcert' | 'sslcert' | 'sslkey' | 'sslpassword', string>>} words
 * @returns {{ ssl?: boolean | Record<string, unknown> }}
 * @throws {TypeError} for a word that is none
 */
function readCertificates({ sslmode, sslrootcert, sslcert, sslkey, sslpassword }) {
  if (sslmode === 'disable') return { ssl: false };
  if (!sslmode && !sslrootcert && !sslcert) return {};
  /** @type {Record<string, unknown>} */
  const ssl = {};
  if (sslrootcert && sslrootcert !== 'system') ssl.ca = fs.readFileSync(sslrootcert, 'utf8');
  if (sslcert) ssl.cert = fs.readFileSync(sslcert, 'utf8');
  if (sslkey) ssl.key = fs.readFileSync(sslkey, 'utf8');
  if (sslpassword) ssl.passphrase = sslpassword;
  switch (sslmode) {
    case undefined:
    case 'allow':
    case 'prefer':
    case 'require':
      // With an authority at hand libpq verifies by it, but not the name.
      if (!ssl.ca) return { ssl: { ...ssl, rejectUnauthorized: false } };
      return { ssl: { ...ssl, checkServerIdentity: acceptName } };
    case 'verify-ca':
      return { ssl: { ...ssl, checkServerIdentity: acceptName } };
    case 'verify-full':
      return { ssl: Object.keys(ssl).length === 0 ? true : ssl };
    default:
      throw new TypeError('"sslmode" must be one of disable, allow, prefer, require, verify-ca, verify-full');
  }
}

/** For modes that take a certificate whatever name is in it. */
function acceptName() {
  return undefined;
}

module.exports = { readCertificates };
