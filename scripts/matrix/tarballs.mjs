// The tarballs that the matrix installs: what `npm run tarballs` packs.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Failure } from '../failure.mjs';
import { runNpm } from '../npm.mjs';
import { platformManifest } from '../platform-package.mjs';
import { hostTarget, root, targets } from '../targets.mjs';

/**
 * @typedef {object} Tarball
 * @property {Record<string, any>} manifest its package.json
 * @property {string} file
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
  const needed = ['pgfleet', hostTarget().packageName];
  for (const name of needed) if (!names.has(name)) throw new Failure(`no tarball of ${name} is in ${folder}`);
  const elsewhere = packEmpty(targets().filter(({ packageName }) => !names.has(packageName)));
  return [...here, ...elsewhere].map((one) => ({ ...one, isNeeded: needed.includes(one.manifest.name) }));
}

/**
 * Packages of platforms that aren't built here, without an addon: some installers fetch them all, and then leave them
 * out.
 */
function packEmpty(platforms) {
  const folder = mkdtempSync(path.join(tmpdir(), 'pgfleet-matrix-tarballs-'));
  const manifests = platforms.map((target) => platformManifest(target));
  for (const manifest of manifests) {
    mkdirSync(path.join(folder, manifest.name));
    writeFileSync(path.join(folder, manifest.name, 'package.json'), JSON.stringify(manifest));
  }
  const packages = manifests.map(({ name }) => `./${name}`);
  if (packages.length > 0) runNpm(['pack', '--silent', ...packages], { cwd: folder, output: 'capture' });
  return manifests.map((manifest) => ({
    manifest,
    file: path.join(folder, `${manifest.name}-${manifest.version}.tgz`),
  }));
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
