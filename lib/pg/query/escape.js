'use strict';

/**
 * Quotes a name for use in SQL text, so that it is taken as it stands.
 *
 * @param {string} str named as in node-postgres, because the error about a value that is no text names it
 * @returns {string}
 */
function escapeIdentifier(str) {
  return '"' + str.replace(/"/g, '""') + '"';
}

/**
 * Quotes a value as a text literal. A backslash makes it an escape string (` E'…'`, with the leading space that keeps
 * it apart from a word before it), so the result doesn't depend on `standard_conforming_strings`.
 *
 * @param {unknown} value anything but a string gives the empty literal, as in node-postgres
 * @returns {string}
 */
function escapeLiteral(value) {
  if (typeof value !== 'string') return "''";
  const quoted = "'" + value.replace(/'/g, "''").replace(/\\/g, '\\\\') + "'";
  return value.includes('\\') ? ' E' + quoted : quoted;
}

module.exports = { escapeIdentifier, escapeLiteral };
