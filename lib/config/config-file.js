'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const { parseJson } = require('./json-text');

/** Looked for in this order. */
const NAMES = ['js', 'mjs', 'cjs', 'json', 'toml'].map((end) => `pgfleet.config.${end}`);

/** The app's own file, in which each key is a database. */
const APP_FILE = path.join('config', 'databases.json');

/**
 * @typedef {object} Loaded
 * @property {unknown} content what the file says
 * @property {string} file its path
 * @property {string} directory that relative paths start from
 */

/**
 * @param {string | undefined} given the path of a file; undefined looks for one, from the working directory upwards
 * @returns {Promise<Loaded>}
 * @throws {Error} when there is none; every message names the file
 */
async function loadConfigFile(given) {
  const file = given === undefined ? found(process.cwd()) : path.resolve(given);
  return { content: await contentOf(file), file, directory: path.dirname(file) };
}

/**
 * @param {string} start
 * @returns {string}
 */
function found(start) {
  for (let directory = start; ; directory = path.dirname(directory)) {
    for (const name of [...NAMES, APP_FILE]) {
      const file = path.join(directory, name);
      if (isFile(file)) return file;
    }
    if (path.dirname(directory) === directory) break;
  }
  throw new Error(
    `There is no configuration: neither ${start} nor a folder above it has one of ${NAMES.join(', ')}, ${APP_FILE}`,
  );
}

/** @param {string} file */
function isFile(file) {
  try {
    return fs.statSync(file).isFile();
  } catch {
    // Folders above the working directory need not be open to the program.
    return false;
  }
}

/**
 * @param {string} file
 * @returns {Promise<unknown>}
 */
async function contentOf(file) {
  const end = path.extname(file);
  if (end === '.json') return parseJson(read(file), file);
  if (end === '.toml') return parseToml(read(file), file);
  if (['.js', '.mjs', '.cjs'].includes(end)) return await ofModule(file);
  throw new Error(`${file}: a configuration is a file that ends in .js, .mjs, .cjs, .json or .toml`);
}

/** @param {string} file */
function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * @param {string} file
 * @param {unknown} error
 */
function unreadable(file, error) {
  const { code } = /** @type {NodeJS.ErrnoException} */ (error);
  const why = code === 'ENOENT' ? "isn't there" : "can't be read";
  return Object.assign(new Error(`The configuration ${file} ${why} (${code})`), { code });
}

/**
 * @param {string} text
 * @param {string} file
 */
function parseToml(text, file) {
  const { parse, TomlError } = require('smol-toml');
  try {
    return plain(parse(text));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Behind its first line the parser quotes the text, which may have secrets.
    const [what] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw new SyntaxError(`${file}:${error.line}:${error.column}: ${what}`);
  }
}

/**
 * The parser's tables have no prototype, which programs that read a configuration don't expect.
 *
 * @param {unknown} value
 * @returns {unknown}
 */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

/**
 * What a module exports; a function is called.
 *
 * @param {string} file
 */
async function ofModule(file) {
  if (!isFile(file)) throw unreadable(file, { code: 'ENOENT' });
  try {
    const { default: exported } = await import(
      /* webpackIgnore: true */ /* @vite-ignore */ pathToFileURL(file).href
    );
    // A module that a compiler has made of an ES module has its default export in a property.
    const content = exported?.__esModule ? exported.default : exported;
    return typeof content === 'function' ? await content() : await content;
  } catch (error) {
    throw broken(file, error);
  }
}

/**
 * @param {string} file
 * @param {unknown} error that the module, or its function, has thrown
 */
function broken(file, error) {
  if (!(error instanceof Error)) return new Error(`${file} has thrown ${typeof error}`, { cause: error });
  // Its stack quotes the line and its message a word, either of which may be a secret.
  if (error instanceof SyntaxError) {
    const [place] = String(error.stack).split('\n');
    const line = place.includes(path.basename(file)) ? /:(\d+)$/.exec(place)?.[1] : undefined;
    const what = error.message.replace(/\s*(['"`]).*\1/s, '');
    return new SyntaxError(`${file}${line ? `:${line}` : ''}: it can't be read as JavaScript: ${what}`);
  }
  return new Error(`${file} can't be loaded: ${error.message}`, { cause: error });
}

/** @param {string} file */
function isAppFile(file) {
  return path.basename(file) === path.basename(APP_FILE);
}

module.exports = { isAppFile, loadConfigFile };
