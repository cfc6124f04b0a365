// The addon: whether it is built from the sources at hand, and cargo to build it.

import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { runCargo } from './cargo.mjs';
import { Failure } from './failure.mjs';
import { chooseOpenssl } from './openssl.mjs';
import { writePlatformPackage } from './platform-package.mjs';
import { hostTarget, root } from './targets.mjs';

const SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src', '.cargo'];

/**
 * Builds the addon unless its stamp says that it is built from these very sources.
 *
 * @param {{ target?: import('./targets.mjs').Target, profile?: string, force?: boolean }} [options]
 */
export function buildAddon({ target = hostTarget(), profile = 'release', force = false } = {}) {
  const destination = path.join(root, target.file);
  const stamp = path.join(root, 'target', `${target.file}.stamp`);
  if (!force && existsSync(destination) && readText(stamp) === stampText(profile)) return;
  console.log(`pgfleet: cargo build --profile ${profile} (${target.file} ${stale(destination, stamp)})`);
  chooseOpenssl(hostTarget());
  const library = compile(target, profile);
  // A loaded addon can't be written over on Windows, and on macOS its signature would no longer hold;
  // a new file in its place is fine on both.
  const fresh = `${destination}.${process.pid}`;
  copyFileSync(library, fresh);
  renameSync(fresh, destination);
  writePlatformPackage(target);
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, stampText(profile));
}

function compile(target, profile) {
  const isForeign = target.triple !== hostTarget().triple;
  const args = [
    'build',
    '--lib',
    '--locked',
    '--profile',
    profile,
    '--message-format=json-render-diagnostics',
  ];
  const output = runCargo(isForeign ? [...args, '--target', target.triple] : args, {
    hint: target.platform === 'linux' ? 'OpenSSL takes a C compiler, make and perl' : undefined,
  });
  const library = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter((message) => message.reason === 'compiler-artifact' && message.target.kind.includes('cdylib'))
    .flatMap((message) => message.filenames)
    .find((file) => path.basename(file) === target.library);
  if (!library) throw new Failure(`cargo made no ${target.library}`);
  return library;
}

function stale(destination, stamp) {
  if (!existsSync(destination)) return 'is missing';
  return readText(stamp) === undefined ? 'has no stamp' : 'is older than its sources';
}

/** @returns {string} what the addon is made of; a hash, because git gives files any time it likes */
function stampText(profile) {
  const hash = createHash('sha256').update(`${profile}\0${process.env.OPENSSL_NO_VENDOR ?? ''}`);
  for (const file of SOURCES.flatMap((source) => filesBelow(source))) {
    hash.update(`\0${file}\0`).update(readFileSync(path.join(root, file)));
  }
  return hash.digest('hex');
}

/** @returns {string[]} the file, or the files of the folder in a fixed order; none when it isn't there */
function filesBelow(place) {
  const absolute = path.join(root, place);
  if (!existsSync(absolute)) return [];
  if (!statSync(absolute).isDirectory()) return [place];
  return readdirSync(absolute)
    .sort()
    .flatMap((name) => filesBelow(`${place}/${name}`));
}

function readText(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
