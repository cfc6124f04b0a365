'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { run } = require('./program.js');

// The package looks names up by getaddrinfo, which nss_wrapper answers from a file for the programs that it is loaded into.
// It never asks a name server: a name that isn't in the file isn't found, with or without a network.
const PLACES = [
  process.env.PGFLEET_NSS_WRAPPER,
  ...['x86_64-linux-gnu', 'aarch64-linux-gnu', '.'].map((place) => `/usr/lib/${place}/libnss_wrapper.so`),
  '/usr/lib64/libnss_wrapper.so',
];

const library = PLACES.find((place) => place && fs.existsSync(place));

/** Why programs can't be given names, or false: what a test takes for its `skip`. */
const withoutNames = library ? false : 'libnss_wrapper is not installed';

/**
 * Runs a program for which these names, `localhost` and addresses are all the names in the world.
 *
 * @param {Parameters<typeof run>[0]} program
 * @param {object} options those of `run`, and:
 * @param {Record<string, string | string[]>} options.hosts addresses by name
 * @returns {ReturnType<typeof run>}
 */
async function runWithNames(program, { hosts, env = {}, ...options }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-names-'));
  const file = path.join(directory, 'hosts');
  const lines = Object.entries(hosts).flatMap(([name, addresses]) =>
    [addresses].flat().map((address) => `${address} ${name}\n`),
  );
  fs.writeFileSync(file, lines.join(''));
  try {
    return await run(program, {
      ...options,
      env: { ...env, LD_PRELOAD: /** @type {string} */ (library), NSS_WRAPPER_HOSTS: file },
    });
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

module.exports = { runWithNames, withoutNames };
