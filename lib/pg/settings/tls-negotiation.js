'use strict';

const { constants } = require('node:crypto');
const tls = require('node:tls');

const { oneOf, shown, text } = require('./option');

// Parameters that both sides of TLS negotiate: options of `tls.createSecureContext`, with its rules.

/**
 * Options of `tls.connect`, which are the program's.
 *
 * @typedef {Record<string, unknown>} TlsOptions
 */

/**
 * What Node's declarations don't know of.
 *
 * @typedef {{ convertALPNProtocols(names: unknown, out: { ALPNProtocols?: Buffer }): void }} AlpnConverter
 */

const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

/**
 * The old way to say which versions will do: the oldest and the newest.
 *
 * @type {Record<string, [string, string]>}
 */
const METHODS = {
  TLS: ['TLSv1', 'TLSv1.3'],
  SSLv23: ['TLSv1', 'TLSv1.2'],
  TLSv1: ['TLSv1', 'TLSv1'],
  TLSv1_1: ['TLSv1.1', 'TLSv1.1'],
  TLSv1_2: ['TLSv1.2', 'TLSv1.2'],
};

/**
 * Cipher suites, and what else is chosen by OpenSSL's words. What isn't given is left to the native side.
 *
 * @param {TlsOptions} given
 */
function cipherSettings(given) {
  // The command line may have set other ones for the process.
  const own = tls.DEFAULT_CIPHERS === constants.defaultCoreCipherList ? undefined : tls.DEFAULT_CIPHERS;
  const ciphers = given.ciphers || own;
  const all = ciphers ? text('ssl.ciphers', ciphers).split(':').filter(Boolean) : [];
  if (ciphers && all.length === 0) throw new TypeError('"ssl.ciphers" must name a cipher suite');
  const isNew = (/** @type {string} */ name) => name.startsWith('TLS_');
  const curve = given.ecdhCurve || tls.DEFAULT_ECDH_CURVE;
  return {
    ciphers: all.filter((name) => !isNew(name)).join(':') || null,
    cipherSuites: all.filter(isNew).join(':') || null,
    sigalgs: given.sigalgs ? text('ssl.sigalgs', given.sigalgs) : null,
    ecdhCurve: curve === 'auto' ? null : text('ssl.ecdhCurve', curve),
    secureOptions: count('secureOptions', given.secureOptions),
    minDHSize: count('minDHSize', given.minDHSize),
  };
}

/**
 * The allowed versions.
 *
 * @param {TlsOptions} given
 * @param {{ ciphers: string | null, cipherSuites: string | null }} suites
 * @returns {{ minVersion: string, maxVersion: string }}
 */
function versionSettings(given, { ciphers, cipherSuites }) {
  const [minVersion, maxVersion] = given.secureProtocol ? versionsOf(given) : limitsOf(given);
  // Where all suites are TLS 1.3's, none is left for older versions.
  if (ciphers !== null || cipherSuites === null) return { minVersion, maxVersion };
  if (maxVersion !== 'TLSv1.3') throw new TypeError(`"ssl.ciphers" names none for ${maxVersion} and older`);
  return { minVersion: 'TLSv1.3', maxVersion };
}

/** @param {TlsOptions} given */
function limitsOf(given) {
  const limits = [given.minVersion ?? tls.DEFAULT_MIN_VERSION, given.maxVersion ?? tls.DEFAULT_MAX_VERSION];
  return [oneOf('ssl.minVersion', limits[0], VERSIONS), oneOf('ssl.maxVersion', limits[1], VERSIONS)];
}

/** @param {TlsOptions} given */
function versionsOf({ secureProtocol, minVersion, maxVersion }) {
  if (minVersion || maxVersion) {
    throw new TypeError('"ssl.secureProtocol" says what "ssl.minVersion" and "ssl.maxVersion" say: give one');
  }
  const [, name] = /^(.*?)(?:_client)?_method$/.exec(String(secureProtocol)) || [];
  const versions = METHODS[String(name)];
  if (versions === undefined) {
    throw new TypeError(
      `"ssl.secureProtocol" must be the name of a client's method, got ${shown(secureProtocol)}`,
    );
  }
  return versions;
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {number}
 */
function count(name, value) {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new TypeError(`"ssl.${name}" must be a whole number that isn't negative, got ${shown(value)}`);
  }
  return value;
}

/**
 * Names for ALPN, from any of the forms that Node takes.
 *
 * @param {unknown} value
 * @returns {string[] | null}
 */
function protocols(value) {
  if (!value) return null;
  /** @type {{ ALPNProtocols?: Buffer }} each name behind its length */
  const converted = {};
  /** @type {typeof tls & AlpnConverter} */ (tls).convertALPNProtocols(value, converted);
  const wire = converted.ALPNProtocols;
  if (wire === undefined) {
    throw new TypeError(`"ssl.ALPNProtocols" must be an array of names or a Buffer, got ${shown(value)}`);
  }
  const names = [];
  for (let at = 0; at < wire.length; at += 1 + wire[at]) {
    if (wire[at] === 0 || at + wire[at] >= wire.length) {
      throw new TypeError('"ssl.ALPNProtocols" must have no empty name, and each behind its length');
    }
    names.push(wire.toString('latin1', at + 1, at + 1 + wire[at]));
  }
  return names;
}

module.exports = { cipherSettings, protocols, versionSettings };
