// Packs what is published: a package for each platform whose addon is here, the main package, and the one that stands
// in for pg; and an archive for programs without npm.
//
//   node scripts/tarballs.mjs [--out <folder>] [--all]
//
// --all is for a release: every platform has to be here. Standard output has what is to be published on npm, in the
// order in which that is to be done. These are tarballs, never a folder: npm would tell the registry of a package.json
// without the platform packages (see manifest.mjs).

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Failure, report } from './failure.mjs';
import { packFolder } from './folder.mjs';
import { runNpm } from './npm.mjs';
import { writePlatformPackage } from './platform-package.mjs';
import { aliasFiles } from './stand-in.mjs';
import { readManifest, root, targets } from './targets.mjs';

const { values } = parseArgs({ options: { out: { type: 'string' }, all: { type: 'boolean' } } });

try {
  const out = path.resolve(values.out ?? path.join(root, 'npm', 'tarballs'));
  mkdirSync(out, { recursive: true });
  const built = builtPlatforms();
  // The main package must never be there without those of the platforms, nor the alias without the main package.
  for (const folder of [...built.map(writePlatformPackage), root, aliasFolder()]) {
    const { name, version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    runNpm(['pack', '--silent', '--pack-destination', out], { cwd: folder, output: 'capture' });
    console.log(path.join(out, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`));
  }
  console.error(`for use without npm: ${await packFolder(path.join(out, 'folder'), readManifest(), built)}`);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  report(error);
}

function builtPlatforms() {
  const [here, missing] = [true, false].map((wanted) =>
    targets().filter(({ file }) => existsSync(path.join(root, file)) === wanted),
  );
  if (values.all && missing.length > 0) {
    throw new Failure(`these platforms aren't built: ${missing.map(({ name }) => name).join(', ')}`);
  }
  return here;
}

/** npm/pg, the package that `pg` can be an alias of. */
function aliasFolder() {
  const folder = path.join(root, 'npm', 'pg');
  rmSync(folder, { recursive: true, force: true });
  for (const [name, text] of Object.entries(aliasFiles())) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  cpSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
  return folder;
}
