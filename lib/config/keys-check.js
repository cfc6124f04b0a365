'use strict';

const { shownWithoutText } = require('../pg/settings/option');
const { shown } = require('../pg/settings/settings');
const { nearest } = require('./nearest');

/**
 * A place in a configuration, as messages name it.
 *
 * @typedef {object} Place
 * @property {string} file whose configuration it is
 * @property {string} path of keys; empty for the whole
 */

/**
 * @param {Place} place
 * @param {string} key
 * @returns {Place}
 */
function below(place, key) {
  const name = /^[\w$]+$/.test(key) ? key : shown(key);
  return { ...place, path: place.path === '' ? name : `${place.path}.${name}` };
}

/** @param {Place} place */
function nameOf({ file, path }) {
  return path === '' ? file : `"${path}" in ${file}`;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>} whether it is an object with keys of its own, and no instance of a class
 */
function isPlainObject(value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/**
 * @param {unknown} value
 * @param {Place} place
 * @param {Iterable<string>} [known] the keys that it may have; any when they aren't given
 * @returns {Record<string, unknown>} the same
 * @throws {TypeError} for what is no object, and for an unknown key, with the nearest known one
 */
function objectAt(value, place, known) {
  if (!isPlainObject(value)) {
    throw new TypeError(`${nameOf(place)} must be an object, got ${shownWithoutText(value)}`);
  }
  if (known === undefined) return value;
  const names = new Set(known);
  for (const key of Object.keys(value)) {
    if (!names.has(key)) throw unknownKey(key, place, names);
  }
  return value;
}

/**
 * @param {string} key
 * @param {Place} place
 * @param {Iterable<string>} known
 * @param {string} [what] it is
 */
function unknownKey(key, place, known, what = 'key') {
  const advice = nearest(key, known);
  const nearby = advice === undefined ? '' : `; the nearest known one is ${shown(advice)}`;
  return new TypeError(`Unknown ${what} ${shown(key)} in ${nameOf(place)}${nearby}`);
}

/**
 * @param {unknown} value
 * @param {Place} place
 * @returns {string[]} the same
 * @throws {TypeError}
 */
function wordsAt(value, place) {
  if (Array.isArray(value) && value.every((word) => typeof word === 'string' && word !== '')) return value;
  throw new TypeError(`${nameOf(place)} must be an array of strings that aren't empty`);
}

/**
 * Refuses options that a call doesn't know: a limit whose name is misspelt would be none.
 *
 * @param {unknown} given any value that isn't an object has none
 * @param {string[]} known
 * @param {string} call as programs name it
 * @throws {TypeError} that names the nearest known option
 */
function checkOptionNames(given, known, call) {
  if (given === null || typeof given !== 'object') return;
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    throw new TypeError(
      `Unknown option ${shown(name)} of ${call}; the nearest known one is ${shown(nearest(name, known))}`,
    );
  }
}

module.exports = { below, checkOptionNames, isPlainObject, nameOf, objectAt, unknownKey, wordsAt };
