// Runs npm, the one that runs this script when there is one.

import { spawnSync } from 'node:child_process';
import path from 'node:path';
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
  const program = process.env.npm_execpath ?? npmOfWindows();
  const { status, error, stdout } = program
    ? spawnSync(process.execPath, [program, ...args], options)
    : spawnSync('npm', args, options);
  if (error) throw new Failure(`npm can't be run (${error.message})`);
  if (status !== 0) throw new Failure(`npm ${args[0]} failed; its messages above say why`);
  return stdout ?? '';
}

/**
 * On Windows `npm` is a batch file, which takes a shell to run and arguments quoted for it; its program is beside Node.
 */
function npmOfWindows() {
  if (process.platform !== 'win32') return undefined;
  return path.join(path.dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js');
}
