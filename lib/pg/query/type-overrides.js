'use strict';

/** @type {any} */
const pgTypes = require('../../rows/types').pgTypes;

/**
 * A layer of type parsers over others: what isn't set here is asked from below.
 *
 * A function rather than a class, because programs call it without `new` through `util.inherits`.
 *
 * @constructor
 * @param {{ getTypeParser(oid: number, format?: string): Function }} [userTypes] the parsers below; `pg-types` by
 *   default
 */
function TypeOverrides(userTypes) {
  this._types = userTypes || pgTypes;
  /** @type {Record<number, Function>} */
  this.text = {};
  /** @type {Record<number, Function>} */
  this.binary = {};
}

/**
 * @param {string} [format]
 * @returns {Record<number, Function>}
 */
TypeOverrides.prototype.getOverrides = function (format) {
  if (format === 'text') return this.text;
  if (format === 'binary') return this.binary;
  return {};
};

/**
 * @param {number} oid
 * @param {any} format 'text', 'binary', or the parser of the text form
 * @param {Function} [parseFn]
 */
TypeOverrides.prototype.setTypeParser = function (oid, format, parseFn) {
  if (typeof format === 'function') {
    this.text[oid] = format;
    return;
  }
  this.getOverrides(format)[oid] = /** @type {Function} */ (parseFn);
};

/**
 * @param {number} oid
 * @param {string} [format]
 * @returns {Function}
 */
TypeOverrides.prototype.getTypeParser = function (oid, format) {
  const wanted = format || 'text';
  return this.getOverrides(wanted)[oid] || this._types.getTypeParser(oid, wanted);
};

/**
 * The parsers to ask: those below, as long as nothing is set here.
 *
 * @this {{ text: object, binary: object, _types: any }}
 */
function asked() {
  for (const _oid in this.text) return this;
  for (const _oid in this.binary) return this;
  return this._types;
}

Object.defineProperty(TypeOverrides.prototype, '_asked', { value: asked });

module.exports = TypeOverrides;
