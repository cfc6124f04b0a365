'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { run, ROOT } = require('../support/program.js');

const LEFT_OUT = ['.git', 'node_modules', 'target', 'npm', '__test__', 'bench', 'docs', 'fuzz'];

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
 * @returns {Promise<{ main: string, platform: string }>} the two tarballs
 */
async function packTarballs(folder) {
  const copy = path.join(folder, 'checkout');
  fs.mkdirSync(copy);
  for (const name of fs.readdirSync(ROOT).filter((one) => !LEFT_OUT.includes(one))) {
    fs.cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true });
  }
  const out = path.join(folder, 'tarballs');
  const outcome = await run(path.join(copy, 'scripts/tarballs.mjs'), { args: ['--out', out], cwd: copy });
  if (outcome.code !== 0) throw new Error(`packing failed:\n${outcome.stdout}${outcome.stderr}`);
  const tarballs = outcome.stdout.trim().split('\n');
  const { platformName } = require('../../lib/platform.js');
  const platform = tarballs.find((file) => path.basename(file).startsWith(`pgfleet-${platformName()}-`));
  if (!platform) throw new Error(`no tarball is for ${platformName()}: ${tarballs.join(' ')}`);
  return { main: tarballs.at(-1), platform };
}

module.exports = { temporaryFolder, remove, packTarballs };
