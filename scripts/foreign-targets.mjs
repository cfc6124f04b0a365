// Whether the addon compiles for the platforms that this machine isn't: their standard library is all it takes.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runCargo, sysroot } from './cargo.mjs';
import { Failure } from './failure.mjs';
import { lockedOpenssl } from './openssl.mjs';
import { hostTarget, root, targets } from './targets.mjs';

/**
 * Type-checks the addon for each platform but this machine's own, with warnings denied, and says which it could not.
 *
 * @throws {Failure} with the platforms for which it doesn't compile
 */
export function checkForeignTargets() {
  const host = hostTarget();
  const foreign = targets().filter(({ triple }) => triple !== host.triple);
  const libraries = path.join(sysroot(), 'lib', 'rustlib');
  const hindrances = new Map(foreign.map((target) => [target, hindrance(target, host, libraries)]));
  const failed = [];
  for (const target of foreign.filter((one) => !hindrances.get(one))) {
    console.log(`${target.triple} …`);
    if (!compiles(target)) failed.push(target.triple);
  }
  for (const [{ triple }, reason] of hindrances) if (reason) console.log(`${triple}: not checked, ${reason}`);
  if (failed.length > 0) throw new Failure(`the addon doesn't compile for ${failed.join(', ')}`);
}

/** @returns {string | undefined} why a target can't be checked on this machine */
function hindrance({ triple, platform }, host, libraries) {
  if (!existsSync(path.join(libraries, triple, 'lib'))) {
    return `Rust's standard library for it isn't installed ("rustup target add ${triple}" does that)`;
  }
  if (platform === 'linux' && host.platform === 'win32')
    return "a C compiler for Linux isn't to be had on Windows";
  return undefined;
}

function compiles({ triple, platform }) {
  try {
    const args = ['clippy', '--package', 'pgfleet', '--lib', '--release', '--locked', '--target', triple];
    const env = platform === 'linux' ? pretendedOpenssl(triple) : {};
    runCargo([...args, '--', '--deny', 'warnings'], { output: 'show', env });
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return false;
  }
}

/**
 * The crate openssl-sys asks OpenSSL's headers for its version and for what was left out, and that is all that
 * compiling without linking needs. So OpenSSL isn't built for each of the platforms, which would take a C compiler for
 * each.
 *
 * @returns {NodeJS.ProcessEnv}
 */
function pretendedOpenssl(triple) {
  const folder = path.join(root, 'target', 'openssl-headers');
  mkdirSync(path.join(folder, 'openssl'), { recursive: true });
  const [major, minor, patch] = lockedOpenssl().split('.');
  const numbers = { MAJOR: major, MINOR: minor, PATCH: patch };
  const lines = Object.entries(numbers).map(([part, value]) => `#define OPENSSL_VERSION_${part} ${value}\n`);
  writeFileSync(path.join(folder, 'openssl', 'opensslv.h'), lines.join(''));
  writeFileSync(path.join(folder, 'openssl', 'opensslconf.h'), '');
  const name = triple.replaceAll('-', '_');
  const prefix = `${name.toUpperCase()}_OPENSSL`;
  return {
    [`${prefix}_NO_VENDOR`]: '1',
    [`${prefix}_STATIC`]: '1',
    [`${prefix}_LIB_DIR`]: folder,
    [`${prefix}_INCLUDE_DIR`]: folder,
    // Any preprocessor will do.
    [`CC_${name}`]: process.env[`CC_${name}`] ?? 'cc',
  };
}
