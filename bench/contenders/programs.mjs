// The limits: small programs that speak to the server and throw away what comes. They are built when they
// are wanted, with the compiler and the libpq that are there.

import fs from 'node:fs';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const limits = fileURLToPath(new URL('../limits/', import.meta.url));
const build = `${limits}build/`;

/** @returns {{ program: string, version: string }} */
export function buildLibpq() {
  const source = `${limits}libpq.c`;
  const program = `${build}libpq`;
  const libpq = (what) => execFileSync('pg_config', [`--${what}`], { encoding: 'utf8' }).trim();
  if (isOlder(program, source)) {
    fs.mkdirSync(build, { recursive: true });
    const paths = [`-I${libpq('includedir')}`, `-L${libpq('libdir')}`];
    execFileSync('cc', ['-O2', '-Wall', ...paths, '-o', program, source, '-lpq'], { stdio: 'pipe' });
  }
  return { program, version: libpq('version') };
}

/** @returns {{ program: string, version: string }} */
export function buildRawRust() {
  const target = `${build}raw-rust`;
  const manifest = `${limits}raw-rust/Cargo.toml`;
  execFileSync(
    'cargo',
    ['build', '--release', '--quiet', '--manifest-path', manifest, '--target-dir', target],
    {
      stdio: 'pipe',
    },
  );
  const version = execFileSync('rustc', ['--version'], { encoding: 'utf8' }).trim();
  return { program: `${target}/release/raw-client`, version };
}

function isOlder(product, source) {
  return !fs.existsSync(product) || fs.statSync(product).mtimeMs < fs.statSync(source).mtimeMs;
}
