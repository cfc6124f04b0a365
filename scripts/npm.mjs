// Runs npm, the one that runs this script when there is one.

import { spawnSync } from 'node:child_process';
import { Failure } from './failure.mjs';
import { root } from './targets.mjs';

/**
 * @param {string[]} args
 * @param {{ cwd?: string, output?: 'show' | 'capture' }} [options]
 * @returns {string} standard output when it was captured
 */
export function runNpm(args, { cwd = root, output = 'show' } = {}) {
  const options = {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', output === 'capture' ? 'pipe' : 'inherit', 'inherit'],
  };
  // npm's own name is a batch file on Windows, which only a shell can run.
  const program = process.env.npm_execpath;
  const { status, error, stdout } = program
    ? spawnSync(process.execPath, [program, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  if (error) throw new Failure(`npm can't be run (${error.message})`);
  if (status !== 0) throw new Failure(`npm ${args[0]} failed; its messages above say why`);
  return stdout ?? '';
}
