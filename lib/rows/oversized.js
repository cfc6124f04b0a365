'use strict';

const { constants } = require('node:buffer');

/**
 * Stands in for a text or for bytes that are too large for JavaScript: reading from it fails, and with that the query
 * whose value it is, and no other.
 */
class Oversized {
  /** @param {number} size in characters or bytes */
  constructor(size) {
    this.size = size;
  }

  /**
   * @param {...number} _range
   * @returns {never}
   * @throws as Node does where it is asked for such a string
   */
  substring(..._range) {
    /** @type {RangeError & { code?: string }} */
    const error = new RangeError(
      `Cannot create a string longer than ${constants.MAX_STRING_LENGTH} characters, and a value has ${this.size}. Read it in parts (substr) or as bytea.`,
    );
    error.code = 'ERR_STRING_TOO_LONG';
    throw error;
  }

  /**
   * @param {...number} _range
   * @returns {never}
   * @throws as Node does where it is asked for such a Buffer
   */
  subarray(..._range) {
    /** @type {RangeError & { code?: string }} */
    const error = new RangeError(
      `Cannot create a Buffer of ${this.size} bytes, as long as a value is. Read it in parts (substr).`,
    );
    error.code = 'ERR_BUFFER_TOO_LARGE';
    throw error;
  }
}

/**
 * @template T
 * @param {T | number} part as the addon hands it over: its size, if it is too large
 * @returns {T | Oversized}
 */
function received(part) {
  return typeof part === 'number' ? new Oversized(part) : part;
}

module.exports = { Oversized, received };
