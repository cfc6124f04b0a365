// Refuses circles of files: a file must not need itself by way of others.
//
//   node scripts/circles.mjs [folder]

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { javascriptImports } from './imports-javascript.mjs';
import { rustImports } from './imports-rust.mjs';
import { isShipped, readSources } from './layers.mjs';
import { root } from './targets.mjs';

/**
 * @param {string} directory the package's folder
 * @returns {string[]} a paragraph for each circle: its files, and what each takes from the next
 */
export function circles(directory) {
  const sources = readSources(directory);
  const imports = [
    ...rustImports(sources.filter(({ file }) => /^src\/.*\.rs$/.test(file))),
    ...javascriptImports(sources.filter(({ file }) => isShipped(file))),
  ];
  return strongComponents(imports).map((files) => describe(files, imports));
}

function describe(files, imports) {
  const arrows = new Map();
  for (const { file, used, name } of imports) {
    if (!files.includes(file) || !files.includes(used)) continue;
    const arrow = `${file} -> ${used}`;
    arrows.set(arrow, (arrows.get(arrow) ?? new Set()).add(name));
  }
  const lines = [...arrows].map(([arrow, names]) => `  ${arrow}: ${[...names].sort().join(', ')}`).sort();
  return [`circle of ${files.length} files:`, ...lines].join('\n');
}

/**
 * Tarjan's algorithm: files that reach each other.
 *
 * @param {import('./imports-rust.mjs').Import[]} imports
 * @returns {string[][]} components of two files and more
 */
function strongComponents(imports) {
  const edges = new Map();
  for (const { file, used } of imports) edges.set(file, [...(edges.get(file) ?? []), used]);
  const order = new Map();
  const lowest = new Map();
  const stack = [];
  const found = [];
  const visit = (file) => {
    order.set(file, order.size);
    lowest.set(file, order.get(file));
    stack.push(file);
    for (const next of edges.get(file) ?? []) {
      if (!order.has(next)) {
        visit(next);
        lowest.set(file, Math.min(lowest.get(file), lowest.get(next)));
      } else if (stack.includes(next)) {
        lowest.set(file, Math.min(lowest.get(file), order.get(next)));
      }
    }
    if (lowest.get(file) === order.get(file)) {
      const component = stack.splice(stack.indexOf(file));
      if (component.length > 1) found.push(component.sort());
    }
  };
  for (const file of edges.keys()) if (!order.has(file)) visit(file);
  return found;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const found = circles(path.resolve(process.argv[2] ?? root));
  for (const circle of found) console.error(circle);
  process.exitCode = found.length ? 1 : 0;
}
