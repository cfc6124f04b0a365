// THIRD-PARTY-NOTICES.md, which the platform packages carry: the licences of what is linked into the addon. cargo-about
// writes it, and OpenSSL's own licence is added, for that is no crate.
//
//   node scripts/notices.mjs [--check]
//
// The check compares names and versions with Cargo.lock, which takes nothing but cargo, and the whole text as well
// where cargo-about is installed.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runCargo } from './cargo.mjs';
import { Failure, report } from './failure.mjs';
import { lockedOpenssl } from './openssl.mjs';
import { NOTICES } from './platform-package.mjs';
import { root, targets } from './targets.mjs';

const TOOL = 'cargo-about 0.9.3';
const INSTALL = 'cargo install cargo-about --version 0.9.3 --locked --features cli';

const { values } = parseArgs({ options: { check: { type: 'boolean' } } });

try {
  if (values.check) check();
  else if (hasTool()) writeFileSync(path.join(root, NOTICES), notices());
  else throw new Failure(`the notices are written by ${TOOL}: ${INSTALL}`);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  report(error);
}

function check() {
  const file = path.join(root, NOTICES);
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const outside = text.replaceAll(/^```text\n.*?^```$/gms, '');
  const there = new Set(outside.match(/(?<=^- ).+/gm));
  const linked = linkedIn();
  const missing = linked.filter((name) => !there.has(name));
  // cargo-about names what runs while the addon is compiled as well, of which nothing is linked in.
  const known = [...linked, ...crates('--edges', 'normal,build', '--target', 'all')];
  const surplus = [...there].filter((name) => !known.includes(name));
  if (missing.length + surplus.length > 0) {
    const parts = [
      ...missing.map((name) => `lacks ${name}`),
      ...surplus.map((name) => `has ${name}, which is gone`),
    ];
    throw new Failure(`${NOTICES} ${parts.join(', ')}: run "npm run notices"`);
  }
  if (!hasTool())
    console.log(`${TOOL} isn't installed: the names and versions are right, the texts weren't looked at`);
  else if (text !== notices()) throw new Failure(`${NOTICES} is out of step: run "npm run notices"`);
}

/** @returns {string[]} name and version of everything that is linked in, on whichever platform */
function linkedIn() {
  const platforms = targets().flatMap(({ triple }) => ['--target', triple]);
  const linked = crates('--edges', 'normal,no-proc-macro', ...platforms);
  return [...linked, `OpenSSL ${lockedOpenssl()}`, 'the standard library of Rust'];
}

/** @param {string[]} options of cargo tree @returns {string[]} name and version of each crate */
function crates(...options) {
  const lines = runCargo([
    ...['tree', '--locked', '--package', 'pgfleet', '--prefix', 'none', '--format', '{p}'],
    ...options,
  ]);
  const found = lines
    .split('\n')
    .map((line) => /^(\S+) v(\S+)/.exec(line))
    .filter((parts) => parts && parts[1] !== 'pgfleet')
    .map(([, name, version]) => `${name} ${version}`);
  return [...new Set(found)];
}

function hasTool() {
  const { stdout } = spawnSync('cargo', ['about', '--version'], { cwd: root, encoding: 'utf8' });
  return stdout?.trim() === TOOL;
}

function notices() {
  const crates = runCargo([
    'about',
    'generate',
    '--locked',
    '--fail',
    '--config',
    'scripts/notices/about.toml',
    'scripts/notices/about.hbs',
  ]);
  const license = readFileSync(path.join(opensslSources(), 'LICENSE.txt'), 'utf8');
  return `${crates.replaceAll('\r\n', '\n').trimEnd()}\n\n${section(`OpenSSL ${lockedOpenssl()}`, license)}`;
}

function section(name, license) {
  return `## Apache License 2.0, as OpenSSL has it\n\n- ${name}\n\n\`\`\`text\n${license.trimEnd()}\n\`\`\`\n`;
}

function opensslSources() {
  const { packages } = JSON.parse(runCargo(['metadata', '--locked', '--format-version', '1']));
  const { manifest_path: manifest } = packages.find(({ name }) => name === 'openssl-src');
  return path.join(path.dirname(manifest), 'openssl');
}
