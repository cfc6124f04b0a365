// Whether node_modules holds what package-lock.json asks for, and npm to put it right.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runNpm } from './npm.mjs';
import { root } from './targets.mjs';

/** Installs the packages of package-lock.json unless they are there. */
export function installDependencies(directory = root) {
  const stale = staleDependency(directory);
  if (!stale) return;
  console.log(`pgfleet: npm ci (${stale})`);
  runNpm(['ci', '--no-audit', '--no-fund'], { cwd: directory });
}

/**
 * Compares the lock file with npm's own record of what it installed. Times of files would not do: git gives
 * both files any time it likes, and npm install writes the two in either order.
 *
 * @returns {string | undefined} what is stale
 */
export function staleDependency(directory = root) {
  const installed = readPackages(path.join(directory, 'node_modules', '.package-lock.json'));
  if (!installed) return 'node_modules is missing';
  const wanted = readPackages(path.join(directory, 'package-lock.json')) ?? {};
  for (const [place, entry] of Object.entries(wanted)) {
    if (place === '') continue;
    const there = installed[place];
    // npm leaves out what is optional and made for other platforms.
    if (!there && !entry.optional && !entry.devOptional) return `${place} is missing`;
    if (there && (there.version !== entry.version || there.integrity !== entry.integrity)) {
      return `${place} isn't at ${entry.version}`;
    }
  }
  const extra = Object.keys(installed).find((place) => !wanted[place]);
  return extra && `${extra} isn't in package-lock.json`;
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
