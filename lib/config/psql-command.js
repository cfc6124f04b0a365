'use strict';

/** Options of psql that have a value, besides those that say where to connect. */
const WITH_VALUE = 'cfoLFRPTv';

/** @type {Record<string, string>} */
const SHORT = { h: 'host', p: 'port', d: 'dbname', U: 'username' };

/** @type {Record<string, string>} */
const KEYWORDS = { host: 'host', port: 'port', dbname: 'dbname', username: 'user' };

const LONG_WITH_VALUE = [
  'command',
  'file',
  'output',
  'log-file',
  'field-separator',
  'record-separator',
  'pset',
  'table-attr',
  'set',
  'variable',
];

/** A word as a shell reads it: bare, in quotes, or both. */
const WORD = /(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/gs;
const PIECE = /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)|([^"'\\]+)/gs;

const COMMAND = /^(?:[$>%]\s+)?((?:[A-Z_]+=(?:"[^"]*"|'[^']*'|[^\s"']\S*|)\s+)*)psql(?:\.exe)?(?=\s|$)(.*)$/s;

/** @param {string} text */
function isPsqlCommand(text) {
  return COMMAND.test(text);
}

/**
 * Where a command line of psql connects to.
 *
 * @param {string} text
 * @returns {{ keywords: Record<string, string>, connection: string | undefined }} by libpq's keywords, and what it has as
 *   a connection string, which wins
 */
function readPsqlCommand(text) {
  const [, variables, rest] = /** @type {RegExpExecArray} */ (COMMAND.exec(text));
  /** @type {Record<string, string>} */
  const keywords = {};
  for (const word of wordsOf(variables)) {
    const [, name, value] = /^PG([A-Z]+)=(.*)$/s.exec(word) ?? [];
    if (name) keywords[name === 'DATABASE' ? 'dbname' : name.toLowerCase()] = value;
  }
  const bare = [];
  // Ends a line in a shell.
  const words = wordsOf(rest.replace(/\\\r?\n/g, ' '));
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    const [, long, after] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const [, short, attached] = /^-([A-Za-z])(.*)$/s.exec(word) ?? [];
    const option = long ?? SHORT[short];
    if (option !== undefined && Object.hasOwn(KEYWORDS, option)) {
      const own = long === undefined ? attached || undefined : after;
      keywords[KEYWORDS[option]] = own ?? words[(at += 1)] ?? '';
    } else if (long !== undefined) {
      if (LONG_WITH_VALUE.includes(long) && after === undefined) at += 1;
    } else if (short !== undefined) {
      if (WITH_VALUE.includes(short) && attached === '') at += 1;
    } else {
      bare.push(word);
    }
  }
  const [database, user] = keywords.dbname === undefined ? bare : [undefined, bare[0]];
  if (database !== undefined) keywords.dbname = database;
  if (user !== undefined) keywords.user ??= user;
  const { dbname } = keywords;
  if (dbname === undefined || !/:\/\/|=/.test(dbname)) return { keywords, connection: undefined };
  delete keywords.dbname;
  return { keywords, connection: dbname };
}

/** @param {string} text @returns {string[]} */
function wordsOf(text) {
  return (text.match(WORD) ?? []).map((word) =>
    word.replace(PIECE, (_, double, single, escaped, bare) => {
      if (double !== undefined) return double.replace(/\\(["\\$`])/g, '$1');
      return single ?? escaped ?? bare;
    }),
  );
}

module.exports = { isPsqlCommand, readPsqlCommand };
