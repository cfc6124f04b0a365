'use strict';

const path = require('node:path');
const { forBoth } = require('./both');
const { run } = require('./program');
const { postgres } = require('./server');

const PROGRAMS = path.join(__dirname, '..', 'libraries', 'programs');
const REGISTER = path.join(__dirname, '..', '..', 'lib', 'register.js');

/**
 * Runs a body of tests of a library once on npm's `pg` and once on `pgfleet/pg`, which has exactly its exports.
 *
 * @param {(contender: { driver: typeof import('pg'), label: 'pg' | 'pgfleet' }) => void} body
 */
function onBothDrivers(body) {
  forBoth(({ label, ours }) => body({ driver: ours ? require('../../lib/pg') : require('pg'), label }));
}

/**
 * A database of its own for a library that makes tables as it likes.
 *
 * @returns {Promise<{ url: string, config: Record<string, any>, server: any }>}
 */
async function newDatabase() {
  const server = await postgres();
  const database = await server.createDatabase();
  return { url: server.url(database), config: server.config({ database }), server };
}

/**
 * Runs `programs/<name>.js` for a library that finds `pg` by itself: with this package in its place, if asked. The
 * program gets the URL of a new database and prints JSON.
 *
 * @param {string} name
 * @param {'pg' | 'pgfleet'} label
 * @returns {Promise<any>} what it printed
 */
async function runProgram(name, label) {
  const { url } = await newDatabase();
  const { code, stdout, stderr } = await run(path.join(PROGRAMS, `${name}.js`), {
    args: [url],
    execArgv: label === 'pgfleet' ? ['--require', REGISTER] : [],
    timeoutMillis: 120_000,
  });
  if (code !== 0) throw new Error(`${name} on ${label} ended with code ${code}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout);
}

module.exports = { newDatabase, onBothDrivers, runProgram };
