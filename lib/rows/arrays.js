'use strict';

// Arrays from PostgreSQL's text, as pg-types's own parsers read them. Those look at each character by itself; here
// elements are cut out whole. What isn't a plain list (several dimensions, bounds, backslashes) is left to them.

const { ownParser } = require('./types');

/** @typedef {import('./types').Parser} Parser */

const COMMA = 0x2c;
const QUOTE = 0x22;

/** An element that stays text keeps alive what it is cut out of: a text of more characters is left to pg-types. */
const LONGEST = 32 * 1024;

/**
 * @param {string} text
 * @param {Parser} slow pg-types's own parser
 * @param {Parser} element
 * @param {number} longest
 */
function parse(text, slow, element, longest) {
  const last = text.length - 1;
  if (text[0] !== '{' || text.indexOf('}') !== last || last > longest) return slow(text);
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

/** @param {string} element */
function itself(element) {
  return element;
}

/**
 * An array type of each of pg-types's parsers of arrays, what that does with an element, and the longest text.
 *
 * @type {[number, Parser, number][]}
 */
const ARRAYS = [
  [1000, /** @type {Parser} */ (ownParser(16)), Infinity], // bool[]
  [1007, (/** @type {string} */ element) => parseInt(element, 10), Infinity], // int4[]
  [1009, itself, LONGEST], // text[]
  [1016, (/** @type {string} */ element) => element.trim(), LONGEST], // int8[]
  [1022, parseFloat, Infinity], // float8[]
  [1115, /** @type {Parser} */ (ownParser(1114)), Infinity], // timestamp[]
];

/** @type {Map<Parser, Parser>} by pg-types's own parser */
const quick = new Map(
  ARRAYS.map(([oid, element, longest]) => {
    const slow = /** @type {Parser} */ (ownParser(oid));
    /** @param {string} text */
    const parser = (text) => parse(text, slow, element, longest);
    return [slow, parser];
  }),
);

/**
 * A parser that gives the same values sooner, or the parser itself.
 *
 * @param {Parser} parser
 */
function quickest(parser) {
  return quick.get(parser) || parser;
}

module.exports = { quickest };
