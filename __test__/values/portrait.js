'use strict';

const { types } = require('node:util');

// A portrait is a text that is equal for two values exactly when no program could tell them apart: it shows
// what assert.deepStrictEqual leaves out (the order of keys, the sign of zero inside text, accessors) and
// names the prototype, so that one comparison of two strings covers a whole result.

const nameOfPrototype = (value) => {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null ? 'null' : prototype.constructor.name;
};

const portraitOfProperties = (value, skip = () => false) =>
  Reflect.ownKeys(value)
    .filter((key) => !skip(key))
    .map((key) => {
      const property = Object.getOwnPropertyDescriptor(value, key);
      const flags = `${property.writable ? 'w' : ''}${property.enumerable ? 'e' : ''}${property.configurable ? 'c' : ''}`;
      const name = typeof key === 'symbol' ? String(key) : JSON.stringify(key);
      return `${name}${flags === 'wec' ? '' : `<${flags}>`}: ${'value' in property ? portrait(property.value) : 'accessor'}`;
    })
    .join(', ');

const isIndex = (key) => typeof key === 'string' && /^(0|[1-9]\d*)$/.test(key);

/**
 * @param {unknown} value anything that a result can hold
 * @returns {string}
 */
function portrait(value) {
  if (value === null || typeof value !== 'object') {
    if (typeof value === 'string') return JSON.stringify(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'function') return `function ${value.name}`;
    return Object.is(value, -0) ? '-0' : String(value);
  }
  if (Buffer.isBuffer(value)) return `Buffer ${value.toString('hex')}`;
  if (types.isDate(value)) return `Date ${value.getTime()} {${portraitOfProperties(value)}}`;
  if (Array.isArray(value)) {
    const items = Array.from({ length: value.length }, (_, index) =>
      index in value ? portrait(value[index]) : 'hole',
    );
    const extra = portraitOfProperties(value, (key) => isIndex(key) || key === 'length');
    return `${nameOfPrototype(value)}[${items.join(', ')}]${extra && ` with {${extra}}`}`;
  }
  return `${nameOfPrototype(value)}{${portraitOfProperties(value)}}`;
}

const ERROR_MARK = '✖ ';
const ERROR_MANNERS = new Set(['stack', 'cause']);

/** What a program can see of an error; the stack is left out because it names files. */
const portraitOfError = (error) =>
  `${ERROR_MARK}${error.constructor.name}: ${error.message} {${portraitOfProperties(error, (key) => ERROR_MANNERS.has(key))}}`;

/** The documented part of a Result: what is left out is node-postgres's own bookkeeping. */
const portraitOfResult = (result) => {
  if (Array.isArray(result)) return `[${result.map(portraitOfResult).join(',\n')}]`;
  const fields = result.fields.map((field) => portrait({ ...field })).join('\n');
  const { command, rowCount, oid, rows } = result;
  return `${portrait({ command, rowCount, oid })}\nfields ${fields}\nrows ${rows.map(portrait).join('\n')}`;
};

/**
 * Waits for a query and describes how it ended, well or badly.
 *
 * @param {() => Promise<unknown>} ask
 * @returns {Promise<string>}
 */
async function outcomeOf(ask) {
  try {
    return portraitOfResult(await ask());
  } catch (error) {
    return portraitOfError(error);
  }
}

/** @param {string} outcome whether it is an error's portrait */
const isError = (outcome) => outcome.startsWith(ERROR_MARK);

module.exports = { isError, outcomeOf, portrait, portraitOfError, portraitOfResult };
