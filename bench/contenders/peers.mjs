// The other clients live in bench/peers with a package.json of their own, so that using or building this package
// doesn't install them.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const PEERS = fileURLToPath(new URL('../peers/', import.meta.url));

/** Loads one of the peers' packages. */
export const requirePeer = createRequire(`${PEERS}package.json`);

/** @param {string} name package name @returns {string} the version that is installed */
export function peerVersion(name) {
  return JSON.parse(fs.readFileSync(`${PEERS}node_modules/${name}/package.json`, 'utf8')).version;
}
