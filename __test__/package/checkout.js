'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { run, ROOT } = require('../support/program.js');

const LEFT_OUT = ['.git', 'node_modules', 'target', 'npm', '__test__', 'bench', 'fuzz'];

/** @returns {string} a new, empty folder, removed by the system or by `remove` */
function temporaryFolder() {
  return fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-package-')));
}

/** @param {string} folder */
function remove(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
}

/**
 * Packs a copy of this checkout, so that the checkout itself stays as it is while other tests read it.
 *
 * @param {string} folder where the copy and the tarballs go
 * @returns {Promise<{ main: string, platform: string, alias: string, folder: string }>} the tarballs of the package, of
 *   this platform's and of the one that stands in for pg, and the archive that needs no npm
 */
async function packTarballs(folder) {
  const copy = path.join(folder, 'checkout');
  fs.mkdirSync(copy);
  for (const name of fs.readdirSync(ROOT).filter((one) => !LEFT_OUT.includes(one))) {
    fs.cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true });
  }
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'), 'junction');
  fs.cpSync(path.join(ROOT, 'bench/results'), path.join(copy, 'bench/results'), { recursive: true });
  const out = path.join(folder, 'tarballs');
  const outcome = await run(path.join(copy, 'scripts/tarballs.mjs'), { args: ['--out', out], cwd: copy });
  if (outcome.code !== 0) throw new Error(`packing failed:\n${outcome.stdout}${outcome.stderr}`);
  const tarballs = outcome.stdout.trim().split('\n');
  const find = (pattern) => {
    const found = tarballs.find((file) => pattern.test(path.basename(file)));
    if (!found) throw new Error(`no tarball is ${pattern}: ${tarballs.join(' ')}`);
    return found;
  };
  const { platformName } = require('../../lib/native/platform.js');
  return {
    main: find(/^pgfleet-\d/),
    platform: find(new RegExp(`^pgfleet-${platformName()}-`)),
    alias: find(/^pgfleet-pg-/),
    folder: /\S+\.tgz/.exec(outcome.stderr)[0],
  };
}

module.exports = { temporaryFolder, remove, packTarballs };
