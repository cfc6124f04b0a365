'use strict';

const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');

const BLOCK_BYTES = 512;

/**
 * Unpacks a tarball of npm, or another archive of the plainest kind, into a folder. Systems differ in the tar programs
 * that they have, and some have none.
 *
 * @param {string} file
 * @param {string} folder
 * @param {string} [first] the level of folders in the archive that is left out; '' for none
 */
function unpack(file, folder, first = 'package') {
  const archive = zlib.gunzipSync(fs.readFileSync(file));
  for (let at = 0; at < archive.length && archive[at] !== 0;) {
    const text = (start, length) =>
      archive.toString('utf8', at + start, at + start + length).replace(/\0.*$/s, '');
    const size = parseInt(text(124, 12), 8);
    const [kind, prefix] = [text(156, 1), text(345, 155)];
    const name = path.posix.join(prefix, text(0, 100));
    if (kind !== '0') throw new Error(`${file}: ${name} is of kind ${kind}, and there are to be files only`);
    const target = path.join(folder, path.posix.relative(first, name));
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, archive.subarray(at + BLOCK_BYTES, at + BLOCK_BYTES + size));
    at += BLOCK_BYTES * (1 + Math.ceil(size / BLOCK_BYTES));
  }
}

module.exports = { unpack };
