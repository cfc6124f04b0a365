'use strict';

const fs = require('node:fs');

const { isLikeConnectionString } = require('../pg/settings/secret');
const { clearTimeout, setTimeout } = require('../timers');

/**
 * Says where a secret is instead of what it is: `{ env: 'NAME' }`, `{ file: 'path' }` or
 * `{ command: ['program', 'argument'] }`.
 *
 * @typedef {{ env: string } | { file: string } | { command: string[] }} Reference
 */

const KINDS = ['env', 'file', 'command'];

const FORM = `{ env: 'NAME' }, { file: 'path' } or { command: ['program', 'argument'] }`;

/** How long a command may take. */
const MOST_COMMAND_MILLIS = 10_000;

/** The most that a command may write, and a file may hold. */
const MOST_BYTES = 1024 * 1024;

/**
 * Whether a value is meant as a reference. Whether it is a good one is said when it is read.
 *
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isReference(value) {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  return KINDS.some((kind) => Object.hasOwn(value, kind));
}

/**
 * @param {Record<string, unknown>} value
 * @param {string} option what it is the value of
 * @returns {Reference} the same
 * @throws {TypeError} when it isn't of the form of one
 */
function checkReference(value, option) {
  const keys = Object.keys(value);
  if (keys.length !== 1) throw new TypeError(`"${option}" must have one key of ${FORM}, and no other`);
  const { env, file, command } = value;
  const isGood =
    (typeof env === 'string' && env !== '') ||
    (typeof file === 'string' && file !== '' && !file.includes('\0')) ||
    (Array.isArray(command) && command.length > 0 && command[0] !== '' && command.every(isArgument));
  if (!isGood) throw new TypeError(`"${option}" must be a reference as ${FORM}`);
  return /** @type {Reference} */ (value);
}

/** @param {unknown} word */
function isArgument(word) {
  return typeof word === 'string' && !word.includes('\0');
}

/**
 * Reads a secret without waiting for anything else; what takes a while holds the program up. Use {@link readReference}
 * where that can be avoided.
 *
 * @param {Record<string, unknown>} value
 * @param {string} option what it is the value of, for errors
 * @returns {string}
 * @throws {TypeError} for what is no reference
 * @throws {Error} with code `PGFLEET_REFERENCE` when there is nothing where it leads
 */
function readReferenceNow(value, option) {
  const reference = checkReference(value, option);
  if ('env' in reference) return fromEnvironment(reference.env, option);
  if ('file' in reference)
    return withoutLineEnd(fileBytes(reference.file, option).toString(), option, reference);
  const [program, ...words] = reference.command;
  const { spawnSync } = require('node:child_process');
  const { error, status, signal, stdout } = started(reference, option, () =>
    spawnSync(program, words, {
      encoding: 'utf8',
      // What it has to say about a failure may have the secret in it.
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: MOST_COMMAND_MILLIS,
      killSignal: 'SIGKILL',
      maxBuffer: MOST_BYTES,
      windowsHide: true,
    }),
  );
  const code = error && 'code' in error ? error.code : undefined;
  if (code === 'ETIMEDOUT') throw lost(option, reference, tooLong());
  if (code === 'ENOBUFS') throw lost(option, reference, `which wrote more than ${MOST_BYTES} bytes`);
  if (error) throw lost(option, reference, `which can't be run (${code})`);
  checkEnd(option, reference, status, signal);
  return withoutLineEnd(stdout, option, reference);
}

/**
 * Reads a secret.
 *
 * @param {Record<string, unknown>} value
 * @param {string} option what it is the value of, for errors
 * @returns {Promise<string>}
 * @throws as {@link readReferenceNow}
 */
async function readReference(value, option) {
  const reference = checkReference(value, option);
  if ('command' in reference) return withoutLineEnd(await outputOf(reference, option), option, reference);
  return readReferenceNow(value, option);
}

/**
 * @param {{ command: string[] }} reference
 * @param {string} option
 * @returns {Promise<string>} what the command writes
 */
