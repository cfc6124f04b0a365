'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { run } = require('../support/program.js');

// Downloads depend on the network; the tests' own part of this is a few seconds.
const TIMEOUT_MILLIS = 300_000;

/**
 * Runs npm, and fails when it fails.
 *
 * @param {string[]} args
 * @param {{ cwd: string, env?: Record<string, string> }} options
 */
async function npm(args, { cwd, env = {} }) {
  const outcome = await run(npmProgram(), { args, cwd, env, timeoutMillis: TIMEOUT_MILLIS });
  if (outcome.code !== 0)
    throw new Error(`npm ${args.join(' ')} failed:\n${outcome.stdout}${outcome.stderr}`);
  return outcome;
}

/** The program of npm that runs the tests, or of the one that belongs to this Node. */
function npmProgram() {
  const beside = path.dirname(fs.realpathSync(process.execPath));
  const candidates = [
    process.env.npm_execpath,
    path.join(beside, '../lib/node_modules/npm/bin/npm-cli.js'),
    path.join(beside, 'node_modules/npm/bin/npm-cli.js'),
    ...(process.env.PATH ?? '').split(path.delimiter).map((folder) => path.join(folder, 'npm')),
  ];
  const found = candidates.find((file) => file && fs.existsSync(file));
  if (!found) throw new Error('npm is not found');
  return fs.realpathSync(found);
}

module.exports = { npm };
