'use strict';

const { readConnectionText } = require('./connection-text');
const { ALIASES } = require('./expansion');

/** @typedef {import('./expansion').DatabaseConfig} DatabaseConfig */

/** What says by itself which server is meant. */
const SERVER = ['connectionString', 'url', 'ref', 'dbHost', 'host'];

/** Keys that say the same. */
const SAME = [...ALIASES, ['connectionString', 'url']];

/**
 * A database's configuration over the defaults: what it says in one of two words isn't said by the defaults in the
 * other, and a server of its own isn't the defaults' in any.
 *
 * @param {DatabaseConfig} config
 * @param {DatabaseConfig} defaults
 * @returns {DatabaseConfig}
 */
function withDefaults(config, defaults) {
  const said = (/** @type {string} */ key) => config[key] !== undefined;
  const inherited = { ...defaults };
  const passedOver = [...SAME, SERVER].filter((keys) => keys.some(said)).flat();
  for (const key of passedOver) delete inherited[key];
  if (ALIASES.flat().some(said)) openConnectionText(inherited);
  // Those that were in the text.
  for (const key of passedOver) delete inherited[key];
  return { ...inherited, ...defined(config) };
}

/**
 * Takes a connection string apart: as a whole it would win over what the database says.
 *
 * @param {DatabaseConfig} inherited
 */
function openConnectionText(inherited) {
  const text = inherited.connectionString ?? inherited.url;
  if (typeof text !== 'string') return;
  try {
    Object.assign(inherited, readConnectionText(text));
  } catch {
    // What is wrong with it is said when it is used.
    return;
  }
  delete inherited.connectionString;
  delete inherited.url;
}

/** @param {DatabaseConfig} config */
function defined(config) {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

module.exports = { withDefaults };
