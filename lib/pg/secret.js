'use strict';

/**
 * Keeps properties out of `util.inspect`, JSON, comparisons and copies by spread. They can be read and written as any
 * other.
 *
 * @param {object} object
 * @param {...PropertyKey} names
 */
function hide(object, ...names) {
  for (const name of names) {
    if (Object.getOwnPropertyDescriptor(object, name)?.configurable) {
      Object.defineProperty(object, name, { enumerable: false });
    }
  }
}

module.exports = { hide };
