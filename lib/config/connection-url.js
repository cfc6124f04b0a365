'use strict';

const { parseConnectionString } = require('../pg/settings/connection-string');
const { checkFilledIn } = require('./placeholder');

/** Also as SQLAlchemy writes it, with the name of a driver. */
const POSTGRES = /^postgres(?:ql)?(?:\+\w+)?:\/\//i;

/** What stands before the host, where this is a project's own or a pooler's. */
const AT_SUPABASE = /@(?=(?:[\w-]+\.)+supabase\.(?:com|co|net|in|red|green)(?::\d*)?(?:[/?#]|$))/gi;

/** What stands before the host at the end of a URL: a host, a port, a database, and parameters that have values. */
const AT_HOST = /@(?=(?:[^\s@:/?#,[\]]+|\[[\da-f:.]+\])(?::\d+)?(?:\/[^\s@?#]*)?(?:\?[^@?#=]*=[^@#]*)?$)/gi;

/** What a connection string can say; whatever else it names is ignored, as in node-postgres. */
const PARTS = [
  'user',
  'password',
  'host',
  'port',
  'database',
  'ssl',
  'sslnegotiation',
  'options',
  'application_name',
  'fallback_application_name',
  'client_encoding',
  'replication',
  'binary',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'query_timeout',
  'target_session_attrs',
  'channel_binding',
  'require_auth',
];

/**
 * @param {string} text
 * @returns {boolean}
 */
function isPostgresUrl(text) {
  return POSTGRES.test(text);
}

/**
 * What a URL says, or the path of a socket, by node-postgres's rules; but a password that isn't encoded is understood
 * where it is clear how far it goes.
 *
 * @param {string} text
 * @returns {Record<string, unknown>} options of a client
 * @throws {TypeError} when it can't be read; the message doesn't quote it
 */
function readUrl(text) {
  const rest = text.replace(POSTGRES, '');
  const given = readStandard(rest === text ? text : `postgresql://${withEncodedLogin(rest)}`);
  /** @type {Record<string, unknown>} */
  const parts = {};
  for (const name of PARTS) {
    const value = given[name];
    if (value !== undefined && value !== null && value !== '') parts[name] = value;
  }
  if (parts.target_session_attrs === undefined && given.targetSessionAttrs) {
    parts.target_session_attrs = given.targetSessionAttrs;
  }
  // Prisma's word for a pooler in transaction mode.
  if (given.pgbouncer === 'true') parts.poolMode = 'transaction';
  return parts;
}

/**
 * @param {string} url
 * @returns {Record<string, unknown>}
 */
function readStandard(url) {
  try {
    return /** @type {Record<string, unknown>} */ (parseConnectionString(url));
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== 'ERR_INVALID_URL' && !(error instanceof URIError)) throw error;
    // A placeholder can't stand in a host, and a parser has no words for that.
    const [, host] = /^postgresql:\/\/(?:[^/?#]*@)?([^/?#@]*)/.exec(url) ?? [];
    checkFilledIn({ host });
    throw unreadable(code);
  }
}

/** @param {string} [code] */
function unreadable(code = 'ERR_INVALID_URL') {
  const error = new TypeError(
    'Invalid connection string: in a URL, @ : / ? # % and blanks of a password must be written as %40 and so on; ' +
      'or give the password by itself, as "password"',
  );
  return Object.assign(error, { code });
}

/**
 * @param {string} rest of a URL, behind its scheme
 * @returns {string} the same, with user and password encoded where they weren't
 */
function withEncodedLogin(rest) {
  const isSplit = splitsInLogin(rest);
  const places = [...rest.matchAll(AT_SUPABASE), ...(isSplit ? rest.matchAll(AT_HOST) : [])];
  const at = Math.max(-1, ...places.map(({ index }) => index));
  if (at === -1) {
    if (isSplit) throw unreadable();
    return rest;
  }
  const login = rest.slice(0, at);
  const colon = login.indexOf(':');
  if (colon === -1) return encoded(login) + rest.slice(at);
  return `${encoded(login.slice(0, colon))}:${encoded(login.slice(colon + 1))}${rest.slice(at)}`;
}

/**
 * Whether a parser of URLs would take the host from the middle of a password: the last `@` that can't belong to a
 * value then stands behind what it takes for the host.
 *
 * @param {string} rest
 */
function splitsInLogin(rest) {
  const end = rest.search(/[/?#]/);
  if (end === -1) return false;
  const authority = rest.slice(0, end);
  const [beforeHash, ...hashes] = rest.slice(end).split('#');
  const [path, ...queries] = beforeHash.split('?');
  const names = queries
    .join('?')
    .split('&')
    .map((pair) => pair.split('=')[0]);
  if ([path, ...hashes, ...names].some((part) => part.includes('@'))) return true;
  const isNoHost = !authority.includes('@') && /:[^:\]]*[^\d:\],][^:\]]*$/.test(authority);
  return isNoHost && queries.some((query) => query.includes('@'));
}

/**
 * @param {string} part of a login, encoded or not
 * @returns {string} encoded
 */
function encoded(part) {
  let plain = part;
  try {
    plain = decodeURIComponent(part);
  } catch {
    // A % that begins no escape: what has it isn't encoded.
  }
  return encodeURIComponent(plain);
}

module.exports = { isPostgresUrl, readUrl };
