// Writes what follows from another file: the loader native.js and Cargo's version from package.json, the
// dependencies of testkit/ from Cargo.toml, and stand-in/ from the packages that it stands for. With --check nothing is
// written, and a file out of step is a failure.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loaderSource } from './loader.mjs';
import { standInFiles } from './stand-in.mjs';
import { readManifest, root, targets } from './targets.mjs';

const manifest = readManifest();
const generated = {
  'native.js': () => loaderSource(manifest, targets(manifest)),
  'Cargo.toml': (text) => withVersion(text, /^(\[package\]\nname = "pgfleet"\nversion = ")[^"]*/m),
  'Cargo.lock': (text) => withVersion(text, /^(\[\[package\]\]\nname = "pgfleet"\nversion = ")[^"]*/m),
  'testkit/Cargo.toml': (text) =>
    text
      .replace(DEPENDENCIES, `$1${dependenciesWithoutNode()}\n`)
      .replace(FOR_SOME_PLATFORMS, FOR_SOME_PLATFORMS.exec(readText('Cargo.toml'))[0]),
  ...Object.fromEntries(Object.entries(standInFiles()).map(([file, text]) => [file, () => text])),
};

/** The lines of a Cargo.toml below [dependencies], down to the next heading. */
const DEPENDENCIES = /^(\[dependencies\]\n)((?:(?!\[).*\n)*)/m;
/** The dependencies of one platform or the other, with their headings. */
const FOR_SOME_PLATFORMS = /^(?:\[target\.[^\n]*\.dependencies\]\n(?:(?!\[).*\n)*)+/m;

const stale = Object.entries(generated)
  .map(([file, wanted]) => ({ file, current: readText(file), wanted: wanted(readText(file)) }))
  .filter(({ current, wanted }) => current !== wanted);

for (const { file, wanted } of stale) {
  if (process.argv.includes('--check')) {
    console.error(`${file} is out of step: run "npm run generate"`);
    process.exitCode = 1;
  } else {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), wanted);
    console.log(`${file} written`);
  }
}

function readText(file) {
  const absolute = path.join(root, file);
  return existsSync(absolute) ? readFileSync(absolute, 'utf8') : '';
}

function withVersion(text, place) {
  if (!place.test(text)) throw new Error(`no version of pgfleet is found by ${place}`);
  return text.replace(place, `$1${manifest.version}`);
}

/** What the addon's feature `node` brings in is optional; the other rooms need the rest. */
function dependenciesWithoutNode() {
  const [, , lines] = DEPENDENCIES.exec(readText('Cargo.toml'));
  const entries = lines.split(/^(?=[\w-]+ *=)/m);
  return (
    entries
      .filter((entry) => entry.trim() !== '' && !/optional *= *true/.test(entry))
      .join('')
      .trimEnd() + '\n'
  );
}
