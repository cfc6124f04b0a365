'use strict';

const { projectAt } = require('../settings/project');
const { conceal, concealInCopies, secretiveTls, withCarried } = require('../settings/secret');
const { flag, poolMode, sharing } = require('../settings/settings');

/** @import { ClientOptions } from '../settings/options' */

/**
 * A pool's own options, with what pg-pool takes where nothing is said.
 *
 * @typedef {Omit<import('../../../types/config').PoolOptions, keyof ClientOptions> & ClientOptions & {
 *   Client?: ClientClass,
 *   Promise?: PromiseConstructor,
 *   onConnect?: (client: PooledClient) => unknown,
 *   poolSize?: number,
 * }} PoolOptions
 */

/** @typedef {import('./client-keeper').PooledClient} PooledClient */

/** @typedef {new (options: PoolOptions) => PooledClient} ClientClass a program's own class of clients, or ours */

const DEFAULT_MAX = 10;
const DEFAULT_IDLE_TIMEOUT_MILLIS = 10000;

/** What is concealed in options, and copies of them carry along. */
const SECRETS = ['password', 'connectionString'];

/** The options that name the server and the user. */
const PLACE = ['host', 'port', 'user', 'database', 'supabaseProject'];

/**
 * Whether a copy of a pool's options may have its password or connection string. One that names a connection string of
 * its own needs neither, and one that names another server or user must not send the password there.
 *
 * @param {{ copy: Record<string, unknown>, original: Record<string, unknown> }} options
 * @param {string} name
 */
function leadsThere({ copy, original }, name) {
  if ('connectionString' in copy) return false;
  return name === 'connectionString' || PLACE.every((part) => isSame(part, copy, original));
}

/**
 * @param {string} part
 * @param {Record<string, unknown>} copy
 * @param {Record<string, unknown>} original
 */
function isSame(part, copy, original) {
  if (Object.is(copy[part], original[part])) return true;
  // The copy is older than the finding of the project's pooler.
  return part === 'host' && [copy, original].every(({ host }) => projectAt(original.supabaseProject, host));
}

/**
 * A copy of options with what is secret concealed.
 *
 * @param {object | null | undefined} options
 */
function secretiveOptions(options) {
  const given = /** @type {Record<string, unknown> | null | undefined} */ (withCarried(options));
  const own = { ...given };
  const secrets = SECRETS.filter((name) => given && given[name] !== undefined);
  for (const name of secrets) own[name] = given?.[name];
  if (given && 'password' in given && !secrets.includes('password')) conceal(own, 'password');
  if (secrets.length > 0) concealInCopies(own, secrets, leadsThere);
  return own;
}

/**
 * @param {object | null | undefined} given
 * @param {string[]} tlsSecrets options of TLS that the pool's clients find when they are no enumerable properties
 * @returns {PoolOptions}
 * @throws {TypeError} for a value that an option of this package can't take; pg-pool's are checked at the first use
 */
function toOwnOptions(given, tlsSecrets) {
  const options = /** @type {PoolOptions} */ (/** @type {unknown} */ (secretiveOptions(given)));
  if (options.ssl) options.ssl = secretiveTls(options.ssl, tlsSecrets);
  options.max = options.max || options.poolSize || DEFAULT_MAX;
  options.min = options.min || 0;
  options.maxUses = options.maxUses || Infinity;
  options.allowExitOnIdle = options.allowExitOnIdle || false;
  options.maxLifetimeSeconds = options.maxLifetimeSeconds || 0;
  if (options.idleTimeoutMillis === undefined) options.idleTimeoutMillis = DEFAULT_IDLE_TIMEOUT_MILLIS;
  flag('autoPrepare', options.autoPrepare);
  flag('busyWait', options.busyWait);
  poolMode(options.poolMode);
  sharing(options.sharing);
  return options;
}

module.exports = { toOwnOptions };
