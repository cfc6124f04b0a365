'use strict';

// Arrays from PostgreSQL's text, as pg-types's own parsers read them. Those look at each character by itself; here
// elements are cut out whole. What isn't a plain list (several dimensions, bounds, backslashes) is left to them.

const { ownParser } = require('./types');

const COMMA = 0x2c;
const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;

/** More digits may not be exact when they are added up one by one. */
const MOST_DIGITS = 15;
/** An element that is cut out of a text may keep all of it alive: one of more characters is left to pg-types. */
const LONGEST = 32 * 1024;

/**
 * @param {string} text
 * @param {Function} slow pg-types's own parser
 * @param {(element: string) => any} element
 */
function parse(text, slow, element) {
  const last = text.length - 1;
  if (text[0] !== '{' || text.indexOf('}') !== last || last > LONGEST) return slow(text);
  if (text.indexOf('{', 1) !== -1 || text.includes('\\')) return slow(text);
  const hasQuotes = text.includes('"');
  const list = [];
  let at = 1;
  while (at < last) {
    let end;
    if (text.charCodeAt(at) === QUOTE) {
      end = text.indexOf('"', at + 1);
      list.push(element(text.substring(at + 1, end)));
      end += 1;
    } else {
      end = text.indexOf(',', at);
      if (end === -1) end = last;
      const word = text.substring(at, end);
      if (word === '' || (hasQuotes && word.includes('"'))) return slow(text);
      list.push(word === 'NULL' ? null : element(word));
    }
    if (end !== last && text.charCodeAt(end) !== COMMA) return slow(text);
    at = end + 1;
  }
  return list;
}

/**
 * As `parse`, without a string for each element.
 *
 * @param {string} text
 * @param {Function} slow
 */
function parseIntegers(text, slow) {
  const last = text.length - 1;
  if (text[0] !== '{' || text[last] !== '}') return slow(text);
  const list = [];
  let at = 1;
  while (at < last) {
    const isNegative = text[at] === '-';
    if (isNegative) at += 1;
    const start = at;
    let sum = 0;
    let code = text.charCodeAt(at);
    while (code >= ZERO && code <= NINE) {
      sum = sum * 10 + code - ZERO;
      at += 1;
      code = text.charCodeAt(at);
    }
    const digits = at - start;
    if (digits === 0 || digits > MOST_DIGITS || (at !== last && code !== COMMA)) return slow(text);
    list.push(isNegative ? -sum : sum);
    at += 1;
  }
  return list;
}

/** @param {string} element */
function itself(element) {
  return element;
}

/** What pg-types's parsers of arrays do with an element, by an array type of each. */
const ELEMENTS = new Map([
  [1000, ownParser(16)], // bool[]
  [1009, itself], // text[]
  [1016, (/** @type {string} */ element) => element.trim()], // int8[]
  [1022, parseFloat], // float8[]
  [1115, ownParser(1114)], // timestamp[]
]);

/** @type {Map<Function | undefined, (text: string) => any>} by pg-types's own parser */
const quick = new Map();
for (const [oid, element] of ELEMENTS) {
  const slow = /** @type {Function} */ (ownParser(oid));
  quick.set(slow, (text) => parse(text, slow, /** @type {any} */ (element)));
}
{
  const slow = /** @type {Function} */ (ownParser(1007)); // int4[]
  quick.set(slow, (text) => parseIntegers(text, slow));
}

/**
 * A parser that gives the same values sooner, or the parser itself.
 *
 * @param {Function} parser
 */
function quickest(parser) {
  return quick.get(parser) || parser;
}

module.exports = { quickest };
