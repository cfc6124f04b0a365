'use strict';

const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

/**
 * Where a package that the program installs may be found: beside this package, and where this one is a link, beside
 * the program.
 */
function places() {
  const program = process.argv[1];
  return [
    __filename,
    ...(program === undefined ? [] : [path.resolve(program)]),
    path.join(process.cwd(), 'index.js'),
  ];
}

/**
 * An optional package, found but not loaded.
 *
 * @param {string} name
 * @param {string} use what needs it, as the subject of a sentence
 * @returns {{ file: string, load: NodeJS.Require }}
 * @throws {Error} with code `MODULE_NOT_FOUND` that says what to install
 */
function findPeer(name, use) {
  let missing;
  for (const place of places()) {
    const load = createRequire(place);
    try {
      return { file: load.resolve(name), load };
    } catch (error) {
      missing = error;
    }
  }
  const message = `${use} needs the package ${name}, which isn't installed: run npm install ${name}`;
  throw Object.assign(new Error(message, { cause: missing }), { code: 'MODULE_NOT_FOUND' });
}

/**
 * An optional package, loaded at its first use.
 *
 * @param {string} name
 * @param {string} use what needs it, as the subject of a sentence
 * @returns {unknown}
 * @throws {Error} that says what to install
 */
function requirePeer(name, use) {
  return findPeer(name, use).load(name);
}

/**
 * An optional package that may be an ES module, loaded at its first use.
 *
 * @param {string} name
 * @param {string} use what needs it, as the subject of a sentence
 * @returns {Promise<unknown>}
 * @throws {Error} that says what to install
 */
async function importPeer(name, use) {
  const url = pathToFileURL(findPeer(name, use).file).href;
  // Bundlers can't know the place, so they leave the import as it is.
  return await import(/* webpackIgnore: true */ /* @vite-ignore */ url);
}

module.exports = { importPeer, requirePeer };
