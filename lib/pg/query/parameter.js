'use strict';

const { isDate } = require('node:util/types');

const defaults = require('../settings/defaults');

const MINUTES_PER_HOUR = 60;

/** @param {number} number @param {number} width */
function padded(number, width) {
  return String(number).padStart(width, '0');
}

/**
 * A Date as PostgreSQL reads it: local time with its offset, or UTC. The server knows no year zero, so years before 1
 * are counted from 1 BC.
 *
 * @param {Date} date
 * @param {boolean} utc
 */
function dateText(date, utc) {
  const year = utc ? date.getUTCFullYear() : date.getFullYear();
  const beforeChrist = year < 1;
  const day =
    padded(beforeChrist ? Math.abs(year) + 1 : year, 4) +
    '-' +
    padded((utc ? date.getUTCMonth() : date.getMonth()) + 1, 2) +
    '-' +
    padded(utc ? date.getUTCDate() : date.getDate(), 2);
  const time =
    padded(utc ? date.getUTCHours() : date.getHours(), 2) +
    ':' +
    padded(utc ? date.getUTCMinutes() : date.getMinutes(), 2) +
    ':' +
    padded(utc ? date.getUTCSeconds() : date.getSeconds(), 2) +
    '.' +
    padded(utc ? date.getUTCMilliseconds() : date.getMilliseconds(), 3);
  const eastMinutes = utc ? 0 : -date.getTimezoneOffset();
  const distance = Math.abs(eastMinutes);
  const zone =
    (eastMinutes < 0 ? '-' : '+') +
    padded(Math.floor(distance / MINUTES_PER_HOUR), 2) +
    ':' +
    padded(distance % MINUTES_PER_HOUR, 2);
  return day + 'T' + time + zone + (beforeChrist ? ' BC' : '');
}

/** @param {ArrayBufferView} view */
function bytesOf(view) {
  return view instanceof Buffer ? view : Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** @param {string} text */
function quotedElement(text) {
  return '"' + text.replace(/\\/g, '\\\\').replace(/"/g, '\\"') + '"';
}

/**
 * Whether an element has nothing to escape. Two searches cost less than two replacements.
 *
 * @param {unknown} item
 */
function isPlain(item) {
  return typeof item === 'string' ? !item.includes('"') && !item.includes('\\') : typeof item === 'number';
}

/**
 * A JavaScript array as an array literal with commas, the delimiter of every built-in type but `box`.
 *
 * @param {unknown[]} array
 * @returns {string}
 */
function arrayLiteral(array) {
  let literal = '{';
  for (let i = 0; i < array.length; i++) {
    if (i > 0) literal += ',';
    const item = array[i];
    if (isPlain(item)) literal += '"' + item + '"';
    else if (item == null) literal += 'NULL';
    else if (Array.isArray(item)) literal += arrayLiteral(item);
    else if (ArrayBuffer.isView(item)) literal += '\\\\x' + bytesOf(item).toString('hex');
    else literal += quotedElement(/** @type {string} */ (prepare(item, undefined)));
  }
  return literal + '}';
}

/**
 * @param {{ toPostgres?: unknown }} object
 * @param {object[] | undefined} seen the objects whose `toPostgres` led here
 */
function prepareObject(object, seen) {
  if (typeof object.toPostgres !== 'function') return JSON.stringify(object);
  const chain = seen || [];
  if (chain.includes(object)) {
    throw new Error('circular reference detected while preparing "' + object + '" for query');
  }
  chain.push(object);
  // `toPostgres` gets the function that also takes the chain, so that a cycle through it is found.
  return prepare(object.toPostgres(prepare), chain);
}

/**
 * @param {unknown} value
 * @param {object[]} [seen]
 * @returns {string | Buffer | null}
 */
function prepare(value, seen) {
  if (value == null) return null;
  if (typeof value !== 'object')
    return /** @type {string | number | boolean | bigint | symbol} */ (value).toString();
  if (ArrayBuffer.isView(value)) return bytesOf(value);
  if (isDate(value)) return dateText(value, defaults.parseInputDatesAsUTC);
  if (Array.isArray(value)) return arrayLiteral(value);
  return prepareObject(value, seen);
}

/**
 * The form in which a JavaScript value goes to the server, by node-postgres's rules.
 *
 * @param {unknown} value
 * @returns {string | Buffer | null}
 */
function prepareValue(value) {
  return prepare(value, undefined);
}

/** The most values that the protocol's Int16 count can say. */
const MOST_VALUES = 65_535;

/**
 * @param {number} count
 * @returns {TypeError}
 */
function tooMany(count) {
  /** @type {TypeError & { code?: string }} */
  const error = new TypeError(
    `A query can have at most ${MOST_VALUES} values, and this one has ${count}. Pass arrays and use unnest() instead.`,
  );
  error.code = '08P01';
  return error;
}

/**
 * @param {unknown[]} values
 * @returns {(string | Buffer | null)[]}
 * @throws whatever a value's `toPostgres`, `toJSON` or `toString` throws
 */
function prepareValues(values) {
  const count = values.length;
  if (count > MOST_VALUES) throw tooMany(count);
  const prepared = new Array(count);
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (typeof value === 'string') {
      prepared[i] = value;
    } else {
      const form = prepare(value, undefined);
      // JSON.stringify gives undefined for an object whose toJSON does; the wire knows only null.
      prepared[i] = form === undefined ? null : form;
    }
  }
  return prepared;
}

module.exports = { MOST_VALUES, prepareValue, prepareValues, tooMany };
