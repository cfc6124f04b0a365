// Runs cargo, also where rustup has just been installed and the shell doesn't know it yet.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { Failure } from './failure.mjs';
import { root } from './targets.mjs';

const OUTPUT_LIMIT_BYTES = 256 * 1024 * 1024;

/**
 * @param {string[]} args
 * @param {{ hint?: string, env?: NodeJS.ProcessEnv, output?: 'capture' | 'show' }} [options] what to say when
 *   cargo fails, variables to add, and whether standard output is wanted or shown
 * @returns {string} standard output when it was captured
 */
export function runCargo(args, { hint, env, output = 'capture' } = {}) {
  const { status, error, stdout } = spawnSync('cargo', args, {
    cwd: root,
    env: { ...process.env, ...env, PATH: searchPath() },
    stdio: ['ignore', output === 'capture' ? 'pipe' : 'inherit', 'inherit'],
    maxBuffer: OUTPUT_LIMIT_BYTES,
    encoding: 'utf8',
  });
  if (error && 'code' in error && error.code === 'ENOENT') {
    throw new Failure(
      "cargo isn't installed, and the addon is written in Rust: install Rust from https://rustup.rs and run this again",
    );
  }
  if (error) throw error;
  if (status !== 0) throw new Failure(`cargo ${args[0]} failed${hint ? ` (${hint})` : ''}`);
  return stdout ?? '';
}

/** @returns {string} the folder of the Rust toolchain that cargo uses here */
export function sysroot() {
  const { status, stdout } = spawnSync('rustc', ['--print', 'sysroot'], {
    cwd: root,
    env: { ...process.env, PATH: searchPath() },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Failure("rustc can't be run");
  return stdout.trim();
}

function searchPath() {
  const directory = path.join(process.env.CARGO_HOME ?? path.join(homedir(), '.cargo'), 'bin');
  const known = process.env.PATH ?? '';
  return existsSync(directory) ? [known, directory].join(path.delimiter) : known;
}
