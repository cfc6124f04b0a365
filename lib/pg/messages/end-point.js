'use strict';

const { createHash } = require('node:crypto');

// `tls-server-end-point` of RFC 5929, for connections in messages; src/conn/tls/end_point.rs has the same for native
// ones, and says more.

const SEQUENCE = 0x30;
const OBJECT_ID = 0x06;
const PSS_HASH = 0xa0;

const PSS = '2a864886f70d01010a';

/**
 * Object identifiers of signatures and of hash functions, with the hash that is taken.
 *
 * @type {Record<string, string>}
 */
const HASHES = {
  '2a864886f70d010104': 'sha256', // MD5
  '2a864886f70d010105': 'sha256', // SHA-1
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a864886f70d01010e': 'sha224',
  '2a864886f70d01010f': 'sha512-224',
  '2a864886f70d010110': 'sha512-256',
  '2a8648ce3d0401': 'sha256', // SHA-1
  '2a8648ce3d040301': 'sha224',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2a8648ce380403': 'sha256', // SHA-1
  '608648016503040301': 'sha224',
  '608648016503040302': 'sha256',
  '608648016503040303': 'sha384',
  '608648016503040304': 'sha512',
  '2a864886f70d0205': 'sha256', // MD5
  '2b0e03021a': 'sha256', // SHA-1
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
  '608648016503040204': 'sha224',
  '608648016503040205': 'sha512-224',
  '608648016503040206': 'sha512-256',
};

/**
 * The first element of some DER, which has to have this tag.
 *
 * @param {Buffer} der
 * @param {number} tag
 * @returns {{ content: Buffer, rest: Buffer }}
 * @throws {RangeError}
 */
function element(der, tag) {
  const found = der.readUInt8(0);
  const first = der.readUInt8(1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (found !== tag || lengthBytes > 4 || first === 0x80) throw new RangeError('not the element');
  const start = 2 + lengthBytes;
  const end = start + (lengthBytes === 0 ? first : der.readUIntBE(2, lengthBytes));
  if (end > der.length) throw new RangeError('cut off');
  return { content: der.subarray(start, end), rest: der.subarray(end) };
}

/** @param {Buffer} certificate */
function hashOf(certificate) {
  const whole = element(certificate, SEQUENCE).content;
  const algorithm = element(element(whole, SEQUENCE).rest, SEQUENCE).content;
  const { content: name, rest: parameters } = element(algorithm, OBJECT_ID);
  if (name.toString('hex') !== PSS) return HASHES[name.toString('hex')];
  const given = element(parameters, SEQUENCE).content;
  // Without parameters RSASSA-PSS uses SHA-1.
  if (given.length === 0 || given[0] !== PSS_HASH) return 'sha256';
  const hash = element(element(given, PSS_HASH).content, SEQUENCE).content;
  return HASHES[element(hash, OBJECT_ID).content.toString('hex')];
}

/**
 * @param {Buffer | undefined} certificate in DER
 * @returns {Buffer | null} what ties an exchange to it; null when nothing is defined for it
 */
function endPoint(certificate) {
  if (certificate === undefined) return null;
  let hash;
  try {
    hash = hashOf(certificate);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
  return hash === undefined ? null : createHash(hash).update(certificate).digest();
}

module.exports = { endPoint };
