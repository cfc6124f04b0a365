'use strict';

const path = require('node:path');
const { spawn } = require('node:child_process');
const { once } = require('node:events');

const ROOT = path.join(__dirname, '..', '..');

/**
 * @typedef {object} Outcome
 * @property {number | null} code
 * @property {string | null} signal
 * @property {string} stdout
 * @property {string} stderr
 * @property {number} millis from start to exit
 * @property {number} quietMillis from the last output to exit, or from the start when there was none
 */

/**
 * Runs a Node program as a child process, without the caller's PG* environment.
 *
 * @param {string | { source: string }} program a file, or the program's text; the text runs as CommonJS in
 *   the package's root, where `require('./index.js')` is this package, and has its arguments from
 *   `process.argv[1]` on
 * @param {object} [options]
 * @param {string[]} [options.args]
 * @param {Record<string, string>} [options.env] added to the environment
 * @param {string} [options.cwd] default: the package's root
 * @param {string[]} [options.execArgv] options for Node itself
 * @param {string[]} [options.launcher] a command in front of Node's own, such as `unshare` with its options
 * @param {number} [options.timeoutMillis] a watchdog: the program is killed and the promise rejects
 * @returns {Promise<Outcome>}
 */
async function run(program, options = {}) {
  const { args = [], env = {}, cwd = ROOT, execArgv = [], launcher = [], timeoutMillis = 60_000 } = options;
  const what = typeof program === 'string' ? [program] : ['--eval', program.source, '--'];
  const started = performance.now();
  const [command, ...words] = [...launcher, process.execPath, ...execArgv, ...what, ...args];
  const child = spawn(command, words, {
    cwd,
    env: { ...environment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  let lastOutput = started;
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
      lastOutput = performance.now();
    });
  }
  const watchdog = setTimeout(() => child.kill('SIGKILL'), timeoutMillis);
  let exited;
  child.on('exit', () => (exited = performance.now()));
  const [code, signal] = await once(child, 'close');
  clearTimeout(watchdog);
  const outcome = { code, signal, ...output, millis: exited - started, quietMillis: exited - lastOutput };
  if (outcome.millis >= timeoutMillis && signal === 'SIGKILL') {
    const heard = `stdout:\n${output.stdout}\nstderr:\n${output.stderr}`;
    throw new Error(`The program was still running after ${timeoutMillis} ms\n${heard}`);
  }
  return outcome;
}

// The runner's own variables would make a child speak the runner's protocol instead of plain text.
function environment() {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^PG(?!FLEET)/.test(name) && name !== 'NODE_TEST_CONTEXT' && name !== 'NODE_V8_COVERAGE',
  );
  return Object.fromEntries(kept);
}

module.exports = { run, ROOT };
