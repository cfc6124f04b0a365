'use strict';

const {
  isDotnet,
  isKeywords,
  ofKeywords,
  readDotnet,
  readKeywords,
  readLines,
  readPartLines,
} = require('./connection-pairs');
const { isPostgresUrl, readUrl } = require('./connection-url');
const { isPsqlCommand, readPsqlCommand } = require('./psql-command');
const { projectRef } = require('./project-url');
const { readCertificates } = require('./tls-words');

/**
 * What a text says of a connection: options of a pool, `password` as it stands there, `ref` for a project's own URL,
 * `poolMode` where it names one. What it doesn't say is left out.
 *
 * @typedef {Record<string, unknown>} Parts
 */

const SUPABASE_HOST = /\.supabase\.(?:com|co|net|in|red|green)$/i;

/**
 * Reads a connection as the dashboard, drivers and tools write it: a URL, also of JDBC and SQLAlchemy; libpq's and
 * .NET's pairs, `appsettings.json` around them too; a command line of psql; lines of a file of variables; the URL of a
 * project.
 *
 * @param {string} given
 * @returns {Parts}
 * @throws {TypeError} when it can't be read; no message quotes it
 */
function readConnectionText(given) {
  if (given.length > MOST_LETTERS) {
    throw new TypeError(`"connectionString" must not be longer than ${MOST_LETTERS} characters`);
  }
  const parts = readAny(given.trim(), 0);
  const isSupabase = typeof parts.host === 'string' && SUPABASE_HOST.test(parts.host);
  // Neither the environment nor the user's name says it there.
  return isSupabase ? { port: '5432', database: 'postgres', ...parts } : parts;
}

/** The most that a connection takes, in whatever form, by far. */
const MOST_LETTERS = 8192;

/** A text is in at most so many others: a variable, a command of psql, pairs. */
const MOST_LEVELS = 4;

/**
 * @param {string} text
 * @param {number} level
 * @returns {Parts}
 */
function readAny(text, level) {
  if (level > MOST_LEVELS) throw unknownForm();
  const inner = /^(["'`])([^]+)\1[;,]?$/.exec(text)?.[2];
  if (inner !== undefined) return readAny(inner.trim(), level + 1);
  if (text.startsWith('{')) return readAny(fromSettingsFile(text), level + 1);
  if (isPsqlCommand(text)) return fromPsql(text, level);
  if (/^jdbc:/i.test(text)) return fromJdbc(text);
  if (/^https?:/i.test(text)) return fromProject(text);
  if (isPostgresUrl(text)) return readUrl(text);
  if (text.startsWith('/') || text.startsWith('socket:')) return readUrl(text);
  // Of another kind of server: node-postgres would send it the password.
  if (/^[a-z][a-z\d+.-]*:\/\//i.test(text)) throw unknownForm();
  if (isDotnet(text)) return readDotnet(text);
  const lines = readLines(text);
  const ofLines = text.includes('\n') ? readPartLines(lines) : undefined;
  if (ofLines !== undefined) return ofLines;
  if (isKeywords(text)) return readKeywords(text);
  const variable =
    lines.find(({ name }) => name === 'DATABASE_URL') ?? lines.find(({ value }) => value.includes(':'));
  if (variable !== undefined) return readAny(variable.value.trim(), level + 1);
  // A host by itself, or a URL without its scheme: node-postgres would go to some other place.
  throw unknownForm();
}

/** @param {string} text of a file appsettings.json */
function fromSettingsFile(text) {
  try {
    const { ConnectionStrings } = JSON.parse(text);
    const [first] = Object.values(ConnectionStrings);
    return String(first);
  } catch {
    // The parser's error would quote the text.
    throw unknownForm();
  }
}

/**
 * @param {string} text
 * @param {number} level
 * @returns {Parts}
 */
function fromPsql(text, level) {
  const { keywords, connection } = readPsqlCommand(text);
  return {
    ...ofKeywords(keywords),
    ...(connection === undefined ? {} : readAny(connection.trim(), level + 1)),
  };
}

const JDBC = /^jdbc:postgresql:(?:\/\/([^/?]*)\/?)?([^?]*)(?:\?(.*))?$/is;

/** A parameter: one begins behind `&` and before a name, so that a password may have an `&`. */
const PARAMETER = /(?:^|&)(\w+)=(.*?)(?=&\w+=|$)/gs;

/**
 * @param {string} text
 * @returns {Parts}
 */
function fromJdbc(text) {
  const [, servers, database, query = ''] = JDBC.exec(text) ?? [];
  if (database === undefined) throw unknownForm();
  const hosts = (servers || 'localhost')
    .split(',')
    .map((server) => /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(server));
  if (hosts.some((found) => found === null)) throw unknownForm();
  const names = hosts.map((found) => String(found?.[1]).replace(/^\[(.*)\]$/, '$1'));
  const ports = hosts.map((found) => found?.[2] ?? '');
  /** @type {Record<string, string>} */
  const words = {};
  for (const [, name, value] of query.matchAll(PARAMETER)) words[name] = decoded(value);
  const { user, password, ApplicationName, currentSchema, options, ssl, sslmode, sslrootcert } = words;
  const schema = currentSchema ? `-c search_path=${currentSchema.replace(/[\\ ]/g, '\\$&')}` : undefined;
  /** @type {Parts} */
  const parts = {
    host: names.join(','),
    port: ports.some((port) => port !== '') ? ports.join(',') : undefined,
    database: decoded(database) || undefined,
    user,
    password,
    application_name: ApplicationName,
    options: [options, schema].filter(Boolean).join(' ') || undefined,
    ...readCertificates({ sslmode: sslmode ?? (ssl === 'true' ? 'verify-full' : undefined), sslrootcert }),
  };
  if (ssl === 'false') parts.ssl = false;
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined && value !== ''));
}

/** @param {string} text that may not be encoded */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    // A % that begins no escape.
    return text;
  }
}

/**
 * @param {string} text
 * @returns {Parts}
 */
function fromProject(text) {
  const ref = projectRef(text);
  if (ref !== null) return { ref };
  throw new TypeError(
    '"connectionString" is the URL of an API, which does not tell where its database is: give the connection string ' +
      'of the pooler or of the database (Connect, in the dashboard), as SUPABASE_POOLER_URL where the URL is ' +
      'SUPABASE_URL; or "ref", the name of the project',
  );
}

function unknownForm() {
  return new TypeError(
    '"connectionString" can\'t be read: it must be a URL as "postgresql://…", pairs of libpq or .NET, a command of psql, ' +
      'or the URL of a project, "https://<ref>.supabase.co"',
  );
}

module.exports = { readConnectionText };
