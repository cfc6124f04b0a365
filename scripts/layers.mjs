// Holds the order of the layers: a file uses its own layer and layers to its left, never to its right.
//
//   node scripts/layers.mjs [folder]

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { javascriptViolations } from './layers-javascript.mjs';
import { rustViolations } from './layers-rust.mjs';
import { root } from './targets.mjs';

/** Layers of src/, from left to right. */
export const RUST_LAYERS = [
  'error',
  'clock',
  'sql',
  'supabase',
  'config',
  'wire',
  'rows',
  'conn',
  'pool',
  'ddl',
  'diagnose',
  'migrate',
  'manager',
  'node',
];

/** What a layer of src/ may not name at all, and why. */
export const RUST_BANS = [
  { crates: /^napi(_\w+)?$/, except: ['node'], why: 'only src/node/ names napi' },
  {
    crates: /^tokio(_util|_native_tls|_openssl)?$/,
    only: ['error', 'sql', 'supabase', 'wire', 'rows'],
    why: 'this layer does no I/O',
  },
  { crates: /^clock$/, only: ['sql', 'supabase', 'wire', 'rows'], why: 'this layer knows no clock' },
];

/** Layers of the JavaScript, from left to right: the first pattern that a file matches is its layer. */
export const JAVASCRIPT_LAYERS = [
  { name: 'platform', files: /^lib\/native\/platform\.js$/ },
  { name: 'native', files: /^native\.js$/ },
  { name: 'errors', files: /^lib\/(errors|texts)\.js$/ },
  { name: 'timers', files: /^lib\/(timers|version|native\/kept-addon)\.js$/ },
  { name: 'rows', files: /^lib\/rows\// },
  { name: 'binding', files: /^lib\/native\/(binding|questions)\.js$/ },
  { name: 'pg', files: /^lib\/pg\// },
  { name: 'sql', files: /^lib\/sql\// },
  { name: 'streams', files: /^lib\/streams\// },
  { name: 'config', files: /^lib\/config\// },
  { name: 'manager', files: /^lib\/manager\// },
  { name: 'index', files: /^index\.js$/ },
  {
    name: 'surface',
    files: /^(index\.mjs|lib\/register\.js|lib\/replacement\.js|services\/|cli\/|examples\/)/,
  },
];

/** Files that only one other file may require. */
export const JAVASCRIPT_PRIVATE = [{ file: 'native.js', keeper: 'lib/native/binding.js' }];

/**
 * @param {string} directory the package's folder
 * @returns {string[]} one line for each violation: file, line, what is wrong
 */
export function violations(directory) {
  const sources = readSources(directory);
  const rust = sources.filter(({ file }) => /^src\/.*\.rs$/.test(file));
  const javascript = sources.filter(({ file }) => isShipped(file));
  return [
    ...rust.flatMap((source) => rustViolations(source, RUST_LAYERS, RUST_BANS)),
    ...javascript.flatMap((source) => javascriptViolations(source, JAVASCRIPT_LAYERS, JAVASCRIPT_PRIVATE)),
  ].map(({ file, line, what }) => `${file}:${line}: ${what}`);
}

/**
 * @param {string} directory the package's folder
 * @returns {{ file: string, text: string }[]} its Rust and its shipped JavaScript
 */
export function readSources(directory) {
  return read(directory, (file) => /^src\/.*\.rs$/.test(file) || isShipped(file));
}

/**
 * @param {string} directory the package's folder
 * @returns {{ file: string, text: string }[]} the declarations of types beside its JavaScript
 */
export function readDeclarations(directory) {
  return read(directory, (file) => /^lib\/.*\.d\.ts$/.test(file));
}

/** @param {string} file below the package's folder */
export function isShipped(file) {
  return /^(lib|services|cli|examples)\/.*\.m?js$|^[^/]+\.m?js$/.test(file);
}

function read(directory, isWanted) {
  return filesBelow(directory, '')
    .filter(isWanted)
    .map((file) => ({ file, text: readFileSync(path.join(directory, file), 'utf8') }));
}

function filesBelow(directory, place) {
  return readdirSync(path.join(directory, place), { withFileTypes: true }).flatMap((entry) => {
    const inner = place ? `${place}/${entry.name}` : entry.name;
    if (!entry.isDirectory()) return [inner];
    const isForeign = entry.name.startsWith('.') || ['node_modules', 'target'].includes(entry.name);
    return isForeign ? [] : filesBelow(directory, inner);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = violations(path.resolve(process.argv[2] ?? root));
  for (const line of found) console.error(line);
  process.exitCode = found.length ? 1 : 0;
}
