'use strict';

const { createHash } = require('node:crypto');
const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { platformName } = require('../../lib/native/platform.js');
const { ROOT, run } = require('./program.js');

// The package looks names up by getaddrinfo, which names.c takes over in the programs that it is loaded into.
const SOURCE = path.join(__dirname, 'names.c');
const COMPILER = process.env.CC ?? 'cc';
/** Where it is kept; a checkout that was built has this folder. */
const DIRECTORY = path.join(ROOT, 'target');

/** Why programs can't be given names, or false: what a test takes for its `skip`. */
const withoutNames = reason();

function reason() {
  // musl frees addresses in another way than names.c relies on.
  if (!platformName().endsWith('-gnu')) return 'names are made up with glibc only';
  return spawnSync(COMPILER, ['--version']).error ? 'there is no C compiler' : false;
}

/** @returns {string} the library, compiled when it isn't there */
function library() {
  const digest = createHash('sha256').update(fs.readFileSync(SOURCE)).digest('hex').slice(0, 16);
  const file = path.join(DIRECTORY, `test-names-${digest}.so`);
  if (fs.existsSync(file)) return file;
  fs.mkdirSync(DIRECTORY, { recursive: true });
  // Other test files may be doing the same.
  const own = `${file}.${process.pid}`;
  execFileSync(COMPILER, ['-shared', '-fPIC', '-O1', '-o', own, SOURCE, '-ldl']);
  fs.renameSync(own, file);
  return file;
}

/**
 * Runs a program for which these names, `localhost` and addresses are all the names in the world.
 *
 * @param {Parameters<typeof run>[0]} program
 * @param {object} options those of `run`, and:
 * @param {Record<string, string | string[]>} options.hosts addresses by name, or `EAI_AGAIN` where no name server answers
 * @returns {ReturnType<typeof run>}
 */
async function runWithNames(program, { hosts, env = {}, ...options }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-names-'));
  const file = path.join(directory, 'names');
  const lines = Object.entries(hosts).flatMap(([name, addresses]) =>
    [addresses].flat().map((address) => `${address} ${name}\n`),
  );
  fs.writeFileSync(file, lines.join(''));
  try {
    return await run(program, {
      ...options,
      env: { ...env, LD_PRELOAD: library(), PGFLEET_TEST_NAMES: file },
    });
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

module.exports = { runWithNames, withoutNames };
