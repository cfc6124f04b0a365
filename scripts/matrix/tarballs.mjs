// The tarballs that the matrix installs: what `npm run tarballs` packs.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { readFileSync } from 'node:fs';
import { Failure } from '../failure.mjs';
import { platformManifest } from '../platform-package.mjs';
import { hostTarget, root, targets } from '../targets.mjs';

/**
 * @typedef {object} Tarball
 * @property {Record<string, any>} manifest its package.json
 * @property {string} file empty where the platform isn't built here
 * @property {boolean} isNeeded whether a program on this platform needs it installed
 */

/**
 * @param {string} [folder] where they are already
 * @returns {Tarball[]} those that are here, and the platforms that aren't
 */
export function packTarballs(folder = pack()) {
  const here = readdirSync(folder)
    .filter((name) => name.endsWith('.tgz'))
    .map((name) => path.join(folder, name))
    .map((file) => ({ file, manifest: manifestIn(file) }));
  const names = new Set(here.map(({ manifest }) => manifest.name));
  const main = here.find(({ manifest }) => manifest.name === 'pgfleet');
  const needed = ['pgfleet', hostTarget().packageName];
  for (const name of needed) if (!names.has(name)) throw new Failure(`no tarball of ${name} is in ${folder}`);
  const elsewhere = targets(main?.manifest.napi ? main.manifest : undefined)
    .filter(({ packageName }) => !names.has(packageName))
    .map((target) => ({ file: '', manifest: platformManifest(target) }));
  return [...here, ...elsewhere].map((one) => ({ ...one, isNeeded: needed.includes(one.manifest.name) }));
}

function pack() {
  const folder = mkdtempSync(path.join(tmpdir(), 'pgfleet-matrix-tarballs-'));
  const script = fileURLToPath(new URL('../tarballs.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [script, '--out', folder], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0 || !existsSync(folder)) throw new Failure('packing the tarballs failed');
  return folder;
}

/** package.json of a tarball, with what was added to it for packing. */
function manifestIn(file) {
  const archive = gunzipSync(readFileSync(file));
  for (let at = 0; at < archive.length && archive[at] !== 0;) {
    const text = (start, length) =>
      archive.toString('utf8', at + start, at + start + length).replace(/\0.*$/s, '');
    const size = parseInt(text(124, 12), 8);
    if (text(0, 100) === 'package/package.json')
      return JSON.parse(archive.toString('utf8', at + 512, at + 512 + size));
    at += 512 * (1 + Math.ceil(size / 512));
  }
  throw new Failure(`${file} has no package.json`);
}
