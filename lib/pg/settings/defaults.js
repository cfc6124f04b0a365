'use strict';

const { pgTypes } = require('../../rows/types');

let user;
try {
  user = process.platform === 'win32' ? process.env.USERNAME : process.env.USER;
} catch {
  // A runtime may refuse access to the environment; there is no default user then.
  user = undefined;
}

/**
 * What an option is when neither the configuration nor the environment says anything. Live: a change counts for
 * every client that is made afterwards (`parseInputDatesAsUTC` and `parseInt8` for every query).
 *
 * @type {import('./options').Defaults}
 */
const defaults = {
  host: 'localhost',
  user,
  database: undefined,
  password: null,
  connectionString: undefined,
  port: 5432,
  rows: 0,
  binary: false,
  max: 10,
  idleTimeoutMillis: 30000,
  client_encoding: '',
  ssl: false,
  sslnegotiation: undefined,
  application_name: undefined,
  fallback_application_name: undefined,
  options: undefined,
  parseInputDatesAsUTC: false,
  statement_timeout: false,
  lock_timeout: false,
  idle_in_transaction_session_timeout: false,
  query_timeout: false,
  connect_timeout: 0,
  keepalives: 1,
  keepalives_idle: 0,
};

const INT4 = 23;
const INT8 = 20;
const INT4_ARRAY = 1007;
const INT8_ARRAY = 1016;

const int8AsText = pgTypes.getTypeParser(INT8, 'text');
const int8ArrayAsText = pgTypes.getTypeParser(INT8_ARRAY, 'text');

// A write-only switch, as in node-postgres: it swaps the parsers of the whole process.
Object.defineProperty(defaults, 'parseInt8', {
  configurable: true,
  enumerable: true,
  get: undefined,
  set(asNumber) {
    pgTypes.setTypeParser(INT8, 'text', asNumber ? pgTypes.getTypeParser(INT4, 'text') : int8AsText);
    pgTypes.setTypeParser(
      INT8_ARRAY,
      'text',
      asNumber ? pgTypes.getTypeParser(INT4_ARRAY, 'text') : int8ArrayAsText,
    );
  },
});

module.exports = defaults;
