'use strict';

const { native, start } = require('../native/binding');
const { expanded } = require('../config/expansion');
const { checkOptionNames } = require('../config/keys-check');
const { kindOf } = require('../errors');
const Client = require('../pg/client/client');
const { settingsOf } = require('../pg/client/client-settings');
const { amount, shown } = require('../pg/settings/option');
const Pool = require('../pg/pool/pool');
const { withCarried } = require('../pg/settings/secret');
const { toPoolOptions } = require('../pg/settings/settings');
const { DiagnosisRequest } = require('./diagnosis-request');
const { withoutValues } = require('./diagnosis-secrets');
const { LazyEntry } = require('./entry');
const { GUIDE_RULES } = require('./pool-rules');

/**
 * @typedef {import('../../index').Diagnosis} Diagnosis
 * @typedef {import('./database-config').DatabaseConfig} DatabaseConfig
 * @typedef {import('./entry').Entry} Entry
 */

/**
 * What a diagnosis may spend.
 *
 * @typedef {object} Limits
 * @property {number} timeout milliseconds for each database
 * @property {number | undefined} maxAuthAttempts
 */

const TIMEOUT_MILLIS = 10000;

/** More passwords than any diagnosis sends. */
const MANY_ATTEMPTS = 100;

/** Databases that are looked at at a time. */
const AT_ONCE = 32;

/** Values of `target_session_attrs` to which a standby is as good, where a program has given them. */
const STANDBY_TARGETS = ['any', 'read-only', 'standby', 'prefer-standby'];

/** What is said of a configuration before anything is known of it. */
const NOTHING_GIVEN = { hasJit: false, suppliesPassword: false, takesStandby: false, hasOwnWay: false };

/** The options of `diagnose`. */
const OPTIONS = ['databases', 'timeout', 'maxAuthAttempts'];

/**
 * @param {unknown} given
 * @returns {Limits & { databases: unknown }}
 * @throws {TypeError} for an option that there isn't, or a value that it can't take
 */
function checkOptions(given) {
  if (given === undefined)
    return { databases: undefined, timeout: TIMEOUT_MILLIS, maxAuthAttempts: undefined };
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new TypeError(`The options of diagnose must be an object, got ${shown(given)}`);
  }
  const options = /** @type {Record<string, unknown>} */ (given);
  checkOptionNames(options, OPTIONS, 'diagnose');
  const { databases, timeout, maxAuthAttempts } = options;
  if (maxAuthAttempts !== undefined && !(Number.isInteger(maxAuthAttempts) && Number(maxAuthAttempts) >= 0)) {
    throw new TypeError(`"maxAuthAttempts" must be a whole number from 0 on, got ${shown(maxAuthAttempts)}`);
  }
  return {
    databases,
    timeout: amount('timeout', timeout, TIMEOUT_MILLIS) || TIMEOUT_MILLIS,
    maxAuthAttempts:
      maxAuthAttempts === undefined ? undefined : Math.min(Number(maxAuthAttempts), MANY_ATTEMPTS),
  };
}

/**
 * Looks at the connections of databases.
 *
 * @param {{ name: string, entry: Entry }[]} databases
 * @param {Limits} limits
 * @returns {Promise<Diagnosis[]>} one for each, in their order
 */
async function diagnoseAll(databases, limits) {
  /** @type {Diagnosis[]} */
  const diagnoses = new Array(databases.length);
  let next = 0;
  const worker = async () => {
    while (next < databases.length) {
      const index = next++;
      const { name, entry } = databases[index];
      diagnoses[index] = await diagnoseEntry(name, entry, limits);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, databases.length) }, worker));
  return diagnoses;
}

/**
 * @param {string} name
 * @param {Entry} entry
 * @param {Limits} limits
 * @returns {Promise<Diagnosis>}
 */
async function diagnoseEntry(name, entry, limits) {
  // A pool that the program has put there may be of another class.
  const lostIdle = LazyEntry.openedPool(entry)?._lostIdle?.() ?? [];
  return await diagnose(name, entry.config, () => LazyEntry.poolLike(entry), limits, { lostIdle });
}

/**
 * Gives the error of a connection its diagnosis, for which no password is sent.
 *
 * @template T
 * @param {string} name
 * @param {DatabaseConfig} config
 * @param {Promise<T>} connecting
 * @returns {Promise<T>} as it was
 */
async function explained(name, config, connecting) {
  try {
    return await connecting;
  } catch (error) {
    if (error === null || typeof error !== 'object' || !Object.isExtensible(error)) throw error;
    const entry = new LazyEntry(name, config, GUIDE_RULES);
    const limits = { timeout: TIMEOUT_MILLIS, maxAuthAttempts: 0 };
    const looking = diagnose(name, config, () => LazyEntry.poolLike(entry), limits, { error });
    // The first error wins, whatever becomes of the diagnosis. It is listed, so that a printed error has it.
    await looking.then(
      (diagnosis) => Object.assign(error, { diagnosis }),
      () => undefined,
    );
    throw error;
  }
}

