'use strict';

const { shown } = require('../pg/settings/option');

/** @typedef {'tags' | 'groups'} Kind */

/**
 * What databases are selected by besides their names; nothing of their connections depends on it.
 *
 * @type {Kind[]}
 */
const KINDS = ['tags', 'groups'];

/**
 * @param {string} key
 * @returns {key is Kind}
 */
function isLabels(key) {
  return KINDS.includes(/** @type {Kind} */ (key));
}

/**
 * The tags or groups of a database.
 *
 * @param {unknown} config
 * @param {Kind} kind
 * @returns {string[]} a copy; empty where there are none, or what is given isn't a list of names
 */
function labels(config, kind) {
  const given = Object(config)[kind];
  return isListOfNames(given) ? [...given] : [];
}

/**
 * @param {unknown} config
 * @throws {TypeError} for tags and groups that aren't lists of names
 */
function checkLabels(config) {
  for (const kind of KINDS) {
    const given = Object(config)[kind];
    if (given !== undefined && given !== null && !isListOfNames(given)) {
      throw new TypeError(`"${kind}" must be an array of strings that aren't empty, got ${shown(given)}`);
    }
  }
}

/**
 * Labels as variables and columns have them.
 *
 * @param {string} text with commas between them
 * @returns {string[]}
 */
function readLabels(text) {
  return text
    .split(',')
    .map((label) => label.trim())
    .filter(Boolean);
}

/**
 * @param {unknown} given
 * @returns {given is string[]}
 */
function isListOfNames(given) {
  return Array.isArray(given) && given.every((name) => typeof name === 'string' && name !== '');
}

module.exports = { KINDS, checkLabels, isLabels, labels, readLabels };
