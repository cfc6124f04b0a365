'use strict';

/** @typedef {import('./addon').Addon} Addon */

const version = require('../version');

/** Some bundlers don't define `__dirname`. */
const directory = typeof __dirname === 'string' ? __dirname : '';

/** A symbol of the whole process, so that this file finds it again when it is loaded anew. */
const KEY = Symbol.for(`pgfleet ${version} in ${directory}`);

/**
 * The addon, loaded once for each global object. Programs that empty their module registry (tests do, again and again)
 * load this package anew each time, but what Node has set up for an addon it keeps until the thread ends.
 *
 * @param {() => Addon} load
 * @returns {Addon}
 */
function keptAddon(load) {
  const realm = /** @type {Record<symbol, Addon>} */ (globalThis);
  if (realm[KEY] === undefined) Object.defineProperty(realm, KEY, { value: load() });
  return realm[KEY];
}

module.exports = { keptAddon };
