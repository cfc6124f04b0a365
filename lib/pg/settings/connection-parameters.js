'use strict';

const { parseConnectionString } = require('./connection-string');
const defaults = require('./defaults');
const { conceal, hide, printedSafely, secretiveTls, withCarried } = require('./secret');

/**
 * @typedef {import('./options').ClientOptions} ClientOptions
 * @typedef {import('./options').ServerOptions} ServerOptions
 */

/**
 * The value of an option: from the configuration, else from the environment, else the default. As in node-postgres an
 * empty or zero value counts as none.
 *
 * @template {keyof ServerOptions} K
 * @param {K} key
 * @param {ClientOptions} config
 * @param {string | false} [variable] the variable's name when it isn't PG + KEY; false for an option that has none
 * @returns {ServerOptions[K]}
 */
function option(key, config, variable = 'PG' + key.toUpperCase()) {
  if (config[key]) return config[key];
  const fromEnvironment = variable === false ? undefined : process.env[variable];
  return /** @type {ServerOptions[K]} */ (fromEnvironment) || defaults[key];
}

function sslFromEnvironment() {
  switch (process.env.PGSSLMODE) {
    case 'disable':
      return false;
    case 'prefer':
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      return true;
    case 'no-verify':
      return { rejectUnauthorized: false };
    default:
      return defaults.ssl;
  }
}

/** @param {unknown} ssl */
function sslOption(ssl) {
  if (ssl === undefined) return sslFromEnvironment();
  if (ssl === 'true') return true;
  if (ssl === 'no-verify') return { rejectUnauthorized: false };
  return ssl;
}

/** @param {unknown} value */
function quotedForLibpq(value) {
  return "'" + String(value).replace(/\\/g, '\\\\').replace(/'/g, "\\'") + "'";
}

/** What a client connects with, settled when the client is made: configuration, environment, defaults. */
class ConnectionParameters {
  /** @param {string | ClientOptions} [given] */
  constructor(given) {
    /** @type {ClientOptions} */
    let config = typeof given === 'string' ? parseConnectionString(given) : withCarried(given) || {};
    if (config.connectionString) {
      config = { ...config, ...parseConnectionString(config.connectionString) };
    }

    this.user = option('user', config);
    this.database = option('database', config);
    if (this.database === undefined) this.database = this.user;
    const port = option('port', config);
    this.port = parseInt(String(port), 10);
    this.host = /** @type {string} */ (option('host', config));
    /** @type {string | import('./options').PasswordFunction | null | undefined} */
    this.password = option('password', config);
    this.binary = option('binary', config);
    this.options = option('options', config);

    this.ssl = secretiveTls(sslOption(config.ssl));
    this.sslnegotiation = option('sslnegotiation', config, 'PGSSLNEGOTIATION');
    if (![undefined, 'postgres', 'direct'].includes(this.sslnegotiation)) {
      throw new Error(
        `Invalid sslnegotiation value: "${this.sslnegotiation}". Valid values are "postgres" and "direct".`,
      );
    }
    if (this.sslnegotiation === 'direct' && !this.ssl) {
      throw new Error('sslnegotiation=direct requires SSL to be enabled');
    }

    this.client_encoding = option('client_encoding', config);
    this.replication = option('replication', config);
    this.isDomainSocket = String(this.host || '').startsWith('/');
    this.application_name = option('application_name', config, 'PGAPPNAME');
    this.fallback_application_name = option('fallback_application_name', config, false);
    this.statement_timeout = option('statement_timeout', config, false);
    this.lock_timeout = option('lock_timeout', config, false);
    this.idle_in_transaction_session_timeout = option('idle_in_transaction_session_timeout', config, false);
    this.query_timeout = option('query_timeout', config, false);

    if (config.connectionTimeoutMillis === undefined) {
      this.connect_timeout = process.env.PGCONNECT_TIMEOUT || 0;
    } else {
      this.connect_timeout = Math.floor(Number(config.connectionTimeoutMillis) / 1000);
    }
    if (config.keepAlive === false) this.keepalives = 0;
    else if (config.keepAlive === true) this.keepalives = 1;
    if (typeof config.keepAliveInitialDelayMillis === 'number') {
      this.keepalives_idle = Math.floor(config.keepAliveInitialDelayMillis / 1000);
    }

    // Parameters that node-postgres doesn't have; hidden, so that the own properties stay the same.
    /** @type {string | number | undefined} */
    this.ports = port;
    /** @type {string | undefined} */
    this.targetSessionAttrs =
      config.targetSessionAttrs || option('target_session_attrs', config, 'PGTARGETSESSIONATTRS');
    /** @type {string | undefined} */
    this.channelBinding = option('channel_binding', config, 'PGCHANNELBINDING');
    /** @type {string | undefined} */
    this.requireAuth = option('require_auth', config, 'PGREQUIREAUTH');
    hide(this, 'ports', 'targetSessionAttrs', 'channelBinding', 'requireAuth');
    conceal(this, 'password');
  }

  /**
   * The parameters as a libpq connection string. Programs hand it to tools that are built on libpq.
   *
   * @param {(error: Error | null, connectionString: string | null) => void} callback
   */
  getLibpqConnectionString(callback) {
    const given = typeof this.ssl === 'object' ? this.ssl : this.ssl ? { sslmode: this.ssl } : {};
    const ssl = /** @type {Record<string, unknown>} */ (given);
    const pairs = [
      ['user', this.user],
      ['password', this.password],
      ['port', this.port],
      ['application_name', this.application_name],
      ['fallback_application_name', this.fallback_application_name],
      ['connect_timeout', this.connect_timeout],
      ['options', this.options],
      ['sslmode', ssl.sslmode],
      ['sslca', ssl.sslca],
      ['sslkey', ssl.sslkey],
      ['sslcert', ssl.sslcert],
      ['sslrootcert', ssl.sslrootcert],
      ['sslnegotiation', this.sslnegotiation],
      ['dbname', this.database || undefined],
      ['replication', this.replication || undefined],
      ['host', this.host || undefined],
    ];
    if (!this.isDomainSocket) pairs.push(['client_encoding', this.client_encoding || undefined]);
    const text = pairs
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => name + '=' + quotedForLibpq(value))
      .join(' ');
    if (this.isDomainSocket) {
      callback(null, text);
      return;
    }
    require('node:dns').lookup(this.host, (error, address) => {
      if (error) callback(error, null);
      else callback(null, text + ' hostaddr=' + quotedForLibpq(address));
    });
  }
}

printedSafely(ConnectionParameters.prototype);

module.exports = ConnectionParameters;
