'use strict';

const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const path = require('node:path');

const VERSION = '8.8';
const FOLDER = path.join(__dirname, '../../target/pglast');
const PYTHON = path.join(FOLDER, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const INSTALL_TIMEOUT_MILLIS = 4 * 60 * 1000;

/**
 * PostgreSQL's own grammar as Python has it, installed below target/ when it isn't there yet.
 *
 * @returns {{ missing: string } | { ask: (texts: string[]) => any[] }} the answers of grammar.py, or why there are none
 */
function pglast() {
  const missing = install();
  if (missing) return { missing };
  return {
    ask(texts) {
      const { status, stdout, stderr } = spawnSync(PYTHON, [path.join(__dirname, 'grammar.py')], {
        encoding: 'utf8',
        input: JSON.stringify(texts),
        maxBuffer: 256 * 1024 * 1024,
      });
      if (status !== 0) throw new Error(`grammar.py has failed: ${stderr}`);
      return JSON.parse(stdout);
    },
  };
}

function install() {
  if (isThere()) return undefined;
  const steps = [
    [existsSync(PYTHON) ? PYTHON : 'python3', '-m', 'venv', FOLDER],
    [PYTHON, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `pglast==${VERSION}`],
  ];
  for (const [command, ...args] of steps) {
    const { status, stderr, error } = spawnSync(command, args, {
      encoding: 'utf8',
      timeout: INSTALL_TIMEOUT_MILLIS,
    });
    if (status !== 0) {
      return `pglast ${VERSION} can't be installed: ${(error?.message ?? stderr).trim().split('\n').pop()}`;
    }
  }
  return undefined;
}

function isThere() {
  return spawnSync(PYTHON, ['-c', 'import pglast']).status === 0;
}

module.exports = { pglast };
