'use strict';

// Arrays in binary format. pg-types's parser trusts their header, and would count to four billion for a value of twenty
// bytes; and it turns a null into NaN, which takes seconds. So both are checked for first.

const binaryParsers = require('pg-types/lib/binaryParsers');

/** @typedef {import('./types').Parser} Parser */

// As array_recv of PostgreSQL's src/backend/utils/adt/arrayfuncs.c reads them: dimensions, whether there are nulls, the
// type of the elements; for each dimension its length and lower bound; for each element its length, and its bytes.
const HEAD = 12;
const DIMENSION = 8;
const MOST_DIMENSIONS = 6;
const ELEMENT = 4;
const NULL = -1;

const INT4_ARRAY = 1007;

/** @type {(bytes: Buffer) => unknown[]} pg-types's own parser, the same for all types that it has one for */
let ownParser;
binaryParsers.init((oid, parser) => {
  if (oid === INT4_ARRAY) ownParser = /** @type {(bytes: Buffer) => unknown[]} */ (parser);
});

/** @returns {Error} */
function untrue() {
  return new Error('The server sent an array whose head says something else than what is in it.');
}

/**
 * @param {Buffer} bytes
 * @returns {number[]} the length of each dimension
 * @throws when not as much can be there
 */
function dimensionsOf(bytes) {
  const count = bytes.length < HEAD ? -1 : bytes.readInt32BE(0);
  const elements = HEAD + count * DIMENSION;
  if (count < 0 || count > MOST_DIMENSIONS || elements > bytes.length) throw untrue();
  const most = (bytes.length - elements) / ELEMENT;
  const lengths = [];
  let product = 1;
  for (let i = 0; i < count; i++) {
    const length = bytes.readInt32BE(HEAD + i * DIMENSION);
    product *= length;
    // An empty array has no dimensions.
    if (length < 1 || product > most) throw untrue();
    lengths.push(length);
  }
  return lengths;
}

/**
 * @param {Buffer} bytes
 * @param {number[]} dimensions
 * @returns {(Buffer | null)[]} each element behind its length
 * @throws when they aren't all there, or something else is
 */
function elementsOf(bytes, dimensions) {
  let at = HEAD + dimensions.length * DIMENSION;
  const count = dimensions.length === 0 ? 0 : dimensions.reduce((product, length) => product * length);
  const elements = [];
  for (let i = 0; i < count; i++) {
    if (at + ELEMENT > bytes.length) throw untrue();
    const length = bytes.readInt32BE(at);
    const end = at + ELEMENT + Math.max(length, 0);
    if (length < NULL || end > bytes.length) throw untrue();
    elements.push(length === NULL ? null : bytes.subarray(at, end));
    at = end;
  }
  if (at !== bytes.length) throw untrue();
  return elements;
}

/**
 * @param {Buffer} bytes
 * @returns {unknown[]}
 * @throws when the header claims more than is there
 */
function parseArray(bytes) {
  const dimensions = dimensionsOf(bytes);
  const elements = elementsOf(bytes, dimensions);
  if (!elements.includes(null)) return ownParser(bytes);
  const head = Buffer.concat([bytes.subarray(0, HEAD), Buffer.alloc(DIMENSION)]);
  head.writeInt32BE(1, 0);
  head.writeInt32BE(1, HEAD);
  /** @type {unknown[]} */
  let values = elements.map((element) =>
    element === null ? null : ownParser(Buffer.concat([head, element]))[0],
  );
  for (const length of dimensions.slice(1).reverse()) {
    values = Array.from({ length: values.length / length }, (_, i) =>
      values.slice(i * length, (i + 1) * length),
    );
  }
  return values;
}

/**
 * A parser that checks the header of an array, or the parser itself.
 *
 * @param {Parser} parser
 * @returns {Parser}
 */
function wary(parser) {
  return parser === ownParser ? parseArray : parser;
}

module.exports = { wary };
