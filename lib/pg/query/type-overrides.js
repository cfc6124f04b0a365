'use strict';

const { pgTypes } = require('../../rows/types');

/**
 * @typedef {import('../../rows/types').Parser} Parser
 * @typedef {import('../../rows/types').Types} Types
 */

/**
 * A layer of type parsers over others: what isn't set here is asked from below.
 *
 * A function rather than a class, because programs call it without `new` through `util.inherits`.
 *
 * @constructor
 * @param {Types} [userTypes] the parsers below; `pg-types` by
 *   default
 */
function TypeOverrides(userTypes) {
  this._types = userTypes || pgTypes;
  /** @type {Record<number, Parser>} */
  this.text = {};
  /** @type {Record<number, Parser>} */
  this.binary = {};
}

/**
 * @param {string} [format]
 * @returns {Record<number, Parser>}
 */
TypeOverrides.prototype.getOverrides = function (format) {
  if (format === 'text') return this.text;
  if (format === 'binary') return this.binary;
  return {};
};

/**
 * @param {number} oid
 * @param {string | Parser} format 'text', 'binary', or the parser of the text form
 * @param {Parser} [parseFn]
 */
TypeOverrides.prototype.setTypeParser = function (oid, format, parseFn) {
  if (typeof format === 'function') {
    this.text[oid] = format;
    return;
  }
  this.getOverrides(format)[oid] = /** @type {Parser} */ (parseFn);
};

/**
 * @param {number} oid
 * @param {string} [format]
 * @returns {Parser}
 */
TypeOverrides.prototype.getTypeParser = function (oid, format) {
  const wanted = format || 'text';
  return this.getOverrides(wanted)[oid] || this._types.getTypeParser(oid, wanted);
};

/**
 * The parsers to ask: those below, as long as nothing is set here.
 *
 * @this {TypeOverrides}
 * @returns {Types}
 */
function asked() {
  for (const _oid in this.text) return this;
  for (const _oid in this.binary) return this;
  return this._types;
}

Object.defineProperty(TypeOverrides.prototype, '_asked', { value: asked });

module.exports = TypeOverrides;
