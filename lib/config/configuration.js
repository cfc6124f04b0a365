'use strict';

const path = require('node:path');

const { shown } = require('../pg/settings/settings');
const { isAppFile, loadConfigFile } = require('./config-file');
const { withDefaults } = require('./inheritance');
const { below, isPlainObject, nameOf, objectAt, unknownKey, wordsAt } = require('./keys-check');
const known = require('./known-keys');
const { KINDS } = require('./labels');
const { isReference } = require('./reference');
const { checkPolicy, checkSchema } = require('./unavailable');

/**
 * @typedef {import('./expansion').DatabaseConfig} DatabaseConfig
 * @typedef {import('./keys-check').Place} Place
 */

/**
 * What a configuration says, checked by its keys; values are looked at when they are used.
 *
 * @typedef {object} Configuration
 * @property {boolean} isOfApp whether it is the app's file, whose databases have the app's defaults
 * @property {[name: string, config: DatabaseConfig][]} databases each with the defaults
 * @property {DatabaseConfig} defaults
 * @property {Record<string, string[]>} groups
 * @property {Record<string, unknown> | undefined} migrations
 * @property {Record<string, unknown> | undefined} discover
 */

/** What a reference has, so that a mistake in its key is found with the others. */
const REFERENCE_KEYS = ['command', 'env', 'file'];

/** Keys that may have a reference. */
const SECRET_KEYS = [
  'anonKey',
  'connectionString',
  'dbPassword',
  'password',
  'serviceRoleKey',
  'supabaseKey',
  'url',
];

/**
 * @param {unknown} given the path of a file, or what would stand in it; undefined looks for a file
 * @returns {Promise<Configuration>}
 * @throws {TypeError} for what is no configuration; every message names the file and the place in it
 */
async function readConfiguration(given) {
  if (given === undefined || typeof given === 'string') {
    const { content, file, directory } = await loadConfigFile(given);
    const place = { file, path: '' };
    return isAppFile(file) && !(isPlainObject(content) && Object.hasOwn(content, 'databases'))
      ? appConfiguration(content, place, directory)
      : configuration(content, place, directory);
  }
  if (!isPlainObject(given)) {
    throw new TypeError(`fromConfig takes the path of a file or an object, got ${shown(given)}`);
  }
  return configuration(given, { file: 'the configuration', path: '' }, process.cwd());
}

/**
 * @param {unknown} content
 * @param {Place} place
 * @param {string} directory
 * @returns {Configuration}
 */
function configuration(content, place, directory) {
  const said = objectAt(content, place, [...known.FILE_KEYS, '$schema']);
  if (said.databases === undefined)
    throw new TypeError(`${place.file}: "databases" is missing: an object of them by name`);
  checkPolicy(said.policy, ` in ${place.file}`);
  const defaults =
    said.defaults === undefined ? {} : databaseAt(said.defaults, below(place, 'defaults'), directory);
  const all = below(place, 'databases');
  /** @type {[name: string, config: DatabaseConfig][]} */
  const databases = Object.entries(objectAt(said.databases, all)).map(([name, config]) => {
    if (name === '') throw new TypeError(`${nameOf(all)} has a database without a name`);
    return [name, withDefaults(databaseAt(config, below(all, name), directory), defaults)];
  });
  const names = databases.map(([name]) => name);
  const discover =
    said.discover === undefined ? undefined : discoverAt(said.discover, below(place, 'discover'), names);
  return {
    isOfApp: false,
    databases,
    defaults,
    groups:
      said.groups === undefined
        ? {}
        : groupsAt(said.groups, below(place, 'groups'), names, discover !== undefined),
    migrations:
      said.migrations === undefined
        ? undefined
        : migrationsAt(said.migrations, below(place, 'migrations'), directory),
    discover,
  };
}

/**
 * The app's own file. Its class passes over keys that it doesn't know, and so does this.
 *
 * @param {unknown} content
 * @param {Place} place
 * @param {string} directory
 * @returns {Configuration}
 */
function appConfiguration(content, place, directory) {
  const databases = Object.entries(objectAt(content, place)).map(([name, config]) => {
    const at = below(place, name);
    return /** @type {[string, DatabaseConfig]} */ ([name, settled(objectAt(config, at), at, directory)]);
  });
  return {
    databases,
    isOfApp: true,
    defaults: {},
    groups: {},
    migrations: undefined,
    discover: undefined,
  };
}

/**
 * @param {unknown} value
 * @param {Place} place
 * @param {string} directory
 * @returns {DatabaseConfig}
 */
function databaseAt(value, place, directory) {
  const config = objectAt(value, place, known.DATABASE_KEYS);
  for (const key of SECRET_KEYS) {
    if (isPlainObject(config[key])) objectAt(config[key], below(place, key), REFERENCE_KEYS);
  }
  if (config.ssl !== undefined) checkTls(config.ssl, below(place, 'ssl'));
  return settled(config, place, directory);
}

/**
 * @param {unknown} ssl
 * @param {Place} place
 */
