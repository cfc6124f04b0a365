'use strict';

const path = require('node:path');
const { pathToFileURL } = require('node:url');

/** A package that is called `pg`, with pg's version, whose files lead to ours: tracers look for its name. */
const STAND_IN = path.join(__dirname, '../stand-in/node_modules/pg');

/** Files of pg's `lib` that libraries reach into, and their counterparts in `lib/pg`. */
const FILES = new Map([
  ['client', 'client/client'],
  ['connection', 'client/connection'],
  ['connection-parameters', 'settings/connection-parameters'],
  ['defaults', 'settings/defaults'],
  ['index', 'index'],
  ['query', 'query/query'],
  ['result', 'query/result'],
  ['type-overrides', 'query/type-overrides'],
  ['utils', 'query/utils'],
]);

/**
 * The file that stands for a module of npm's `pg`.
 *
 * @param {string} specifier as it was required or imported
 * @param {boolean} isImport whether an ES module asks
 * @returns {string | undefined} a path; undefined when the specifier means something else
 */
function replacementOf(specifier, isImport) {
  if (specifier === 'pg') return path.join(STAND_IN, isImport ? 'esm/index.mjs' : 'lib/index.js');
  if (specifier === 'pg/package.json') return path.join(STAND_IN, 'package.json');
  if (typeof specifier !== 'string' || !specifier.startsWith('pg/lib/')) return undefined;
  const name = specifier.slice('pg/lib/'.length).replace(/\.js$/, '');
  return FILES.has(name) ? path.join(STAND_IN, `lib/${name}.js`) : undefined;
}

/**
 * The `resolve` hook of `node:module`, for both of its ways to register one.
 *
 * @param {string} specifier
 * @param {C} context
 * @template R
 * @template {{ conditions?: readonly string[] }} C
 * @param {(specifier: string, context: C) => R} nextResolve
 * @returns {R | { url: string, shortCircuit: true }}
 */
function resolve(specifier, context, nextResolve) {
  const isImport = context.conditions === undefined || !context.conditions.includes('require');
  const file = replacementOf(specifier, isImport);
  if (file === undefined) return nextResolve(specifier, context);
  return { url: pathToFileURL(file).href, shortCircuit: true };
}

module.exports = { FILES, replacementOf, resolve };
