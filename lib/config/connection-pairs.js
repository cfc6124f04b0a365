'use strict';

// Connections as pairs of a name and a value: libpq's, one line each as programs read them from a file, and .NET's.

const { readCertificates } = require('./tls-words');

/**
 * @typedef {Record<string, unknown>} Parts options of a client
 */

/** What libpq calls the options of a client; those that are left out mean nothing here. */
const KEYWORDS = {
  host: 'host',
  hostaddr: 'host',
  port: 'port',
  dbname: 'database',
  database: 'database',
  user: 'user',
  password: 'password',
  options: 'options',
  application_name: 'application_name',
  fallback_application_name: 'fallback_application_name',
  client_encoding: 'client_encoding',
  replication: 'replication',
  target_session_attrs: 'target_session_attrs',
  channel_binding: 'channel_binding',
  require_auth: 'require_auth',
  sslnegotiation: 'sslnegotiation',
};

/** Those that end the value before them; without options of TLS it wouldn't be known where a bare value ends. */
const NAMES = [
  ...Object.keys(KEYWORDS),
  ...['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'sslpassword', 'sslcompression', 'sslsni', 'sslcrl'],
  ...['connect_timeout', 'keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count'],
  ...['tcp_user_timeout', 'gssencmode', 'krbsrvname', 'passfile', 'service', 'load_balance_hosts'],
];

const PAIR = new RegExp(
  `(?:^|\\s)(${NAMES.join('|')})\\s*=\\s*('(?:\\\\.|[^'\\\\])*'|.*?)(?=\\s+(?:${NAMES.join('|')})\\s*=|\\s*$)`,
  'gs',
);

const KEYWORD = new RegExp(`^\\s*(?:${NAMES.join('|')})\\s*=`);

/** A pair behind a value. */
const ANOTHER = new RegExp(`\\s(?:${NAMES.join('|')})\\s*=`);

const LINE = /^(?:export\s+)?([A-Za-z_][\w.]*)\s*=([^]*)$/;

/** What programs put before the names in their environment. */
const PREFIX = /^(?:pg|db_|postgres_|database_)/;

/** What programs call libpq's keywords in their environment. */
const OTHER_WORDS = { name: 'dbname', username: 'user', pass: 'password', db: 'dbname' };

/** @param {string} text */
function isKeywords(text) {
  return KEYWORD.test(text);
}

/**
 * libpq's form, `host=… user=… password='…'`. A bare value may have blanks: it goes on to the next keyword.
 *
 * @param {string} text
 * @returns {Parts}
 */
function readKeywords(text) {
  /** @type {Record<string, string>} */
  const words = {};
  for (const [, name, value] of text.matchAll(PAIR)) {
    words[name] = (value.startsWith("'") ? value.slice(1, -1) : value).replace(/\\(.)/gs, '$1');
  }
  return ofKeywords(words);
}

/**
 * @param {Record<string, string>} words
 * @returns {Parts}
 * @throws {TypeError}
 */
function ofKeywords(words) {
  if (words.service)
    throw new TypeError('"connectionString" names a service, and files of services are not read');
  /** @type {Parts} */
  const parts = {};
  for (const [name, option] of Object.entries(KEYWORDS)) {
    const value = words[name];
    if (value !== undefined && value !== '') parts[option] ??= value;
  }
  for (const name of ['host', 'port', 'user', 'database']) {
    if (/[\s=]/.test(String(parts[name] ?? ''))) {
      throw new TypeError(
        `"connectionString" can't be read behind its ${name}: quote values with blanks as 'a b'`,
      );
    }
  }
  const { sslmode, sslrootcert, sslcert, sslkey, sslpassword } = words;
  return { ...parts, ...readCertificates({ sslmode, sslrootcert, sslcert, sslkey, sslpassword }) };
}

/**
 * Lines of a file of variables: those that are no pairs and those of comments are passed over.
 *
 * @param {string} text
 * @returns {{ name: string, value: string }[]}
 */
function readLines(text) {
  return text
    .split(/\r?\n/)
    .map((line) => LINE.exec(line.trim()))
    .filter((found) => found !== null)
    .map(([, name, value]) => ({ name, value: unquoted(value.replace(/;$/, '').trim()) }));
}

/**
 * Lines that have a part of a connection each, as `user=…` or `PGUSER=…`.
 *
 * @param {{ name: string, value: string }[]} lines
 * @returns {Parts | undefined} undefined when they don't
 */
function readPartLines(lines) {
  // Lines of libpq's own form.
  if (lines.some(({ name, value }) => KEYWORD.test(`${name}=`) && ANOTHER.test(value))) return undefined;
  /** @type {Record<string, string>} */
  const words = {};
  for (const { name, value } of lines) {
    const word = name.toLowerCase().replace(PREFIX, '');
    words[
      Object.hasOwn(OTHER_WORDS, word) ? OTHER_WORDS[/** @type {keyof typeof OTHER_WORDS} */ (word)] : word
    ] ??= value;
  }
  return words.host && (words.user || words.dbname || words.password) ? ofKeywords(words) : undefined;
}

/** @param {string} value */
function unquoted(value) {
  return /^(["'`])([^]*)\1$/.exec(value)?.[2] ?? value;
}

/** What .NET calls the options of a client, without blanks and in small letters. */
const DOTNET = {
  host: 'host',
  server: 'host',
  datasource: 'host',
  port: 'port',
  database: 'database',
  db: 'database',
  initialcatalog: 'database',
  username: 'user',
  userid: 'user',
  user: 'user',
  uid: 'user',
  password: 'password',
  pwd: 'password',
  psw: 'password',
  options: 'options',
  applicationname: 'application_name',
  targetsessionattributes: 'target_session_attrs',
};

const DOTNET_PAIR =
  /(?:^|;)\s*([a-z][a-z _]*?)\s*=\s*("(?:""|[^"])*"|'(?:''|[^'])*'|.*?)(?=\s*;\s*[a-z][a-z _]*=|;?\s*$)/gis;

/** @param {string} text */
function isDotnet(text) {
  const [, first] = /^\s*([a-z][a-z _]*?)\s*=/i.exec(text) ?? [];
  const isKnown = first !== undefined && dotnetWord(first) in { ...DOTNET, sslmode: '', pooling: '' };
  return isKnown && /;\s*[a-z][a-z _]*=/i.test(text);
}

/** @param {string} name */
function dotnetWord(name) {
  return name.toLowerCase().replace(/[ _]/g, '');
}

/**
 * .NET's form, `Host=…;Username=…;Password="…"`.
 *
 * @param {string} text
 * @returns {Parts}
 */
function readDotnet(text) {
  /** @type {Record<string, string>} */
  const words = {};
  for (const [, name, value] of text.matchAll(DOTNET_PAIR)) {
    const quote = /^(["'])[^]*\1$/.exec(value)?.[1];
    words[dotnetWord(name)] = quote ? value.slice(1, -1).replaceAll(quote + quote, quote) : value.trim();
  }
  /** @type {Parts} */
  const parts = {};
  for (const [name, option] of Object.entries(DOTNET)) {
    if (words[name]) parts[option] ??= words[name];
  }
  const sslmode = words.sslmode?.toLowerCase().replace(/^verify-?(ca|full)$/, 'verify-$1');
  const sslrootcert = words.rootcertificate;
  return { ...parts, ...readCertificates({ sslmode, sslrootcert }) };
}

module.exports = { isDotnet, isKeywords, ofKeywords, readDotnet, readKeywords, readLines, readPartLines };