function checkTls(ssl, place) {
  if (!isPlainObject(ssl)) return;
  objectAt(ssl, place, known.TLS_KEYS);
  for (const [key, names] of Object.entries(known.TLS_SECRET_KEYS)) {
    checkKeys(ssl[key], below(place, key), [...REFERENCE_KEYS, ...names]);
  }
}

/**
 * @param {unknown} value an object, a list of them, or anything else, which has no keys to check
 * @param {Place} place
 * @param {string[]} names of its keys
 */
function checkKeys(value, place, names) {
  for (const [one, at] of eachOf(value, place)) if (isPlainObject(one)) objectAt(one, at, names);
}

/**
 * @param {unknown} value
 * @param {Place} place
 * @returns {[one: unknown, place: Place][]} what a list has; the value itself when it is none
 */
function eachOf(value, place) {
  if (!Array.isArray(value)) return [[value, place]];
  return value.map((one, index) => [one, below(place, String(index))]);
}

/**
 * @param {Record<string, unknown>} config
 * @param {Place} place
 * @param {string} directory
 * @returns {DatabaseConfig} with paths that don't depend on the working directory
 */
function settled(config, place, directory) {
  const at = ` of ${nameOf(place)}`;
  checkPolicy(config.policy, at);
  checkSchema(config.schema, at);
  for (const key of KINDS) {
    if (config[key] !== undefined) wordsAt(config[key], below(place, key));
  }
  const { ssl } = config;
  /** @type {DatabaseConfig} */
  const copy = {};
  for (const [key, value] of Object.entries(config)) copy[key] = fromDirectory(value, directory);
  if (isPlainObject(ssl)) {
    copy.ssl = Object.fromEntries(
      Object.entries(ssl).map(([key, value]) => [key, fromDirectory(value, directory)]),
    );
  }
  return copy;
}

/**
 * @param {unknown} value
 * @param {string} directory
 * @returns {unknown} a reference to a file with its whole path; everything else as it is
 */
function fromDirectory(value, directory) {
  if (Array.isArray(value)) return value.map((one) => fromDirectory(one, directory));
  if (!isReference(value) || typeof value.file !== 'string' || value.file === '') return value;
  return { ...value, file: path.resolve(directory, value.file) };
}

/**
 * @param {unknown} value
 * @param {Place} place
 * @param {string[]} names of the databases
 * @param {boolean} isOpen whether others will be found
 * @returns {Record<string, string[]>}
 */
function groupsAt(value, place, names, isOpen) {
  const all = new Set(names);
  for (const [group, members] of Object.entries(objectAt(value, place))) {
    const at = below(place, group);
    for (const member of wordsAt(members, at)) {
      if (all.has(member) || /^tag:./s.test(member)) continue;
      if (/^(?:!|group:)|^all$/.test(member)) {
        throw new TypeError(
          `${nameOf(at)} has ${shown(member)}: members are names of databases, patterns and "tag:…", and not other words of selections`,
        );
      }
      if (isOpen || /[*?]/.test(member)) continue;
      throw unknownKey(member, at, names, 'database');
    }
  }
  return /** @type {Record<string, string[]>} */ (value);
}

/**
 * @param {unknown} value
 * @param {Place} place
 * @param {string} directory
 */
function migrationsAt(value, place, directory) {
  const options = { ...objectAt(value, place, known.MIGRATIONS_KEYS) };
  checkKeys(options.history, below(place, 'history'), known.HISTORY_KEYS);
  for (const [migration, at] of eachOf(options.migrations, below(place, 'migrations'))) {
    if (!isPlainObject(migration)) continue;
    objectAt(migration, at, known.MIGRATION_KEYS);
    checkKeys(migration.backfill, below(at, 'backfill'), known.BACKFILL_KEYS);
  }
  const inDirectory = (/** @type {unknown} */ one) =>
    typeof one === 'string' ? path.resolve(directory, one) : one;
  for (const key of ['dir', 'repeatable']) {
    const folders = options[key];
    if (folders !== undefined)
      options[key] = Array.isArray(folders) ? folders.map(inDirectory) : inDirectory(folders);
  }
  return options;
}

/**
 * @param {unknown} value
 * @param {Place} place
 * @param {string[]} names of the databases
 */
function discoverAt(value, place, names) {
  const options = objectAt(value, place, known.DISCOVER_KEYS);
  const { database, map } = options;
  if (typeof database !== 'string' || !names.includes(database)) {
    throw new TypeError(
      `${nameOf(below(place, 'database'))} must be the name of a database, got ${shown(database)}`,
    );
  }
  if (typeof options.sql !== 'string') throw new TypeError(`${nameOf(below(place, 'sql'))} must be a query`);
  if (typeof map !== 'function') {
    const at = below(place, 'map');
    const { name, config } = objectAt(map, at, known.MAP_KEYS);
    if (typeof name !== 'string')
      throw new TypeError(`${nameOf(below(at, 'name'))} must be the name of a column`);
    objectAt(config, below(at, 'config'), known.DATABASE_KEYS);
  }
  return options;
}

module.exports = { readConfiguration };
