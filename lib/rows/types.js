'use strict';

// Which parsers of pg-types are still its own: only then may a value be decoded natively, or left as the text it is.

const wasLoaded = mayBeLoaded();
// The others get it from here, so that this is the first of our files to load it.
const pgTypes = /** @type {PgTypes} */ (require('pg-types'));
const builtin = require('pg-types/lib/textParsers');

/** OIDs that the addon decodes, in the order of their bits in a mask; in step with src/rows/column.rs. */
const DECODED = [16, 21, 23, 26, 700, 701, 1082, 1114, 1184, 17, 114, 3802].concat([
  1005, 1007, 1028, 1021, 1022, 1231, 1014, 1015, 1009, 2951, 1016,
]);
const NOTHING_DECODED = (1 << DECODED.length) - 1;
const JSON_OIDS = new Set([114, 3802]);

/**
 * Makes a value of what the server sent for it: of text, or of bytes where the column's format is binary. (As a method,
 * so that one which takes but one of the two is one, too.)
 *
 * @typedef {{ parse(value: string | Buffer): unknown }['parse']} Parser
 */

/**
 * What parsers are looked up in.
 *
 * @typedef {{ getTypeParser(oid: number, format?: string): Parser }} Types
 */

/**
 * pg-types; its own declarations know only the scalar types' OIDs.
 *
 * @typedef {Types & { setTypeParser(oid: number, format: string | Parser, parseFn?: Parser): void }} PgTypes
 */

/** @type {Map<number, Parser>} pg-types's own parsers of text, whatever has been set since */
const own = new Map();
builtin.init((oid, parser) => own.set(Number(oid), parser));

// pg-types binds a JSON.parse of its own at start, so that only the parser in use can be compared; one that a program
// set before this file was loaded is recognised by its name.
for (const oid of JSON_OIDS) {
  const current = pgTypes.getTypeParser(oid, 'text');
  if (current.name === 'bound parse') own.set(oid, current);
}

const parsers = DECODED.map((oid) => own.get(oid));
const parseBigInteger = own.get(20);
/** What pg-types answers for types that it does not know: text stays text. */
const noParse = pgTypes.getTypeParser(0, 'text');

/** Counts changes of pg-types's parsers, for code that caches them. */
const changes = { count: 0 };

const setOriginally = pgTypes.setTypeParser;
const getOriginally = pgTypes.getTypeParser;

/**
 * @this {unknown}
 * @param {number} oid
 * @param {string | Parser} format
 * @param {Parser} [parseFn]
 */
pgTypes.setTypeParser = function setTypeParser(oid, format, parseFn) {
  changes.count++;
  return Reflect.apply(setOriginally, this, [oid, format, parseFn]);
};

/** Whether other code may have loaded pg-types already, and have kept its functions. */
function mayBeLoaded() {
  try {
    return require.cache[require.resolve('pg-types')] !== undefined;
  } catch {
    return true; // in a bundle
  }
}

/** Whether `changes` counts all that can change pg-types's parsers. */
function countsChanges() {
  return !wasLoaded && pgTypes.getTypeParser === getOriginally;
}

/** The mask of pg-types's parsers, and how often they had been changed by then. */
const remembered = { mask: 0, changes: -1 };

/**
 * The types that the addon must not decode, because the caller parses them in a way of their own.
 *
 * @param {Types | undefined} types
 * @returns {number} a bit for each of the types in `DECODED`
 */
function typeMask(types) {
  const source = types || pgTypes;
  if (source !== pgTypes || !countsChanges()) return compare(source);
  if (remembered.changes !== changes.count) {
    remembered.mask = compare(pgTypes);
    remembered.changes = changes.count;
  }
  return remembered.mask;
}

/**
 * @param {Types} source
 * @returns {number}
 */
function compare(source) {
  let mask = 0;
  try {
    for (let bit = 0; bit < DECODED.length; bit++) {
      if (source.getTypeParser(DECODED[bit], 'text') !== parsers[bit]) mask |= 1 << bit;
    }
  } catch (error) {
    if (typeof source.getTypeParser !== 'function') throw error;
    // It may throw for a type that the query doesn't even have.
    return NOTHING_DECODED;
  }
  return mask;
}

/**
 * Whether a parser gives the text that it gets.
 *
 * @param {number} oid
 * @param {Parser} parser
 */
function leavesText(oid, parser) {
  return parser === noParse || (oid === 20 && parser === parseBigInteger);
}

/**
 * pg-types's own parser of a type's text, whatever has been set since.
 *
 * @param {number} oid
 */
function ownParser(oid) {
  return own.get(oid);
}

module.exports = { pgTypes, typeMask, leavesText, ownParser, changes, countsChanges };
