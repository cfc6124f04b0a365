'use strict';

const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');

const BLOCK_BYTES = 512;

/**
 * Unpacks a tarball of npm into a folder, without its first level, `package/`. Systems differ in the tar programs
 * that they have, and some have none; npm's tarballs are of the plainest kind.
 *
 * @param {string} file
 * @param {string} folder
 */
function unpack(file, folder) {
  const archive = zlib.gunzipSync(fs.readFileSync(file));
  for (let at = 0; at < archive.length && archive[at] !== 0;) {
    const text = (start, length) =>
      archive.toString('utf8', at + start, at + start + length).replace(/\0.*$/s, '');
    const size = parseInt(text(124, 12), 8);
    const [kind, prefix] = [text(156, 1), text(345, 155)];
    const name = path.posix.join(prefix, text(0, 100));
    if (kind !== '0') throw new Error(`${file}: ${name} is of kind ${kind}, and npm packs only files`);
    const target = path.join(folder, path.posix.relative('package', name));
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, archive.subarray(at + BLOCK_BYTES, at + BLOCK_BYTES + size));
    at += BLOCK_BYTES * (1 + Math.ceil(size / BLOCK_BYTES));
  }
}

module.exports = { unpack };
