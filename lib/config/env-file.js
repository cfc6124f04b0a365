'use strict';

const fs = require('node:fs');
const path = require('node:path');

/** Read where no other is named, if it is there. */
const DEFAULT_FILE = '.env';

/**
 * The variables of a file, without putting them into the environment.
 *
 * @param {unknown} file its path; undefined for `.env` of the working directory, which may be missing; false for none
 * @returns {Record<string, string>}
 * @throws {TypeError} when that isn't a path
 * @throws {Error} with the system's `code` when a file that is named can't be read
 */
function readEnvFile(file) {
  if (file === false) return {};
  if (file !== undefined && (typeof file !== 'string' || file === '')) {
    throw new TypeError('"envFile" must be the path of a file, or false for none');
  }
  const text = textOf(file);
  // Without its byte order mark, which would be a part of the first name.
  return text === undefined ? {} : require('dotenv').parse(text.replace(/^\uFEFF/, ''));
}

/** @param {string | undefined} file */
function textOf(file) {
  const place = path.resolve(file ?? DEFAULT_FILE);
  try {
    return fs.readFileSync(place, 'utf8');
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    // Of the name `.env` are folders too, of other tools.
    if (file === undefined && (code === 'ENOENT' || code === 'EISDIR')) return undefined;
    throw Object.assign(new Error(`The file of variables ${place} can't be read (${code})`), { code });
  }
}

module.exports = { readEnvFile };
