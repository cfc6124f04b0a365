'use strict';

const fs = require('node:fs');
const path = require('node:path');

/**
 * Where the addon of one platform may be.
 *
 * @typedef {object} Build
 * @property {string} file its name in the package's own folder, where a checkout builds it
 * @property {string} package the npm package that holds it otherwise
 * @property {() => any} loadFile
 * @property {() => any} loadPackage
 * @property {() => string} packageVersion
 */

/**
 * Loads the addon for the platform of this process.
 *
 * @param {Record<string, Build>} builds by platform name
 * @param {string} version of this package, which the platform package must have too
 * @param {string} directory this package's folder
 * @returns {any} the addon's exports
 * @throws {Error} one sentence: what is missing and the command that mends it
 */
function loadAddon(builds, version, directory) {
  const name = platformName();
  const build = builds[name];
  if (!build) {
    throw new Error(
      `pgfleet has no native part for ${name}; it has one for ${Object.keys(builds).join(', ')}.`,
    );
  }
  // Only a checkout can build the addon: the published package comes without the sources.
  const isCheckout = fs.existsSync(path.join(directory, 'Cargo.toml'));
  const remedy = isCheckout
    ? `run "npm run setup" in ${directory}`
    : `run "npm install ${build.package}@${version}"`;
  if (fs.existsSync(path.join(directory, build.file))) {
    return load(build.loadFile, build.file, isCheckout ? `run "npm run build" in ${directory}` : remedy);
  }
  const installed = installedVersion(build);
  if (installed === undefined) {
    const place = isCheckout ? `it isn't built` : `the package ${build.package} isn't installed`;
    throw new Error(`The native part of pgfleet for ${describe(name)} is missing: ${place}; ${remedy}.`);
  }
  if (installed !== version) {
    const versions = `${build.package} is ${installed}, pgfleet is ${version}`;
    throw new Error(`The native part of pgfleet has another version than pgfleet: ${versions}; ${remedy}.`);
  }
  return load(build.loadPackage, build.package, remedy);
}

/**
 * @param {() => any} loadBuild
 * @param {string} origin file or package that holds the addon
 * @param {string} remedy
 */
function load(loadBuild, origin, remedy) {
  try {
    return loadBuild();
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
    const what = permissionFor(error) ?? remedy;
    throw new Error(`The native part of pgfleet, ${origin}, can't be loaded (${why}); ${what}.`, {
      cause: error,
    });
  }
}

/**
 * @param {any} error why something can't be loaded
 * @returns {string | undefined} the option of Node that allows it, where that is all that it takes
 */
function permissionFor(error) {
  switch (error?.code) {
    case 'ERR_DLOPEN_DISABLED':
      return 'start Node with --allow-addons where it has --permission, and without --no-addons';
    case 'ERR_ACCESS_DENIED':
      return `start Node with --allow-fs-read=${error.resource ?? 'the folder that holds it'}`;
    default:
      return undefined;
  }
}

/**
 * @param {Build} build
 * @returns {string | undefined} version of the platform package, undefined where it isn't installed
 */
function installedVersion(build) {
  try {
    return build.packageVersion();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

/**
 * A folder of modules that was copied from Debian to Alpine looks complete, so the C library gets a word.
 *
 * @param {string} name
 */
function describe(name) {
  if (name.endsWith('-musl')) return `${name} (this Node runs on musl)`;
  if (name.endsWith('-gnu')) return `${name} (this Node runs on glibc)`;
  return name;
}

/**
 * @returns {string} name of the platform of this process, as the platform packages have it: `linux-x64-musl`
 */
function platformName() {
  const base = `${process.platform}-${process.arch}`;
  if (process.platform === 'win32') return `${base}-msvc`;
  if (process.platform !== 'linux') return base;
  return `${base}-${runsOnGlibc() ? 'gnu' : 'musl'}`;
}

/**
 * A program on Linux names its loader, which tells the C library in a tenth of a millisecond. Node's report is
 * as sure, but takes ten.
 */
function runsOnGlibc() {
  const head = headOf(process.execPath);
  if (head.includes('/ld-linux')) return true;
  if (head.includes('/ld-musl-')) return false;
  /** @type {any} */
  const { report } = process;
  // Other runtimes than Node may have none, and aren't made for musl.
  if (typeof report?.getReport !== 'function') return true;
  const { excludeNetwork } = report;
  // Names would be looked up for it.
  report.excludeNetwork = true;
  try {
    return report.getReport().header.glibcVersionRuntime !== undefined;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/**
 * @param {string} program
 * @returns {Buffer} its first bytes; none where it can't be read: it may have been replaced by an update, belong to somebody
 *   else, or lie outside of what `node --permission` may see
 */
function headOf(program) {
  const head = Buffer.alloc(4096);
  try {
    const descriptor = fs.openSync(program, 'r');
    try {
      return head.subarray(0, fs.readSync(descriptor, head));
    } finally {
      fs.closeSync(descriptor);
    }
  } catch {
    return head.subarray(0, 0);
  }
}

module.exports = { loadAddon, platformName };
