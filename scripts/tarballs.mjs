// Packs what is published: the main package and a package for each platform whose addon is here.
//
//   node scripts/tarballs.mjs [--out <folder>] [--all]
//
// --all is for a release: every platform has to be here. The tarballs are what is to be published, never a
// folder: npm would tell the registry of a package.json without the platform packages (see manifest.mjs).

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Failure, report } from './failure.mjs';
import { runNpm } from './npm.mjs';
import { writePlatformPackage } from './platform-package.mjs';
import { root, targets } from './targets.mjs';

const { values } = parseArgs({ options: { out: { type: 'string' }, all: { type: 'boolean' } } });

try {
  const out = path.resolve(values.out ?? path.join(root, 'npm', 'tarballs'));
  mkdirSync(out, { recursive: true });
  for (const folder of [...platformFolders(), root]) {
    const { name, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    runNpm(['pack', '--silent', '--pack-destination', out], { cwd: folder, output: 'capture' });
    console.log(path.join(out, `${name}-${version}.tgz`));
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  report(error);
}

function platformFolders() {
  const [here, missing] = [true, false].map((wanted) =>
    targets().filter(({ file }) => existsSync(path.join(root, file)) === wanted),
  );
  if (values.all && missing.length > 0) {
    throw new Failure(`these platforms aren't built: ${missing.map(({ name }) => name).join(', ')}`);
  }
  return here.map(writePlatformPackage);
}
