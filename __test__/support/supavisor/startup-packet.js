'use strict';

const PROTOCOL_BYTES = 4;

/**
 * What Supavisor makes of a start-up packet. Everything else in it is dropped without a word.
 *
 * @typedef {object} Startup
 * @property {Record<string, string>} parameters the packet's own, all of them
 * @property {string} user as it was sent
 * @property {string} role the user without its tenant
 * @property {string | undefined} ref the tenant, when one is named
 * @property {string} database
 * @property {string | undefined} applicationName
 * @property {string | undefined} searchPath
 * @property {boolean} jit
 */

/**
 * @param {Buffer} body a start-up packet without its length
 * @returns {Startup}
 */
function parseStartup(body) {
  const parameters = pairs(body.subarray(PROTOCOL_BYTES));
  const options = parseOptions(parameters.options ?? '');
  const user = parameters.user ?? '';
  const { role, ref } = splitUser(user, options.reference);
  return {
    parameters,
    user,
    role,
    ref,
    database: parameters.database || role,
    applicationName: parameters.application_name,
    searchPath: parameters.search_path ?? options.search_path,
    jit: options.jit === 'true',
  };
}

/** @param {Buffer} bytes */
function pairs(bytes) {
  const strings = bytes.toString('utf8').split('\0');
  /** @type {Record<string, string>} */
  const found = {};
  for (let at = 0; strings[at]; at += 2) found[strings[at]] = strings[at + 1] ?? '';
  return found;
}

/**
 * Reads `-c key=value` and `--key=value`. Only a text without any of these is read as a query string.
 *
 * @param {string} text
 * @returns {Record<string, string>}
 */
function parseOptions(text) {
  const found = [...text.matchAll(/(?:^|\s)(?:-c\s*|--)([^\s=]+)=(\S*)/g)];
  if (found.length > 0) return Object.fromEntries(found.map(([, key, value]) => [key, value]));
  return Object.fromEntries(new URLSearchParams(text.trim()));
}

/**
 * @param {string} user
 * @param {string | undefined} reference
 */
function splitUser(user, reference) {
  if (reference) return { role: user, ref: reference };
  const cluster = user.split('.cluster.');
  if (cluster.length === 2) return { role: cluster[0], ref: cluster[1] };
  const dot = user.lastIndexOf('.');
  return dot < 0 ? { role: user, ref: undefined } : { role: user.slice(0, dot), ref: user.slice(dot + 1) };
}

/** Names of roles and databases: 1 to 63 bytes, printable. */
function isName(name) {
  const length = Buffer.byteLength(name);
  return length >= 1 && length <= 63 && !/[\p{Cc}]/u.test(name);
}

module.exports = { isName, parseOptions, parseStartup };
