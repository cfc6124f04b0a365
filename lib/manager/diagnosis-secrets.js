'use strict';

// Messages about a configuration, without what may be a secret in the wrong place.

const { withCarried } = require('../pg/settings/secret');

/** How names and numbers are written, unless they begin as keys and tokens do. */
const NAME = /^(?!eyJ|sb_|sbp_|ghp_)[\w.-]{1,63}$/;

/** How paths of files are written: with a folder or an ending, and no longer than people write them. */
const FILE = /^(?=.*[/\\.])(?:[A-Za-z]:)?[\w.~ /\\@-]{1,120}$/;

/** An ending of base64, of which keys are made, has the letters of a path. */
const ENDING = /\.\w{1,8}$/;

/** What is too short to be a secret, and stands in other words. */
const SHORT = 3;

/** Objects in objects: options of TLS, references. */
const DEPTH = 3;

/**
 * The message of an error that a configuration was refused with. Values of that configuration are left out which don't
 * have the form of a name, a number or a file.
 *
 * @param {unknown} error
 * @param {unknown} config
 * @returns {string}
 */
function withoutValues(error, config) {
  const { message, path } = /** @type {Record<string, unknown>} */ (Object(error));
  const said = typeof message === 'string' ? message : String(error);
  const values = new Set([...textsOf(path, 0), ...textsOf(config, DEPTH)].filter(isOdd));
  // What contains another goes first.
  const byLength = [...values].sort((one, other) => other.length - one.length);
  return byLength.reduce((text, value) => text.replaceAll(value, () => '…'), said);
}

/**
 * @param {string} value
 * @returns {boolean} whether it may be more than a name, a number or a file
 */
function isOdd(value) {
  if (value.trim().length < SHORT || NAME.test(value)) return false;
  return !(
    FILE.test(value) &&
    (ENDING.test(value) || value.split(/[/\\]/).every((part) => part.length < 40))
  );
}

/**
 * @param {unknown} value
 * @param {number} depth
 * @returns {string[]} the texts in it, as they are and as they stand in a message in quotes
 */
function textsOf(value, depth) {
  if (typeof value === 'string') return [...formsOf(value), ...partsOf(value).flatMap(formsOf)];
  if (value === null || typeof value !== 'object' || depth === 0) return [];
  const whole = Array.isArray(value) ? value : withCarried(/** @type {Record<string, unknown>} */ (value));
  return Object.keys(whole).flatMap((name) => textsOf(read(whole, name), depth - 1));
}

/**
 * @param {Record<string, unknown> | unknown[]} object
 * @param {string} name
 * @returns {unknown} the property; nothing where the program's own accessor throws
 */
function read(object, name) {
  try {
    return /** @type {Record<string, unknown>} */ (object)[name];
  } catch {
    return undefined;
  }
}

/** @param {string} text */
function formsOf(text) {
  return [text, JSON.stringify(text).slice(1, -1)];
}

/**
 * @param {string} text
 * @returns {string[]} the values in a connection string, read; the others of its parts as well
 */
function partsOf(text) {
  const pieces = [...text.split(/[?&]/), ...text.split(/[?&#=:/@]/)];
  const values = pieces.map((piece) => piece.slice(piece.indexOf('=') + 1));
  return [...pieces, ...values].map(decoded);
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    // It wasn't encoded.
    return text;
  }
}

module.exports = { withoutValues };
