'use strict';

const { readConnectionText } = require('./connection-text');
const { readEnvFile } = require('./env-file');
const { KINDS, readLabels } = require('./labels');
const { isPoolerOfAny, projectRef } = require('./project-url');
const { fromEnvironment } = require('./reference');

/**
 * @typedef {import('./expansion').DatabaseConfig} DatabaseConfig
 * @typedef {(name: string) => string | undefined} Look gives a variable, or undefined when it is blank
 * @typedef {(name: string) => unknown} Later gives a password that is read when it is needed
 */

/**
 * Options of a database by the ends of their variables' names, behind `DATABASE_n_`.
 *
 * @type {[end: string, option: string][]}
 */
const OPTIONS = [
  ['PASSWORD', 'dbPassword'],
  ['HOST', 'dbHost'],
  ['PORT', 'dbPort'],
  ['USER', 'dbUser'],
  ['DATABASE', 'dbName'],
  ['REF', 'ref'],
  ['REGION', 'region'],
  ['CLUSTER', 'cluster'],
  ['KEY', 'supabaseKey'],
  ['ANON_KEY', 'supabaseKey'],
  ['SERVICE_ROLE_KEY', 'serviceRoleKey'],
  ['SSL', 'ssl'],
];

/** A database is there when one of these is set: they say where it is. */
const NUMBERED = /^DATABASE_(\d+)_(?:URL|HOST|REF)$/;

/** Variables that say where a database is. */
const PLACES =
  /^(?:(?:NEXT_PUBLIC_)?SUPABASE_URL|SUPABASE_POOLER_URL|DATABASE_URL|DATABASE_\d+_(?:URL|HOST|REF))$/;

