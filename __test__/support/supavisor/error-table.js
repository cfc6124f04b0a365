'use strict';

// What Supavisor says, by the code in front of the text. `older`: the text before there were codes.

const BLOCKED = 'new connections are temporarily blocked';

/** @type {Record<string, { sqlstate?: string, text: (of: any) => string, older?: (of: any) => string, bare?: boolean }>} */
const ERRORS = {
  ENOTFOUND: {
    text: ({ user, ref }) => `tenant/user ${ref === undefined ? user : `${user}.${ref}`} not found`,
    older: () => 'Tenant or user not found',
  },
  ENOIDENTIFIER: {
    text: () => 'no tenant identifier provided (external_id or sni_hostname required)',
  },
  EINVALIDUSERINFO: {
    text: () => 'Authentication error, reason: "Invalid format for user or db_name"',
  },
  EMULTIPLEUSERS: {
    text: ({ user, ref }) => `multiple users matched for ${user}.${ref}, check tenant configuration`,
  },
  EBANNED: { text: ({ reason }) => `tenant is banned: ${reason}` },
  ESSLREQUIRED: {
    text: ({ user }) => `SSL connection is required for user: ${user}`,
    older: () => 'SSL connection is required',
  },
  EADDRNOTALLOWED: {
    text: ({ address }) => `address not in tenant allow_list: {${address.split('.').join(', ')}}`,
    older: ({ address }) => `Address not in tenant allow_list: {${address.split('.').join(', ')}}`,
  },
  EWRONGPASSWORD: {
    sqlstate: '28P01',
    bare: true,
    text: ({ user }) => `password authentication failed for user "${user}"`,
  },
  EJITUNAUTHORIZED: {
    sqlstate: '28P01',
    bare: true,
    text: ({ user }) => `password authentication failed for user "${user}"`,
  },
  EJITREQUESTFAILED: { text: () => 'failed to reach JIT provider for user' },
  ECIRCUITBREAKER: {
    text: ({ operation }) =>
      ({
        auth_error: `too many authentication failures, ${BLOCKED}`,
        get_secrets: `failed to retrieve database credentials after multiple attempts, ${BLOCKED}`,
        db_connection: `too many failed attempts to connect to the database, ${BLOCKED}`,
      })[operation],
  },
  EAUTHQUERY: { text: ({ reason = 'user not found in the database' }) => reason },
  EAUTHSECRETS: { text: () => 'failed to retrieve authentication secrets' },
  EAUTHTIMEOUT: { sqlstate: '08006', text: () => 'timeout while waiting for message' },
  EAUTHPROTOCOL: { sqlstate: '08P01', text: () => 'protocol violation during authentication' },
  ESTARTUPMESSAGE: { sqlstate: '08P01', text: () => 'Invalid startup message: not a start-up packet' },
  ESTARTUPPACKETTOOLARGE: {
    sqlstate: '08P01',
    text: () => 'Startup packet too large (max 1024 bytes)',
  },
  ESSLHANDSHAKE: { sqlstate: '08006', text: () => 'SSL handshake failed' },
  EMAXCONNSESSION: {
    text: ({ limit }) =>
      `max clients reached in session mode - max clients are limited to pool_size: ${limit}`,
    older: () =>
      'MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size',
  },
  EMAXCONN: {
    text: ({ limit }) => `max client connections reached, limit: ${limit}`,
    older: () => 'Max client connections reached',
  },
  EMAXPOOLSREACHED: { text: () => 'max pools count reached', older: () => 'Max pools count reached' },
  ECHECKOUTTIMEOUT: {
    text: ({ millis, mode }) =>
      `unable to check out connection from the pool after ${millis} ms in ${mode === 'session' ? 'Session' : 'Transaction'} mode`,
    older: () => 'Unable to check out process from the pool due to timeout',
  },
  ECHECKOUTRETRIES: { text: () => 'failed to check out a connection after multiple retries' },
  EPOOLCHECKOUT: { text: () => 'failed to check out a connection from the pool' },
  EDBHANDLEREXITED: { text: () => 'DbHandler exited', older: () => 'DbHandler exited' },
  ESUBSCRIBERETRIES: { text: () => 'failed to subscribe to tenant after multiple retries' },
  EPROXYSTARTFAILED: { text: () => 'failed to start the proxy connection' },
  EPROXYSUPERVISORUNAVAILABLE: { text: () => 'proxy supervisor is unavailable' },
  EPOOLCONFIGNOTFOUND: { text: () => 'pool configuration not found' },
  EPOOLRANCHNOTFOUND: { text: () => 'pool listener not found' },
  EWORKERNOTFOUND: { text: () => 'pool worker not found' },
  EPREPAREDDUP: { sqlstate: '42P05', text: ({ name }) => `prepared statement "${name}" already exists` },
  EPREPAREDNOTFOUND: { sqlstate: '26000', text: ({ name }) => `prepared statement "${name}" does not exist` },
  EMAXPREPARED: { text: () => 'max prepared statements limit reached. Limit: 100 per connection' },
  EMAXPREPAREDMEM: { text: () => 'max prepared statements memory limit reached. Limit: 1MB per connection' },
  EPSSIMPLEQUERY: {
    text: () => 'transaction mode only supports prepared statements using the Extended Query Protocol',
    older: () =>
      'Supavisor transaction mode only supports prepared statements using the Extended Query Protocol',
  },
};

/**
 * The fields of an ErrorResponse, by their letters.
 *
 * @param {string} code a key of the table
 * @param {object} [of] what the text speaks of: `user`, `ref`, `address`, `limit`, `reason` and so on
 * @param {{ older?: boolean }} [style] `older`: without the code, as before March 2026
 * @returns {Record<string, string>}
 */
function errorFields(code, of = {}, { older = false } = {}) {
  const { sqlstate = 'XX000', text, older: olderText = text, bare = false } = ERRORS[code];
  const message = older ? olderText(of) : bare ? text(of) : `(${code}) ${text(of)}`;
  return { S: 'FATAL', V: 'FATAL', C: sqlstate, M: message };
}

/** The database's own answer to a client that comes while the server goes down. */
const ADMIN_SHUTDOWN = {
  S: 'FATAL',
  V: 'FATAL',
  C: '57P01',
  M: 'terminating connection due to administrator command',
};

module.exports = { ADMIN_SHUTDOWN, ERRORS, errorFields };