/**
 * @param {string} name
 * @param {DatabaseConfig} config
 * @param {() => Pool | undefined} makePool
 * @param {Limits} limits
 * @param {{ lostIdle?: number[], error?: unknown }} known
 * @returns {Promise<Diagnosis>}
 */
async function diagnose(name, config, makePool, { timeout, maxAuthAttempts }, { lostIdle = [], error }) {
  /** @type {import('../native/addon').GivenConfiguration} */
  let given = { ...NOTHING_GIVEN };
  /** @type {Client | null} */
  let template = null;
  /** @type {import('../native/addon').Settings | undefined} */
  let settings;
  try {
    given = givenOf(config);
    const pool = makePool();
    if (pool === undefined) {
      throw new Error('The configuration has no PostgreSQL server: give "host", "connectionString" or "ref"');
    }
    // It says what is wrong with them only when it opens a connection.
    if (pool instanceof Pool) toPoolOptions(pool.options);
    given.hasOwnWay = hasOwnWay(pool);
    // A stream that is asked for is opened.
    template = new Client(
      given.hasOwnWay ? { ...pool.options, stream: undefined, connection: undefined } : pool.options,
    );
    given.suppliesPassword = typeof template.password === 'function';
    settings = settingsOf(template);
    const { targetSessionAttrs } = template.connectionParameters;
    given.takesStandby = STANDBY_TARGETS.includes(String(targetSessionAttrs));
  } catch (refusal) {
    given.refusal = { ...failureOf(refusal), message: withoutValues(refusal, config) };
  }
  const order = {
    given,
    failure: error === undefined ? undefined : failureOf(error),
    lostIdle,
    timeout,
    authAttempts: maxAuthAttempts,
  };
  const diagnosis = await new Promise((resolve, reject) => {
    const request = new DiagnosisRequest(template, resolve, reject);
    start(request, (id) => native.diagnose(id, order, settings));
  });
  return { database: name, ...diagnosis };
}

/**
 * What a program has given, for checks of its form.
 *
 * @param {DatabaseConfig} config
 * @returns {import('../native/addon').GivenConfiguration}
 */
function givenOf(config) {
  if (config === null || typeof config !== 'object') return { ...NOTHING_GIVEN };
  const whole = withCarried(config);
  const parts = partsOf(whole);
  const text = (/** @type {string[]} */ ...names) => {
    const values = [...names.map((name) => whole[name]), ...names.map((name) => parts[name])];
    return /** @type {string | undefined} */ (values.find((value) => typeof value === 'string'));
  };
  return {
    connectionString: text('connectionString', 'url'),
    host: text('dbHost', 'host'),
    user: text('dbUser', 'user'),
    password: text('dbPassword', 'password'),
    database: text('dbName', 'database'),
    reference: text('ref'),
    tls: tlsWish(whole.ssl),
    ...NOTHING_GIVEN,
    hasJit: /\bjit\b/.test(text('options') ?? ''),
  };
}

/**
 * @param {DatabaseConfig} config
 * @returns {DatabaseConfig} what its connection string says, too; nothing when that can't be read
 */
function partsOf(config) {
  try {
    return expanded(config);
  } catch {
    // It is what the diagnosis says then.
    return {};
  }
}

/**
 * @param {Pool} pool
 * @returns {boolean} whether the program makes the way to the server
 */
function hasOwnWay({ options, Client: Other }) {
  const isOther = typeof Other === 'function' && !(Object.create(Other.prototype) instanceof Client);
  return Boolean(options.stream || options.connection || isOther);
}

/**
 * @param {unknown} ssl
 * @returns {'off' | 'unverified' | 'verified' | undefined}
 */
function tlsWish(ssl) {
  if (ssl === undefined || ssl === null) return undefined;
  if (ssl === false || ssl === 'disable') return 'off';
  const { rejectUnauthorized } = /** @type {{ rejectUnauthorized?: unknown }} */ (Object(ssl));
  return rejectUnauthorized === false || ssl === 'no-verify' ? 'unverified' : 'verified';
}

/**
 * @param {unknown} error
 * @returns {import('../native/addon').KnownFailure}
 */
function failureOf(error) {
  const { severity, code, message } = /** @type {Record<string, unknown>} */ (Object(error));
  const text = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : undefined);
  return {
    kind: kindOf(Object(error)),
    severity: text(severity),
    code: text(code),
    message: text(message) ?? String(error),
  };
}

module.exports = { checkOptions, diagnoseAll, explained };
