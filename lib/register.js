'use strict';

// Puts pgfleet in the place of npm's `pg` for everything that this process loads from now on:
//
//   node --require pgfleet/register app.js
//   node --import pgfleet/register app.mjs

const Module = require('node:module');
const { pathToFileURL } = require('node:url');

/**
 * What Node's declarations don't know of, or what isn't in every version.
 *
 * @typedef {object} Loader
 * @property {(request: string, ...rest: unknown[]) => string} _resolveFilename
 * @property {(hooks: { resolve: typeof resolve }) => unknown} [registerHooks]
 * @property {(specifier: URL) => unknown} [register]
 */

const { replacementOf, resolve } = require('./replacement');

const loader = /** @type {typeof Module & Loader} */ (Module);

// What is required, and what is asked of `require.resolve`, by tracers too: hooks don't see these on every Node.
const original = loader._resolveFilename;
loader._resolveFilename = function resolveFilename(
  /** @type {string} */ request,
  /** @type {unknown[]} */ ...rest
) {
  return replacementOf(request, false) ?? original.call(this, request, ...rest);
};

const [major, minor] = process.versions.node.split('.').map(Number);
// On older versions, a tracer that later registers hooks of the other kind fails.
const isSettled = major > 25 || (major === 25 && minor >= 1) || (major === 24 && minor >= 13);
if (typeof loader.registerHooks === 'function' && (isSettled || typeof loader.register !== 'function')) {
  loader.registerHooks({ resolve });
} else if (typeof loader.register === 'function') {
  // Node has this from 20.6 on; before, only what is required can be replaced.
  loader.register(pathToFileURL(require.resolve('./replacement')));
}
