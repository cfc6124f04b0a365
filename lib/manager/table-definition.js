'use strict';

const { escapeIdentifier } = require('../pg/query/escape');
const { shown } = require('../pg/settings/option');

/**
 * @param {unknown} name a dot separates schema and table; every part is taken as it is
 * @param {unknown} columns definitions by names, which are taken as they are too
 * @returns {string} the statement that creates it, unless it is there
 * @throws {TypeError} for a name or columns of another kind
 */
function tableDefinition(name, columns) {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(`The name of a table must be a string that isn't empty, got ${shown(name)}`);
  }
  if (columns === null || typeof columns !== 'object' || Array.isArray(columns)) {
    throw new TypeError(`The columns of a table must be an object, got ${shown(columns)}`);
  }
  const parts = Object.entries(columns).map(([column, definition]) => {
    if (typeof definition !== 'string') {
      throw new TypeError(`The definition of a column must be a string, got ${shown(definition)}`);
    }
    return `  ${escapeIdentifier(column)} ${definition}`;
  });
  const table = name.split('.').map(escapeIdentifier).join('.');
  // A definition may end in a comment, so the comma is on the next line.
  return `CREATE TABLE IF NOT EXISTS ${table} (\n${parts.join('\n,')}\n)`;
}

module.exports = { tableDefinition };
