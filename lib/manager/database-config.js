'use strict';

const { ALIASES, expanded } = require('../config/expansion');
const { checkPolicy } = require('../config/unavailable');
const { isGiven, port, shown } = require('../pg/settings/option');
const { withCarried } = require('../pg/settings/secret');
const { completeForProject } = require('./project-options');

/**
 * A database as programs describe it, with options of a pool and names of the manager's own. Values come from the
 * program: they are checked where they are used.
 *
 * @typedef {Record<string, unknown>} DatabaseConfig
 */

/** The pooler of Supabase in session mode, the one that takes DDL. */
const DEFAULTS = {
  host: 'aws-1-us-east-1.pooler.supabase.com',
  port: 5432,
  database: 'postgres',
  max: 5,
  idleTimeoutMillis: 30000,
  connectionTimeoutMillis: 10000,
  // An idle manager must not keep the process alive.
  allowExitOnIdle: true,
};

/** Defaults of `initialize` and `addDatabase`, where they aren't those of `addConnection`. */
const APP_DEFAULTS = { max: 10, connectionTimeoutMillis: 5000, user: 'postgres' };

/** Keys that are no options of a pool. */
const OWN_KEYS = new Set([
  ...ALIASES.map(([own]) => own),
  ...['ref', 'region', 'cluster', 'supabaseUrl', 'supabaseKey', 'projectUrl', 'anonKey', 'serviceRoleKey'],
  ...['appName', 'purpose', 'tags', 'groups', 'policy', 'diagnose'],
]);

/**
 * The pool options for a database: what the caller gave, over the defaults.
 *
 * @param {DatabaseConfig} given
 * @param {Partial<typeof APP_DEFAULTS>} [defaults] in the place of those of `addConnection`
 * @returns {Record<string, unknown>}
 * @throws {TypeError} for a value that its option can't take
 */
function toPoolConfig(given, defaults) {
  // For a copy of a pool's options.
  const whole = withCarried(given);
  const config = expanded(whole);
  checkPolicy(config.policy);
  /** @type {Record<string, unknown>} */
  const options = { ...DEFAULTS, ...defaults, ssl: { rejectUnauthorized: false } };
  // A connection string and a project know their user.
  if (['connectionString', 'url', 'ref'].some((name) => whole[name])) delete options.user;
  for (const [name, value] of Object.entries(config)) {
    if (value !== undefined && !OWN_KEYS.has(name)) options[name] = value;
  }
  for (const [own, name] of ALIASES) {
    if (isGiven(config[own])) options[name] = config[own];
  }
  for (const [own, name] of [ALIASES[0], ALIASES[2], ALIASES[4]]) {
    if (typeof config[own] !== 'string' && config[own] !== undefined && config[own] !== null) {
      throw new TypeError(
        `"${own}" must be a string, got ${shown(config[own])} (it becomes the pool's "${name}")`,
      );
    }
  }
  const { dbPort } = config;
  if (isGiven(dbPort)) port(dbPort, 'dbPort');
  const { dbPassword } = config;
  if (!['string', 'function', 'undefined'].includes(typeof dbPassword) && dbPassword !== null) {
    throw new TypeError(
      `"dbPassword" must be a string or a function, got a value of type ${typeof dbPassword}`,
    );
  }
  completeForProject(config, options);
  return options;
}

module.exports = { APP_DEFAULTS, toPoolConfig };
