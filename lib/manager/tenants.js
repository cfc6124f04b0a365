'use strict';

const { checkOptionNames, objectAt } = require('../config/keys-check');
const { DATABASE_KEYS, DISCOVER_KEYS, MAP_KEYS } = require('../config/known-keys');
const { isLabels, readLabels } = require('../config/labels');
const { isReference } = require('../config/reference');
const { checkPolicy, checkSchema } = require('../config/unavailable');
const { shownWithoutText } = require('../pg/settings/option');
const { shown } = require('../pg/settings/settings');

/**
 * @typedef {import('../config/expansion').DatabaseConfig} DatabaseConfig
 * @typedef {Record<string, unknown>} Row
 */

/**
 * How databases are found in another one.
 *
 * @typedef {object} Discovery
 * @property {string} database that is asked
 * @property {string} sql one query, with a row for each database
 * @property {((row: Row) => unknown) | { name: string, config: Record<string, string> }} map a row to `{ name, config }`
 *   or null; or the columns that have them
 */

/**
 * @param {unknown} given
 * @returns {Discovery} the same
 * @throws {TypeError}
 */
function checkDiscovery(given) {
  checkOptionNames(given, DISCOVER_KEYS, 'discover');
  const { database, sql, map } = /** @type {Row} */ (Object(given));
  if (typeof database !== 'string') throw wrong('database', 'the name of a database', database);
  if (typeof sql !== 'string') throw wrong('sql', 'a query', sql);
  if (typeof map === 'function') return /** @type {Discovery} */ (given);
  checkOptionNames(map, MAP_KEYS, '"map" of discover');
  const { name, config } = /** @type {Row} */ (Object(map));
  if (typeof name !== 'string') {
    throw wrong('map', 'a function, or { name, config } with names of columns', map);
  }
  const columns = objectAt(config, { file: '"map.config" of discover', path: '' }, DATABASE_KEYS);
  for (const [key, column] of Object.entries(columns)) {
    if (typeof column !== 'string') throw wrong(`map.config.${key}`, 'the name of a column', column);
  }
  return /** @type {Discovery} */ (given);
}

/**
 * @param {string} option
 * @param {string} what it must be
 * @param {unknown} value
 */
function wrong(option, what, value) {
  return new TypeError(`"${option}" of discover must be ${what}, got ${shown(value)}`);
}

/**
 * The databases that rows describe.
 *
 * @param {Row[]} rows
 * @param {Discovery['map']} map
 * @returns {Promise<Map<string, DatabaseConfig>>}
 * @throws {TypeError} for a row that describes none, and for a reference in one
 * @throws {Error} for a name that two rows have
 */
async function tenantsOf(rows, map) {
  /** @type {Map<string, DatabaseConfig>} */
  const tenants = new Map();
  for (const row of rows) {
    const tenant = typeof map === 'function' ? await map(row) : ofColumns(row, map);
    if (tenant === null) continue;
    const { name, config } = checked(tenant);
    if (tenants.has(name)) throw new Error(`The query of discover gives the database ${shown(name)} twice`);
    tenants.set(name, config);
  }
  return tenants;
}

/**
 * @param {Row} row
 * @param {{ name: string, config: Record<string, string> }} map
 * @returns {{ name: unknown, config: DatabaseConfig }} without what is null
 */
function ofColumns(row, { name, config }) {
  const value = (/** @type {string} */ column) => {
    if (Object.hasOwn(row, column)) return row[column];
    throw new TypeError(`The query of discover has no column ${shown(column)}`);
  };
  /** @type {DatabaseConfig} */
  const found = {};
  for (const [key, column] of Object.entries(config)) {
    const one = value(column);
    if (one !== null) found[key] = isLabels(key) && typeof one === 'string' ? readLabels(one) : one;
  }
  return { name: value(name), config: found };
}

/**
 * @param {unknown} tenant
 * @returns {{ name: string, config: DatabaseConfig }}
 */
function checked(tenant) {
  const { name, config } = /** @type {Row} */ (Object(tenant));
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(
      `"map" of discover must give { name, config } or null, with a name that isn't empty, got ${shown(name)}`,
    );
  }
  if (config === null || typeof config !== 'object' || Array.isArray(config)) {
    throw new TypeError(
      `The configuration of database ${shown(name)} must be an object, got ${shownWithoutText(config)}`,
    );
  }
  const at = ` of database ${shown(name)}`;
  refuseReferences(config, at);
  const settings = /** @type {DatabaseConfig} */ (config);
  refuseFiles(settings, at);
  checkPolicy(settings.policy, at);
  checkSchema(settings.schema, at);
  return { name, config: settings };
}

/**
 * A reference would be read, or run, on this machine: that is not for who writes into a table to say.
 *
 * @param {object} config
 * @param {string} at behind the name of the option
 * @param {string} [path]
 * @param {Set<object>} [met]
 * @throws {TypeError}
 */
function refuseReferences(config, at, path = '', met = new Set()) {
  if (met.has(config)) return;
  met.add(config);
  for (const [key, value] of Object.entries(config)) {
    const name = path === '' ? key : `${path}.${key}`;
    if (isReference(value)) {
      const [kind] = Object.keys(value).filter((one) => ['env', 'file', 'command'].includes(one));
      throw new TypeError(
        `"${name}"${at} is a reference ("${kind}"), which a query must not give: it would be read on this machine`,
      );
    }
    if (value !== null && typeof value === 'object') refuseReferences(value, at, name, met);
  }
}

/** A parameter of a connection string that names a file. */
const FILE = /\bssl(?:rootcert|cert|key)(?=\s*=)/i;

/**
 * Files that a connection string names are on this machine too.
 *
 * @param {DatabaseConfig} config
 * @param {string} at behind the name of the option
 * @throws {TypeError}
 */
function refuseFiles(config, at) {
  for (const name of ['connectionString', 'url']) {
    const text = config[name];
    if (typeof text !== 'string') continue;
    const decoded = text.replace(/%([\da-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    const parameter = FILE.exec(decoded)?.[0].toLowerCase();
    if (parameter === undefined) continue;
    throw new TypeError(
      `"${name}"${at} has "${parameter}", which names a file of this machine: a query must not give it`,
    );
  }
}

module.exports = { checkDiscovery, tenantsOf };