function outputOf(reference, option) {
  const [program, ...words] = reference.command;
  const { spawn } = require('node:child_process');
  return new Promise((resolve, reject) => {
    const child = started(reference, option, () =>
      spawn(program, words, { stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true }),
    );
    /** @type {Buffer[]} */
    const parts = [];
    let bytes = 0;
    /** @param {string} what */
    const fail = (what) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      // Whatever the command has started may hold its output open.
      child.stdout?.destroy();
      reject(lost(option, reference, what));
    };
    const timer = setTimeout(() => fail(tooLong()), MOST_COMMAND_MILLIS);
    child.on('error', (error) =>
      fail(`which can't be run (${/** @type {NodeJS.ErrnoException} */ (error).code})`),
    );
    // There is none when the system has no descriptor left.
    child.stdout?.on('data', (part) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > MOST_BYTES) fail(`which wrote more than ${MOST_BYTES} bytes`);
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      try {
        checkEnd(option, reference, status, signal);
        resolve(Buffer.concat(parts).toString());
      } catch (error) {
        reject(error);
      }
    });
  });
}

/**
 * @template T
 * @param {{ command: string[] }} reference
 * @param {string} option
 * @param {() => T} start
 * @returns {T}
 */
function started(reference, option, start) {
  try {
    return start();
  } catch (error) {
    // Node's permission model, and arguments that are too many, are told this way.
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    throw lost(option, reference, `which can't be run (${code})`);
  }
}

/**
 * @param {string} name
 * @param {string} option
 * @param {Record<string, unknown>} [environment]
 * @returns {string}
 * @throws {Error} with code `PGFLEET_REFERENCE` where it isn't set, or is empty
 */
function fromEnvironment(name, option, environment = process.env) {
  const value = environment[name];
  if (typeof value !== 'string') throw lost(option, { env: name }, `which isn't set`);
  if (value === '') throw lost(option, { env: name }, 'which is empty');
  return value;
}

/**
 * @param {string} file
 * @param {string} option
 * @returns {Buffer}
 */
function fileBytes(file, option) {
  let bytes;
  try {
    bytes = readAtMost(file, MOST_BYTES + 1);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    throw lost(
      option,
      { file },
      code === 'ENOENT' ? `which isn't there (${code})` : `which can't be read (${code})`,
    );
  }
  if (bytes.length > MOST_BYTES) throw lost(option, { file }, `which holds more than ${MOST_BYTES} bytes`);
  return bytes;
}

/**
 * The beginning of a file, which may be a device or a pipe without an end.
 *
 * @param {string} file
 * @param {number} most bytes
 * @returns {Buffer}
 */
function readAtMost(file, most) {
  const descriptor = fs.openSync(file, 'r');
  try {
    /** @type {Buffer[]} */
    const parts = [];
    for (let left = most; left > 0;) {
      const part = Buffer.alloc(Math.min(left, 4096));
      const length = fs.readSync(descriptor, part, 0, part.length, null);
      if (length === 0) break;
      parts.push(part.subarray(0, length));
      left -= length;
    }
    return Buffer.concat(parts);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * @param {string} option
 * @param {Reference} reference
 * @param {number | null} status
 * @param {NodeJS.Signals | null} signal
 */
function checkEnd(option, reference, status, signal) {
  if (signal !== null) throw lost(option, reference, `which was ended by ${signal}`);
  if (status !== 0) throw lost(option, reference, `which ended with exit code ${status}`);
}

/**
 * @param {string} text
 * @param {string} option
 * @param {Reference} reference
 * @returns {string} without one line end at its end, and without a byte order mark
 */
function withoutLineEnd(text, option, reference) {
  const value = text.replace(/^\uFEFF/, '').replace(/\r?\n$/, '');
  if (value === '') throw lost(option, reference, 'which gave nothing');
  return value;
}

function tooLong() {
  return `which took longer than ${MOST_COMMAND_MILLIS / 1000} seconds`;
}

/**
 * @param {string} option
 * @param {Reference} reference
 * @param {string} what is wrong with it
 */
function lost(option, reference, what) {
  const place =
    'env' in reference
      ? `the environment variable ${named(reference.env)}`
      : 'file' in reference
        ? `the file ${named(reference.file)}`
        : // Arguments may be secrets themselves.
          `the command ${named(reference.command[0])}`;
  const error = new Error(`"${option}" is to come from ${place}, ${what}`);
  return Object.assign(error, { code: 'PGFLEET_REFERENCE' });
}

/** @param {string} name that may be the secret itself, in the wrong place */
function named(name) {
  return isLikeConnectionString(name) ? '[hidden]' : JSON.stringify(name);
}

module.exports = {
  FORM,
  checkReference,
  fileBytes,
  fromEnvironment,
  isReference,
  readReference,
  readReferenceNow,
};
