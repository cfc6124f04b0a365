// Programs from npm that only some commands need, and that therefore are no development dependencies: other Nodes, Bun,
// bundlers, other versions of PostgreSQL.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runNpm } from './npm.mjs';

/** Outside of every checkout, whose node_modules would be found from within. */
const TOOLS = path.join(tmpdir(), 'pgfleet-matrix-tools');

/**
 * Installs packages into a folder of their own, unless they are there from an earlier time.
 *
 * @param {string} spec package and version, such as `bun@1`; several are parted by blanks
 * @returns {string} the folder, with `node_modules` in it
 */
export function tool(spec) {
  const folder = path.join(TOOLS, spec.replaceAll(/[^\w@.-]+/g, '_'));
  if (existsSync(path.join(folder, 'node_modules', '.package-lock.json'))) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "private": true }');
  runNpm(['install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error', ...spec.split(' ')], {
    cwd: folder,
    output: 'capture',
  });
  return folder;
}
