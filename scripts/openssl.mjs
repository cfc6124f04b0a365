// Which OpenSSL the addon is linked with on Linux: a static one of this system where there is one, for building one
// from its sources takes four fifths of a first build, and else the one of Cargo.lock. Never a shared one: Node exports
// the names of its own OpenSSL, and a library that comes later gets those. See docs/decisions/0041.
//
// OPENSSL_NO_VENDOR decides it instead: 0 for the one of Cargo.lock, as releases have it, or 1 with the other variables
// of the crate openssl-sys.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './targets.mjs';

/** Read by .cargo/config.toml, so that a cargo that is called by hand builds with the same OpenSSL. */
const SETTINGS = path.join(root, '.cargo', 'openssl.toml');

/** Compiles and links only with an OpenSSL 3 whose archives can be part of a shared library. */
const PROBE = `
#include <openssl/opensslv.h>
#include <openssl/ssl.h>
#if OPENSSL_VERSION_MAJOR != 3
#error "not OpenSSL 3"
#endif
const void *pgfleet_probe(void) { return TLS_client_method(); }
`;

/**
 * Tells cargo which OpenSSL to take for builds for this machine.
 *
 * @param {import('./targets.mjs').Target} host
 */
export function chooseOpenssl(host) {
  const found = host.platform === 'linux' && !process.env.OPENSSL_NO_VENDOR ? staticOpenssl() : undefined;
  if (!found) return rmSync(SETTINGS, { force: true });
  const prefix = host.triple.toUpperCase().replaceAll('-', '_');
  const settings = {
    NO_VENDOR: '1',
    STATIC: '1',
    LIB_DIR: found.libraries,
    INCLUDE_DIR: found.headers,
  };
  const lines = Object.entries(settings).map(
    ([name, value]) => `${prefix}_OPENSSL_${name} = ${JSON.stringify(value)}`,
  );
  writeIfOther(SETTINGS, `# Written by scripts/openssl.mjs.\n[env]\n${lines.join('\n')}\n`);
}

/**
 * Looks for the archives where the C compiler does, and has it link them.
 *
 * @returns {{ libraries: string, headers: string } | undefined} two folders
 */
export function staticOpenssl() {
  const compiler = process.env.CC ?? 'cc';
  const [ssl, crypto] = ['libssl.a', 'libcrypto.a'].map((name) => {
    const { stdout } = spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' });
    return stdout?.trim(); // the name alone when there is no such file
  });
  if (!ssl || !crypto || !path.isAbsolute(ssl) || path.dirname(ssl) !== path.dirname(crypto))
    return undefined;
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pgfleet-openssl-'));
  try {
    const source = path.join(folder, 'probe.c');
    writeFileSync(source, PROBE);
    const output = ['-o', path.join(folder, 'probe.so'), '-MD', '-MF', path.join(folder, 'probe.d')];
    // Nothing may be left to be found at run time: an archive that wants zlib would get Node's.
    const { status } = spawnSync(compiler, [
      '-shared',
      '-fPIC',
      '-Wl,-z,defs',
      ...output,
      source,
      ssl,
      crypto,
    ]);
    if (status !== 0) return undefined;
    const header = /\S+(?=\/openssl\/opensslv\.h)/.exec(readFileSync(path.join(folder, 'probe.d'), 'utf8'));
    return header ? { libraries: path.resolve(path.dirname(ssl)), headers: header[0] } : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Cargo and the stamp of the addon look at what is in the file; its time says nothing then. */
function writeIfOther(file, text) {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** @returns {string} the version of OpenSSL that Cargo.lock has, such as 3.6.3 */
export function lockedOpenssl() {
  const lock = readFileSync(path.join(root, 'Cargo.lock'), 'utf8');
  const [, version] = /^name = "openssl-src"\nversion = "[^"+]*\+([^"]+)"/m.exec(lock) ?? [];
  if (!version) throw new Error('Cargo.lock names no openssl-src');
  return version;
}
