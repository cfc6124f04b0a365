'use strict';

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');

/** @typedef {import('./addon').Addon} Addon */

/**
 * Where the addon of one platform may be.
 *
 * @typedef {object} Build
 * @property {string} file its name in the package's own folder, where a checkout builds it
 * @property {string} package the npm package that holds it otherwise
 * @property {() => Addon} load requires the package, or the file where the package was unpacked without npm
 */

/**
 * Loads the addon for the platform of this process.
 *
 * @param {Record<string, Build>} builds by platform name
 * @param {string} version of this package, which the addon must have too
 * @returns {Addon} the addon's exports
 * @throws {Error} what is missing, and how to install it
 */
function loadAddon(builds, version) {
  const name = platformName();
  const build = builds[name];
  if (!build) {
    throw new Error(
      `pgfleet has no native part for ${name}; it has one for ${Object.keys(builds).join(', ')}.`,
    );
  }
  const file = path.join(directory(), build.file);
  const isBeside = fs.existsSync(file);
  const origin = isBeside ? build.file : build.package;
  const remedy = () => remedyFor(version, isBeside);
  let addon;
  try {
    // A bundler is to look for the package alone.
    addon = isBeside ? createRequire(file)(file) : build.load();
  } catch (error) {
    if (!isBeside && codeOf(error) === 'MODULE_NOT_FOUND') {
      throw new Error(
        `The native part of pgfleet for ${describe(name)} is missing: ${whatIsMissing(build)}; ${remedy()}.`,
      );
    }
    const why = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
    const what = permissionFor(error) ?? remedy();
    throw new Error(`The native part of pgfleet, ${origin}, can't be loaded (${why}); ${what}.`, {
      cause: error,
    });
  }
  const itsVersion = typeof addon.version === 'function' ? addon.version() : 'older';
  if (itsVersion !== version) {
    const versions = `${origin} is ${itsVersion}, pgfleet is ${version}`;
    throw new Error(`The native part of pgfleet has another version than pgfleet: ${versions}; ${remedy()}.`);
  }
  return addon;
}

/** This package's folder. Some bundlers don't define `__dirname`. */
function directory() {
  return typeof __dirname === 'string' ? path.join(__dirname, '../..') : process.cwd();
}

/** Only a checkout can build the addon: the published package comes without the sources. */
function isCheckout() {
  return packageHas('Cargo.toml');
}

/** The archive that needs no npm brings what this package depends on in one file. */
function isUnpackedArchive() {
  return packageHas('dependencies.js');
}

/** @param {string} name a file, which means nothing in the folder of a bundle */
function packageHas(name) {
  return ['native.js', name].every((one) => fs.existsSync(path.join(directory(), one)));
}

/** @param {Build} build */
function whatIsMissing(build) {
  if (isCheckout()) return `it isn't built`;
  if (isUnpackedArchive()) return `${build.file} isn't in ${directory()}`;
  return `the package ${build.package} isn't installed`;
}

/**
 * @param {unknown} error why something can't be loaded
 * @returns {string | undefined} the option of Node that allows it, where that is all that it takes
 */
function permissionFor(error) {
  switch (codeOf(error)) {
    case 'ERR_DLOPEN_DISABLED':
      return 'start Node with --allow-addons where it has --permission, and without --no-addons';
    case 'ERR_ACCESS_DENIED':
      return `start Node with --allow-fs-read=${resourceOf(error) ?? 'the folder that holds it'}`;
    default:
      return undefined;
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException | undefined} */ (error)?.code;
}

/** @param {unknown} error of Node's permission model */
function resourceOf(error) {
  return /** @type {{ resource?: string }} */ (error).resource;
}

/**
 * A package that is installed by its name would be written into package.json, and be asked for on every platform.
 *
 * @param {string} version
 * @param {boolean} isThere the native part is there, and won't do
 * @returns {string} what brings the native part of this platform
 */
function remedyFor(version, isThere) {
  if (isCheckout()) return `run "npm run ${isThere ? 'build' : 'setup'}" in ${directory()}`;
  if (isUnpackedArchive())
    return `unpack pgfleet-folder-${version}.tgz again, which has those of all platforms`;
  return 'run "npm ci --include=optional" on this platform ("npm install --include=optional" where there is no lock file; with pnpm or Yarn, name the platform under supportedArchitectures)';
}

/**
 * A folder of modules that was copied from Debian to Alpine looks complete, so the message names the C library.
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
 * A program on Linux names its loader, which identifies the C library and is read in 0.1 ms. Node's report is as
 * reliable, but takes 10 ms.
 */
function runsOnGlibc() {
  const head = headOf(process.execPath);
  if (head.includes('/ld-linux')) return true;
  if (head.includes('/ld-musl-')) return false;
  const report = /** @type {Partial<NodeJS.ProcessReport & { excludeNetwork: boolean }> | undefined} */ (
    process.report
  );
  // Other runtimes than Node may have none, and aren't made for musl.
  if (typeof report?.getReport !== 'function') return true;
  const { excludeNetwork } = report;
  // Otherwise it would resolve host names.
  report.excludeNetwork = true;
  try {
    const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (report.getReport());
    return header.glibcVersionRuntime !== undefined;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/**
 * @param {string} program
 * @returns {Buffer} its first bytes; none where it can't be read: an update may have replaced it, it may belong to another
 *   user, or lie outside of what `node --permission` may see
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
