'use strict';

const { readFile, readdir } = require('node:fs/promises');
const path = require('node:path');

/**
 * A file of node-pg-migrate's.
 *
 * @typedef {object} MigrationFile
 * @property {string} name without its extension, as in the table
 * @property {string} path
 * @property {number} timestamp the number in front of the name; of 17 digits, that time in milliseconds; 0 without one
 * @property {boolean} isSql
 */

/**
 * The migrations of a directory in their order.
 *
 * @param {string} directory
 * @returns {Promise<MigrationFile[]>}
 * @throws {Error} when it can't be read, or one of several files has no number
 */
async function readMigrationFiles(directory) {
  try {
    const found = await readdir(directory, { withFileTypes: true });
    const files = found
      .filter((file) => (file.isFile() || file.isSymbolicLink()) && !file.name.startsWith('.'))
      .map(({ name }) => ({ file: name, number: numberOf(name) }));
    const unnumbered = files.length > 1 ? files.find(({ number }) => number === undefined) : undefined;
    if (unnumbered) throw new Error(`Cannot determine numeric prefix for "${unnumbered.file}"`);
    return files
      .sort((a, b) => (a.number ?? 0) - (b.number ?? 0) || compareNames(a.file, b.file))
      .map(({ file, number }) => ({
        name: path.basename(file, path.extname(file)),
        path: path.resolve(directory, file),
        timestamp: number ?? 0,
        isSql: path.extname(file).toLowerCase() === '.sql',
      }));
  } catch (error) {
    throw new Error(`Error loading migration files: ${/** @type {Error} */ (error).message}`, {
      cause: error,
    });
  }
}

/**
 * @param {string} name
 * @returns {number | undefined} undefined where it doesn't begin with a digit
 */
function numberOf(name) {
  const digits = /^\d+/.exec(name)?.[0];
  if (digits === undefined || digits.length !== 17) return digits === undefined ? undefined : Number(digits);
  // A time as node-pg-migrate writes it: year to milliseconds, in UTC.
  const [, ...parts] = /** @type {string[]} */ (
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})$/.exec(digits)
  );
  const [year, month, day, hour, minute, second, millis] = parts;
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${millis}Z`).valueOf();
}

/**
 * As node-pg-migrate compares names with the same number.
 *
 * @param {string} a
 * @param {string} b
 */
function compareNames(a, b) {
  return a.localeCompare(b, undefined, { numeric: true, sensitivity: 'variant', ignorePunctuation: true });
}

/**
 * The part of an SQL file for a direction. A comment `-- Up Migration` or `-- Down Migration` begins a part; without
 * any the whole file is for up.
 *
 * @param {MigrationFile} file
 * @param {'up' | 'down'} direction
 * @returns {Promise<string>}
 * @throws {Error} when it can't be taken back
 */
async function readDirection({ name, path: file }, direction) {
  const text = await readFile(file, 'utf8');
  const starts = { up: startOf(text, 'up'), down: startOf(text, 'down') };
  const start = starts[direction];
  if (start < 0) {
    if (direction === 'up') return text;
    throw new Error(`User has disabled down migration on file: ${name}`);
  }
  const other = starts[direction === 'up' ? 'down' : 'up'];
  return text.slice(start, other > start ? other : undefined);
}

/**
 * @param {string} text
 * @param {'up' | 'down'} direction
 */
function startOf(text, direction) {
  return text.search(new RegExp(`^\\s*--[\\s-]*${direction}\\s+migration`, 'im'));
}

module.exports = { readDirection, readMigrationFiles };
