'use strict';

const { shownWithoutText } = require('../pg/settings/option');
const Pool = require('../pg/pool/pool');
const { APP_DEFAULTS, toPoolConfig } = require('./database-config');

/** @typedef {import('./database-config').DatabaseConfig} DatabaseConfig */

/**
 * Which pool a configuration gives.
 *
 * @typedef {object} PoolRules
 * @property {(config: DatabaseConfig) => boolean} hasPool whether it gives one at all
 * @property {(config: DatabaseConfig) => Pool} makePool
 */

/** Node-postgres's words for where a server is, and this package's own. */
const ADDRESSES = ['connectionString', 'url', 'host', 'ref', 'stream'];

/**
 * Of `addConnection`, of the environment and of config files: what is left out takes the guide's defaults.
 *
 * @type {PoolRules}
 */
const GUIDE_RULES = {
  hasPool: () => true,
  makePool: (config) => new Pool(toPoolConfig(checkedConfig(config))),
};

/**
 * Of `initialize` and `addDatabase`: a database without host or password is one that is used by its Supabase client
 * alone.
 *
 * @type {PoolRules}
 */
const APP_RULES = {
  hasPool(config) {
    // What isn't a configuration says so when its pool is asked for.
    if (config === null || typeof config !== 'object') return true;
    if (ADDRESSES.some((name) => config[name])) return true;
    const { dbHost, dbUser } = config;
    const isOfPooler = dbHost === undefined && typeof dbUser === 'string' && dbUser.includes('.');
    return Boolean((dbHost || isOfPooler) && (config.dbPassword || config.password));
  },
  makePool(config) {
    const pool = new Pool(toPoolConfig(checkedConfig(config), APP_DEFAULTS));
    // A connection that is lost while it is idle concerns nobody: the next request opens another.
    pool.on('error', () => undefined);
    return pool;
  },
};

/**
 * @param {DatabaseConfig} config
 * @returns {DatabaseConfig}
 * @throws {TypeError} for what isn't an object
 */
function checkedConfig(config) {
  if (config !== null && typeof config === 'object' && !Array.isArray(config)) return config;
  throw new TypeError(`The configuration of a database must be an object, got ${shownWithoutText(config)}`);
}

module.exports = { APP_RULES, GUIDE_RULES };
