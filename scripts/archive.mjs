// Writes a .tgz with nothing in it that differs from run to run: no times, no owners, names in order.

import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BLOCK_BYTES = 512;
/** As in npm's tarballs: some programs don't like 1970. */
const TIME = Date.UTC(1985, 9, 26, 8, 15) / 1000;

/**
 * @param {string} file
 * @param {Record<string, string | Buffer>} contents by name, with `/` in it for folders
 */
export function writeArchive(file, contents) {
  const entries = Object.entries(contents)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([name, content]) => entry(name, Buffer.from(content)));
  writeFileSync(file, gzipSync(Buffer.concat([...entries, Buffer.alloc(2 * BLOCK_BYTES)])));
}

/** The blocks of one file, in the format ustar of POSIX. */
function entry(name, content) {
  const header = Buffer.alloc(BLOCK_BYTES);
  const text = (value, at, length) => {
    if (Buffer.byteLength(value) > length) throw new RangeError(`${value} is too long for an archive`);
    header.write(value, at);
  };
  const octal = (value, at, length) => text(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length);
  text(name, 0, 100);
  octal(0o644, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content.length, 124, 12);
  octal(TIME, 136, 12);
  text(' '.repeat(8), 148, 8);
  text('0', 156, 1);
  text('ustar\x0000', 257, 8);
  const sum = header.reduce((total, byte) => total + byte, 0);
  text(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return [header, content, Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES)];
}
