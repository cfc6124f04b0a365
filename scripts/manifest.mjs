// Gives package.json, for as long as npm packs it, what users get: the platform packages as optional dependencies, no
// scripts, for what those run isn't packed, and of repository, homepage and bugs what isn't empty.
//
// The platform packages can't stand in package.json itself: npm ci refuses a lock file that lacks them, and a lock file
// can't hold versions that aren't published yet. See docs/decisions/0001.
//
//   node scripts/manifest.mjs add-platforms | restore | refuse-folder

import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Failure, report } from './failure.mjs';
import { addresses, readManifest, root, targets } from './targets.mjs';

const FILE = path.join(root, 'package.json');
/** package.json as it was; it stays here when packing is broken off. */
const KEPT = path.join(root, 'npm', 'package.json.kept');

const [step] = process.argv.slice(2);

if (step === 'add-platforms') {
  restore();
  mkdirSync(path.dirname(KEPT), { recursive: true });
  copyFileSync(FILE, KEPT);
  const {
    scripts: _scripts,
    repository: _repository,
    homepage: _homepage,
    bugs: _bugs,
    ...rest
  } = readManifest();
  const platforms = targets(rest).map(({ packageName }) => [packageName, rest.version]);
  // Renamed into place: other programs may be reading the file at this moment.
  const content = { ...rest, ...addresses(), optionalDependencies: Object.fromEntries(platforms) };
  writeFileSync(`${FILE}.new`, `${JSON.stringify(content, null, 2)}\n`);
  renameSync(`${FILE}.new`, FILE);
} else if (step === 'restore') {
  restore();
} else {
  // Runs before npm publishes a folder, and then alone: what is published is a tarball.
  report(new Failure('publish the tarballs that "npm run tarballs" makes, not the folder'));
}

/** What was kept of a packing that was broken off is of no use once package.json is whole again. */
function restore() {
  if (!existsSync(KEPT)) return;
  if (readManifest().scripts) rmSync(KEPT);
  else renameSync(KEPT, FILE);
}
