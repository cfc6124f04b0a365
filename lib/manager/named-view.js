'use strict';

const { inspect } = require('node:util');

/**
 * What a view shows of the databases, by their names.
 *
 * @template T
 * @typedef {object} Sight
 * @property {() => string[]} names those that have it
 * @property {(name: string) => boolean} has without making it
 * @property {(name: string) => T | undefined} get makes it, if it isn't there yet
 * @property {(name: string, value: T) => void} set
 * @property {(name: string) => void} remove
 * @property {(name: string) => unknown} printed what stands for it in print, without making it
 */

/**
 * An object with a property for each database, which behaves as a plain one: what it has is looked up when it is asked
 * for, so it is never behind; listing or printing it makes nothing.
 *
 * @template T
 * @param {Sight<T>} sight
 * @returns {Record<string, T>}
 */
function namedView(sight) {
  const printed = () => Object.fromEntries(sight.names().map((name) => [name, sight.printed(name)]));
  const target = Object.defineProperties(/** @type {Record<string, T>} */ ({}), {
    [inspect.custom]: { configurable: true, value: printed },
    toJSON: { configurable: true, value: printed },
  });
  /** @type {(key: PropertyKey) => key is string} */
  const isKnown = (key) => typeof key === 'string' && sight.has(key);
  /** @type {(key: string, value: T | null | undefined) => void} */
  const put = (key, value) => {
    if (value !== undefined && value !== null) sight.set(key, value);
    else if (isKnown(key)) sight.remove(key);
  };
  return new Proxy(target, {
    get: (_, key) => (isKnown(key) ? sight.get(key) : Reflect.get(target, key)),
    has: (_, key) => isKnown(key) || Reflect.has(target, key),
    set(_, key, value) {
      if (typeof key !== 'string') return false;
      put(key, value);
      return true;
    },
    defineProperty(_, key, { value }) {
      if (typeof key !== 'string' || value === undefined) return false;
      put(key, value);
      return true;
    },
    deleteProperty(_, key) {
      if (isKnown(key)) sight.remove(key);
      return true;
    },
    ownKeys: () => [...sight.names(), ...Reflect.ownKeys(target)],
    getOwnPropertyDescriptor(_, key) {
      if (!isKnown(key)) return Reflect.getOwnPropertyDescriptor(target, key);
      return {
        configurable: true,
        enumerable: true,
        get: () => sight.get(key),
        set: (value) => put(key, value),
      };
    },
    // What it has changes with the databases.
    preventExtensions: () => false,
  });
}

module.exports = { namedView };
