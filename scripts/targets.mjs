// The platforms that pgfleet is built for: read from package.json, the one place that lists them.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const { platformName } = createRequire(import.meta.url)('../lib/native/platform.js');

/** The package's own folder. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const ARCHITECTURES = { x86_64: 'x64', aarch64: 'arm64' };
const SYSTEMS = {
  'unknown-linux-gnu': { platform: 'linux', abi: 'gnu', libc: 'glibc', prefix: 'lib', suffix: '.so' },
  'unknown-linux-musl': { platform: 'linux', abi: 'musl', libc: 'musl', prefix: 'lib', suffix: '.so' },
  'apple-darwin': { platform: 'darwin', prefix: 'lib', suffix: '.dylib' },
  'pc-windows-msvc': { platform: 'win32', abi: 'msvc', prefix: '', suffix: '.dll' },
};

/**
 * One platform of the package.
 *
 * @typedef {object} Target
 * @property {string} triple as Rust calls it
 * @property {string} name as npm packages call it, such as `linux-x64-gnu`
 * @property {string} platform `process.platform`
 * @property {string} arch `process.arch`
 * @property {string | undefined} libc what npm's `libc` field says: glibc, musl or nothing
 * @property {string} library file that cargo makes
 * @property {string} file the addon in the package's own folder
 * @property {string} packageName the npm package that holds it
 */

/** @returns {Record<string, any>} package.json */
export function readManifest() {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
}

/**
 * Where the project is to be found. package.json is the one place that says it; what is empty there is left out.
 *
 * @returns {Record<string, any>} fields of a package.json
 */
export function addresses({ repository, homepage, bugs } = readManifest()) {
  return {
    ...(repository?.url && { repository }),
    ...(homepage && { homepage }),
    ...(bugs?.url && { bugs }),
  };
}

/** @returns {Target[]} every platform, in the order of package.json */
export function targets(manifest = readManifest()) {
  const { binaryName, targets: triples } = manifest.napi;
  return triples.map((triple) => {
    const [, cpu, rest] = /^([^-]+)-(.+)$/.exec(triple) ?? [];
    const system = SYSTEMS[rest];
    const arch = ARCHITECTURES[cpu];
    if (!system || !arch) throw new Error(`package.json names a target that isn't known: ${triple}`);
    const name = [system.platform, arch, system.abi].filter(Boolean).join('-');
    return {
      triple,
      name,
      platform: system.platform,
      arch,
      libc: system.libc,
      library: `${system.prefix}${binaryName}${system.suffix}`,
      file: `${binaryName}.${name}.node`,
      packageName: `${manifest.name}-${name}`,
    };
  });
}

/** @returns {Target} the platform that this process runs on */
export function hostTarget() {
  const name = platformName();
  const found = targets().find((target) => target.name === name);
  if (!found) {
    const known = targets().map((target) => target.name);
    throw new Error(`pgfleet has no build for ${name}; it has builds for ${known.join(', ')}`);
  }
  return found;
}
