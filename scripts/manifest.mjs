// Gives package.json, for as long as npm packs it, the platform packages as optional dependencies.
//
// They can't stand in package.json itself: npm ci refuses a lock file that lacks them, and a lock file can't
// hold versions that aren't published yet. See docs/decisions/0001.
//
//   node scripts/manifest.mjs add-platforms | restore | refuse-folder

import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Failure, report } from './failure.mjs';
import { readManifest, root, targets } from './targets.mjs';

const [step] = process.argv.slice(2);
const { optionalDependencies: _, ...manifest } = readManifest();

if (step === 'add-platforms') {
  const platforms = targets(manifest).map(({ packageName }) => [packageName, manifest.version]);
  write({ ...manifest, optionalDependencies: Object.fromEntries(platforms) });
} else if (step === 'restore') {
  write(manifest);
} else {
  // Runs before npm publishes a folder, and then alone: what is published is a tarball.
  report(new Failure('publish the tarballs that "npm run tarballs" makes, not the folder'));
}

function write(content) {
  // Renamed into place: other programs may be reading the file at this moment.
  const file = path.join(root, 'package.json');
  writeFileSync(`${file}.new`, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}
