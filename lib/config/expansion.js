'use strict';

const { isGiven } = require('../pg/settings/option');
const { readConnectionText } = require('./connection-text');
const { isPoolerOfAny } = require('./project-url');
const {
  FORM,
  checkReference,
  fileBytes,
  isReference,
  readReference,
  readReferenceNow,
} = require('./reference');
const { checkFilledIn, isPasswordPlaceholder } = require('./placeholder');

/**
 * A database as programs describe it.
 *
 * @typedef {Record<string, unknown>} DatabaseConfig
 */

/** A manager's own names for what node-postgres calls otherwise; its own win. */
const ALIASES = [
  ['dbHost', 'host'],
  ['dbPort', 'port'],
  ['dbUser', 'user'],
  ['dbPassword', 'password'],
  ['dbName', 'database'],
];

/** What a connection string that is silent about it leaves to the environment, and not to a manager's defaults. */
const PLACE = ['host', 'port', 'database'];

/** Options of TLS that may be secrets or files. */
const TLS_SECRETS = ['ca', 'cert', 'key', 'passphrase', 'pfx'];

/**
 * A configuration in which everything is said in one way: what its connection string says stands in options of its own,
 * and references are read, or are functions where a pool asks for a password. It is made when a database is first used.
 *
 * @param {DatabaseConfig} given
 * @returns {DatabaseConfig} a copy
 * @throws {TypeError} for what can't be read
 * @throws {Error} with code `PGFLEET_REFERENCE` for a reference that leads nowhere
 */
function expanded(given) {
  const config = { ...given };
  // They may be properties that copies leave out.
  for (const name of [...ALIASES.flat(), 'connectionString', 'url']) {
    if (config[name] === undefined && given[name] !== undefined) config[name] = given[name];
  }
  const text = connectionText(config);
  if (text !== undefined) place(config, readConnectionText(text));
  const name = isGiven(config.dbPassword) ? 'dbPassword' : 'password';
  config[name] = password(config[name], name);
  if (config.ssl !== null && typeof config.ssl === 'object') config.ssl = tls(config.ssl);
  return config;
}

/**
 * @param {DatabaseConfig} config loses `url`, and `connectionString` when it is a text
 * @returns {string | undefined}
 */
function connectionText(config) {
  const name = isGiven(config.connectionString) ? 'connectionString' : 'url';
  const given = config[name];
  delete config.url;
  if (!isGiven(given)) return undefined;
  const text = isReference(given) ? readReferenceNow(given, name) : given;
  if (typeof text === 'string') {
    delete config.connectionString;
    return text;
  }
  // The pool says what it must be.
  config.connectionString = given;
  return undefined;
}

/**
 * Puts what a connection string says into a configuration, over what is there.
 *
 * @param {DatabaseConfig} config
 * @param {DatabaseConfig} parts
 */
function place(config, parts) {
  checkFilledIn(parts);
  const beside = isGiven(config.dbPassword) ? config.dbPassword : config.password;
  if (isPasswordPlaceholder(parts.password) && isGiven(beside)) delete parts.password;
  const { ssl, poolMode, ...others } = parts;
  for (const [own, name] of ALIASES) if (others[name] !== undefined) delete config[own];
  Object.assign(config, others);
  if (poolMode !== undefined) config.poolMode ??= poolMode;
  if (ssl !== undefined) config.ssl = joinedTls(ssl, config.ssl);
  // A server that is named is the one that is meant; a pooler may yet have to be told the project.
  const [user] = [config.dbUser, config.user].filter(isGiven);
  if (parts.host !== undefined && !isPoolerOfAny({ ...parts, user })) delete config.ref;
  if (parts.ref !== undefined) return;
  for (const [own, name] of ALIASES) {
    if (PLACE.includes(name) && !isGiven(config[own]) && !isGiven(config[name]) && !isGiven(config.ref))
      config[name] = '';
  }
}

/**
 * What a connection string says of TLS wins; certificates that are given beside it are used.
 *
 * @param {unknown} said
 * @param {unknown} beside
 */
function joinedTls(said, beside) {
  const isObject = (/** @type {unknown} */ value) => value !== null && typeof value === 'object';
  if (!isObject(beside) || (!isObject(said) && said !== true)) return said;
  const { rejectUnauthorized: _, ...certificates } = /** @type {Record<string, unknown>} */ (beside);
  return { ...certificates, .../** @type {object} */ (said === true ? {} : said) };
}

/**
 * @param {unknown} value
 * @param {string} name of the option
 * @returns {unknown} a function for a reference, which is read whenever a connection asks
 * @throws {TypeError} for an object that is no reference, and for a placeholder
 */
function password(value, name) {
  if (isPasswordPlaceholder(value)) {
    throw new TypeError(
      'The password is still a placeholder: put it in the place of the brackets, or give it by itself, as "password"',
    );
  }
  if (value === null || typeof value !== 'object') return value;
  if (isReference(value)) {
    checkReference(value, name);
    return () => readReference(value, name);
  }
  throw new TypeError(
    `"${name}" must be a string or a function, or a reference as ${FORM}, got a value of type ${typeof value}`,
  );
}

/**
 * @param {object} ssl
 * @returns {object} the same when it has no reference
 */
function tls(ssl) {
  const options = /** @type {Record<string, unknown>} */ (ssl);
  const named = TLS_SECRETS.filter((name) => hasReference(options[name]));
  if (named.length === 0) return ssl;
  return {
    ...options,
    ...Object.fromEntries(named.map((name) => [name, certificate(options[name], `ssl.${name}`)])),
  };
}

/** @param {unknown} value */
function hasReference(value) {
  return isReference(value) || (Array.isArray(value) && value.some(isReference));
}

/**
 * @param {unknown} value
 * @param {string} name of the option
 * @returns {unknown}
 */
function certificate(value, name) {
  if (Array.isArray(value)) return value.map((one) => certificate(one, name));
  if (!isReference(value)) return value;
  // An archive is no text.
  if (name === 'ssl.pfx' && typeof value.file === 'string') return fileBytes(value.file, name);
  return readReferenceNow(value, name);
}

module.exports = { ALIASES, expanded };
