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

/**
 * Hides a property so that not even `util.inspect` with `showHidden` prints its value, by keeping it where only the
 * accessors reach it.
 *
 * @param {Record<string, any>} object
 * @param {string} name
 */
function conceal(object, name) {
  let value = object[name];
  Object.defineProperty(object, name, {
    configurable: true,
    enumerable: false,
    get: () => value,
    set: (changed) => {
      value = changed;
    },
  });
}

/**
 * Has a property that was concealed tell when it is given another value.
 *
 * @param {Record<string, any>} object
 * @param {string} name
 * @param {(value: any) => void} changed
 */
function onChange(object, name, changed) {
  const { get, set } = Object.getOwnPropertyDescriptor(object, name) || {};
  if (get === undefined || set === undefined) return;
  Object.defineProperty(object, name, {
    configurable: true,
    enumerable: false,
    get,
    set: (value) => {
      set(value);
      changed(value);
    },
  });
}

module.exports = { conceal, hide, onChange };