const QUOTED = /^(["'`])([^]*)\1$/;

/** The local stack of Supabase's command line: the API's port, the database's, and the password. */
const LOCAL = { api: /^http:\/\/(127\.0\.0\.1|localhost):54321(?:\/|$)/, port: 54322, password: 'postgres' };

/** A pooler's host by itself, with or without a port. */
const POOLER_HOST = /^([\w-]+\.pooler\.supabase\.[a-z]+)(?::(\d+))?$/i;

/**
 * The databases that variables describe, in the order in which they are registered.
 *
 * @param {{ env?: unknown, envFile?: unknown }} options `env` in the place of the process's environment, `envFile` as
 *   `readEnvFile` takes it
 * @returns {[name: string, config: DatabaseConfig][]}
 * @throws {TypeError}
 * @throws {Error} for two databases of one name, and for a file that can't be read
 */
function databasesOfEnvironment({ env = process.env, envFile }) {
  if (env === null || typeof env !== 'object') throw new TypeError('"env" must be an object of variables');
  const file = readEnvFile(envFile);
  const environment = /** @type {Record<string, unknown>} */ (env);
  /** @type {Look} */
  const look = (name) => said(withoutQuotes(name, environment)) ?? said(file[name]);
  /** @type {Later} */
  const later = (name) =>
    environment === process.env
      ? { env: name }
      : async () => fromEnvironment(name, 'dbPassword', environment);
  const names = new Set([...Object.keys(file), ...Object.keys(environment)]);

  /** @type {[name: string, config: DatabaseConfig, variable: string][]} */
  const found = [];
  const main = ofSupabase(look, later);
  if (main) found.push(['main', main, 'SUPABASE_URL or SUPABASE_POOLER_URL']);
  const url = look('DATABASE_URL');
  if (url !== undefined) {
    const password = look('DATABASE_PASSWORD') ?? passwordOfProject(url, main, look);
    found.push([
      main ? 'default' : 'main',
      { ...ofUrl(url, later('DATABASE_PASSWORD')), ...given('dbPassword', password) },
      'DATABASE_URL',
    ]);
  }
  for (const number of numbersOf(names, look)) {
    const start = `DATABASE_${number}`;
    const name = look(`${start}_NAME`);
    found.push([
      name?.trim() ?? `database_${number}`,
      ofNumber(start, look, later),
      name ? `${start}_NAME` : start,
    ]);
  }
  checkNames(found);
  return found.map(([name, config]) => [name, config]);
}

/**
 * The project's password for `DATABASE_URL`, where that is its URL: another project's would be tried in vain, and
 * poolers count that.
 *
 * @param {string} url
 * @param {DatabaseConfig | undefined} main what the project's own variables give
 * @param {Look} look
 */
function passwordOfProject(url, main, look) {
  const ref = projectRef(url);
  const isOfProject = ref !== null && (main === undefined || projectRef(main.supabaseUrl) === ref);
  return isOfProject ? look('SUPABASE_DB_PASSWORD') : undefined;
}

/**
 * The project's own variables.
 *
 * @param {Look} look
 * @param {Later} later
 * @returns {DatabaseConfig | undefined}
 */
function ofSupabase(look, later) {
  const either = (/** @type {string} */ name) => look(name) ?? look(`NEXT_PUBLIC_${name}`);
  const url = either('SUPABASE_URL')?.trim();
  const pooler = look('SUPABASE_POOLER_URL')?.trim();
  if (url === undefined && pooler === undefined) return undefined;
  const region = look('SUPABASE_REGION')?.trim();
  return {
    ...(pooler === undefined ? ofProject(String(url), later('SUPABASE_DB_PASSWORD')) : ofPooler(pooler, url)),
    ...given('dbPassword', look('SUPABASE_DB_PASSWORD')),
    ...given('region', region),
    // A connection string in its place says nothing of an API, and has a password.
    ...given('supabaseUrl', url !== undefined && /^https?:/i.test(url) ? url : undefined),
    ...given('supabaseKey', either('SUPABASE_ANON_KEY')?.trim()),
    ...given('serviceRoleKey', look('SUPABASE_SERVICE_ROLE_KEY')?.trim()),
  };
}

/**
 * @param {string} pooler
 * @param {string | undefined} url
 * @returns {DatabaseConfig}
 */
function ofPooler(pooler, url) {
  const [, host, port] = POOLER_HOST.exec(pooler) ?? [];
  if (host === undefined) {
    const ref = lacksProject(pooler) ? projectRef(url) : null;
    return { connectionString: pooler, ...given('ref', ref ?? undefined) };
  }
  return { dbHost: host, ...given('dbPort', port), ...given('ref', projectRef(url) ?? undefined) };
}

/**
 * @param {string} pooler a connection string
 * @returns {boolean} whether it is of a pooler, and doesn't say whose project is meant
 */
function lacksProject(pooler) {
  try {
    return isPoolerOfAny(readConnectionText(pooler));
  } catch {
    // What is wrong with it is said when it is used.
    return false;
  }
}

/**
 * Where the database of a project is. A domain of its own doesn't tell: that is said when the database is first used,
 * and so is it when there is no password.
 *
 * @param {string} url
 * @param {unknown} password for when its variable isn't set
 * @returns {DatabaseConfig}
 */
function ofProject(url, password) {
  const ref = projectRef(url);
  if (ref !== null) return { ref, dbPassword: password };
  const [, host] = LOCAL.api.exec(url) ?? [];
  if (host === undefined) return { connectionString: url };
  return { dbHost: host, dbPort: LOCAL.port, dbUser: 'postgres', dbPassword: LOCAL.password, ssl: false };
}

/**
 * @param {string} url a project's, or a connection string
 * @param {unknown} password for when its variable isn't set
 * @returns {DatabaseConfig}
 */
function ofUrl(url, password) {
  const text = url.trim();
  const isProject = /^https?:/i.test(text);
  return isProject ? { ...ofProject(text, password), supabaseUrl: text } : { connectionString: text };
}

/**
 * @param {string} start of the names, without the last underscore
 * @param {Look} look
 * @param {Later} later
 * @returns {DatabaseConfig}
 */
function ofNumber(start, look, later) {
  const url = look(`${start}_URL`);
  /** @type {DatabaseConfig} */
  const config = url === undefined ? {} : ofUrl(url, later(`${start}_PASSWORD`));
  for (const [end, option] of OPTIONS) {
    const value = look(`${start}_${end}`);
    if (value !== undefined)
      config[option] = end === 'PASSWORD' ? value : end === 'SSL' ? tls(value) : value.trim();
  }
  for (const kind of KINDS) {
    const labels = readLabels(look(`${start}_${kind.toUpperCase()}`) ?? '');
    if (labels.length > 0) config[kind] = labels;
  }
  return config;
}

/** @param {string} value */
function tls(value) {
  const word = value.trim().toLowerCase();
  if (['true', '1', 'on', 'yes'].includes(word)) return true;
  if (['false', '0', 'off', 'no', 'disable'].includes(word)) return false;
  if (word === 'no-verify') return { rejectUnauthorized: false };
  return word;
}

/**
 * @param {Set<string>} names
 * @param {Look} look
 * @returns {string[]} the numbers that databases have, as they are written, the smallest first
 */
function numbersOf(names, look) {
  const numbers = new Set();
  for (const name of names) {
    const number = NUMBERED.exec(name)?.[1];
    if (number !== undefined && look(name) !== undefined) numbers.add(number);
  }
  return [...numbers].sort((one, other) => Number(one) - Number(other) || one.localeCompare(other));
}

/** @param {[name: string, config: DatabaseConfig, variable: string][]} found */
function checkNames(found) {
  /** @type {Map<string, string>} */
  const variables = new Map();
  for (const [name, , variable] of found) {
    const other = variables.get(name);
    if (other !== undefined) {
      throw new Error(
        `${variable} calls a database ${JSON.stringify(name)}, as ${other} does: give it another name`,
      );
    }
    variables.set(name, variable);
  }
}

/**
 * The value of a variable without the quotes around it, which `docker run --env-file` and others leave there. They are a
 * part of a password, unless one that says where a database is has some too: no URL or host begins with one.
 *
 * @param {string} name
 * @param {Record<string, unknown>} environment
 */
function withoutQuotes(name, environment) {
  const value = environment[name];
  const inner = unquoted(value);
  const isPassword = name.endsWith('PASSWORD');
  return inner === undefined || (isPassword && !hasQuotedPlace(environment)) ? value : inner;
}

/** @param {Record<string, unknown>} environment */
function hasQuotedPlace(environment) {
  return Object.keys(environment).some(
    (name) => PLACES.test(name) && unquoted(environment[name]) !== undefined,
  );
}

/**
 * @param {unknown} value
 * @returns {string | undefined} undefined for what has no quotes around it
 */
function unquoted(value) {
  return typeof value === 'string' ? QUOTED.exec(value.trim())?.[2] : undefined;
}

/**
 * @param {unknown} value
 * @returns {string | undefined} undefined for what is blank
 */
function said(value) {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined;
}

/**
 * @param {string} option
 * @param {unknown} value
 * @returns {DatabaseConfig} without the option when there is no value
 */
function given(option, value) {
  return value === undefined ? {} : { [option]: value };
}

module.exports = { databasesOfEnvironment };
