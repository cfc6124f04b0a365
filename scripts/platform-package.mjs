// The npm package that holds the addon of one platform: npm/<platform>, made by the build.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { addresses, readManifest, root } from './targets.mjs';

/** What is linked into the addons, and under which licences; scripts/notices.mjs writes it. */
export const NOTICES = 'THIRD-PARTY-NOTICES.md';

/**
 * Puts a freshly built addon into its package.
 *
 * @param {import('./targets.mjs').Target} target
 * @returns {string} the package's folder
 */
export function writePlatformPackage(target) {
  const directory = path.join(root, 'npm', target.name);
  mkdirSync(directory, { recursive: true });
  copyFileSync(path.join(root, target.file), path.join(directory, target.file));
  for (const name of ['LICENSE', NOTICES]) copyFileSync(path.join(root, name), path.join(directory, name));
  const manifest = platformManifest(target);
  writeFileSync(path.join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(path.join(directory, 'README.md'), `# ${manifest.name}\n\n${manifest.description}.\n`);
  return directory;
}

/**
 * @param {import('./targets.mjs').Target} target
 * @returns {Record<string, any>} package.json of the platform's package
 */
export function platformManifest(target, main = readManifest()) {
  const { name, version, license, author, engines } = main;
  return {
    name: target.packageName,
    version,
    description: `The native part of ${name} for ${target.name}; npm installs it along with ${name}`,
    license,
    author,
    ...addresses(main),
    main: target.file,
    files: [target.file, NOTICES],
    engines,
    os: [target.platform],
    cpu: [target.arch],
    ...(target.libc && { libc: [target.libc] }),
  };
}
