'use strict';

// Values of options: checked, brought into one form, and shown in messages.

const { isLikeConnectionString } = require('./secret');

/**
 * Whether a text could be a connection string, with a password in it.
 *
 * @param {string} value
 */
function isLikeUrl(value) {
  return value.includes('://') || value.includes('@');
}

/**
 * Whether an option says anything: an empty text is that of a variable that isn't set.
 *
 * @param {unknown} value
 */
function isGiven(value) {
  return value !== undefined && value !== null && value !== '';
}

/**
 * A value as it may stand in a message: strings quoted; long ones, those that may hold a password, and objects only by
 * their kind.
 *
 * @param {unknown} value
 */
function shown(value) {
  if (typeof value === 'string') {
    const isOpen = value.length <= 40 && !isLikeUrl(value) && !isLikeConnectionString(value);
    return isOpen ? JSON.stringify(value) : 'a string';
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

/**
 * As {@link shown}, of what may be a secret in the wrong place.
 *
 * @param {unknown} value
 */
function shownWithoutText(value) {
  return typeof value === 'string' ? 'a string' : shown(value);
}

/**
 * @param {string} name
 * @param {unknown} value
 * @returns {string}
 */
function text(name, value) {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') throw new TypeError(`"${name}" must be a string, got ${shown(value)}`);
  if (value.includes('\0')) throw new TypeError(`"${name}" must not contain a zero byte`);
  return value;
}

/**
 * The name of something, as it goes to the server and into messages.
 *
 * @param {string} name of the option
 * @param {unknown} value
 * @throws {TypeError} for a connection string in its place, which is not shown
 */
function nameText(name, value) {
  if (isLikeConnectionString(value)) {
    throw new TypeError(`"${name}" looks like a connection string; pass that as "connectionString"`);
  }
  return text(name, value);
}

/**
 * A count or a duration. Numeric strings are taken, and what JavaScript calls false (and NaN) means "not set", since
 * programs pass `parseInt(process.env.X)` and node-postgres lets them.
 *
 * @param {string} name
 * @param {unknown} value
 * @param {number} [fallback]
 * @returns {number} Infinity is allowed
 * @throws {TypeError}
 */
function amount(name, value, fallback = 0) {
  if (!value) return fallback;
  const isNumeric = typeof value === 'bigint' || (typeof value === 'string' && value.trim() !== '');
  const number = isNumeric ? Number(value) : value;
  if (typeof number !== 'number' || Number.isNaN(number) || number < 0) {
    throw new TypeError(`"${name}" must be a number that isn't negative, got ${shown(value)}`);
  }
  return number;
}

/** The most rows that the protocol's Int32 can ask for. */
const MOST_ROWS = 2 ** 31 - 1;

/**
 * @param {unknown} rows of a page; what is no number asks for all of them, as in node-postgres
 * @returns {number} 0 is all
 * @throws {TypeError} for a number below zero
 */
function pageSize(rows) {
  const count = Number(rows);
  if (count < 0) throw new TypeError(`"rows" must be a number that isn't negative, got ${shown(rows)}`);
  return count > 0 ? Math.min(Math.floor(count), MOST_ROWS) : 0;
}

/**
 * A switch that node-postgres doesn't have, so that no program relies on what counts as true there.
 *
 * @param {string} name
 * @param {unknown} value undefined and null are `otherwise`
 * @param {boolean} [otherwise]
 * @returns {boolean}
 * @throws {TypeError}
 */
function flag(name, value, otherwise = false) {
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== 'boolean') throw new TypeError(`"${name}" must be true or false, got ${shown(value)}`);
  return value;
}

/**
 * @param {unknown} value
 * @param {string} [name]
 * @returns {number}
 * @throws {TypeError}
 */
function port(value, name = 'port') {
  const number = typeof value === 'string' && /^\s*\d+\s*$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 65535) {
    // Where the parts of a connection are mixed up, this may be the password.
    const got = typeof value === 'string' && !/^[\s\d.+-]*$/.test(value) ? 'a text' : shown(value);
    throw new TypeError(`"${name}" must be a whole number from 1 to 65535, got ${got}`);
  }
  return number;
}

/**
 * @template {string} T
 * @param {string} name
 * @param {unknown} value
 * @param {readonly T[]} allowed
 * @returns {T}
 * @throws {TypeError}
 */
function oneOf(name, value, allowed) {
  const word = /** @type {T} */ (value);
  if (!allowed.includes(word)) {
    throw new TypeError(`"${name}" must be one of ${allowed.join(', ')}, got ${shown(value)}`);
  }
  return word;
}

module.exports = {
  amount,
  flag,
  isGiven,
  isLikeUrl,
  nameText,
  oneOf,
  pageSize,
  port,
  shown,
  shownWithoutText,
  text,
};
