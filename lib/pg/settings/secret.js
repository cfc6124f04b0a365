'use strict';

const { inspect } = require('node:util');

/** Names of options of TLS that are secrets. */
const TLS_SECRETS = ['key', 'passphrase', 'pfx'];

/** Accessors of concealed properties. */
const concealing = new WeakSet();

/**
 * An object by the names of its properties, whatever it is.
 *
 * @typedef {Record<PropertyKey, unknown>} Properties
 */

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
 * accessors reach it; {@link printedSafely} keeps those from being called.
 *
 * @param {object} object
 * @param {string} name
 * @param {(value: unknown) => void} [changed] is told when it is given another value
 */
function conceal(object, name, changed) {
  let value = /** @type {Properties} */ (object)[name];
  const get = () => value;
  concealing.add(get);
  Object.defineProperty(object, name, {
    configurable: true,
    enumerable: false,
    get,
    set: (given) => {
      value = given;
      if (changed) changed(given);
    },
  });
}

/**
 * Calls a listener when a concealed property is given another value.
 *
 * @param {object} object
 * @param {string} name
 * @param {(value: unknown) => void} changed
 */
function onChange(object, name, changed) {
  if (Object.getOwnPropertyDescriptor(object, name)?.get) conceal(object, name, changed);
}

/** @type {WeakMap<object, object>} what is printed in the place of an object; one for each, for objects in a circle */
const standIns = new WeakMap();

/**
 * A copy of an object without concealed properties and without its class.
 *
 * @param {object} object
 */
function standIn(object) {
  let likeness = standIns.get(object);
  if (likeness === undefined) {
    const { name } = object.constructor;
    likeness = name === 'Object' ? {} : new { [name]: class {} }[name]();
    standIns.set(object, likeness);
  }
  for (const key of Reflect.ownKeys(likeness)) Reflect.deleteProperty(likeness, key);
  for (const key of Reflect.ownKeys(object)) {
    const property = /** @type {PropertyDescriptor} */ (Object.getOwnPropertyDescriptor(object, key));
    if (key === inspect.custom || (property.get && concealing.has(property.get))) continue;
    Object.defineProperty(likeness, key, { ...property, configurable: true });
  }
  return likeness;
}

/**
 * @this {object}
 * @param {number} _depth
 * @param {{ showHidden?: boolean, getters?: unknown }} options
 */
function likeness(_depth, { showHidden, getters }) {
  return showHidden && getters ? standIn(this) : this;
}

/**
 * Has `util.inspect` print an object, or those of a prototype, as always, but call no accessors of what is concealed
 * when it is told to call all (`showHidden` with `getters`).
 *
 * @param {object} object
 */
function printedSafely(object) {
  Object.defineProperty(object, inspect.custom, {
    configurable: true,
    enumerable: false,
    writable: true,
    value: likeness,
  });
}

/** Under it a copy of an object by spread finds what is concealed in the original. */
const CARRIED = Symbol('concealed');

/** Carries what is concealed over to copies, without showing it. */
class Carrier {
  #original;
  #names;
  #place;

  /**
   * @param {Properties} original
   * @param {string[]} names
   * @param {(objects: { copy: Properties, original: Properties }, name: string) => boolean} place whether a concealed value may go where the copy leads
   */
  constructor(original, names, place) {
    this.#original = original;
    this.#names = names;
    this.#place = place;
  }

  /** @param {Properties} copy */
  fill(copy) {
    const original = this.#original;
    if (copy === original) return copy;
    const missing = this.#names.filter((name) => !(name in copy) && original[name] !== undefined);
    const values = missing.filter((name) => this.#place({ copy, original }, name));
    return Object.assign({ ...copy }, ...values.map((name) => ({ [name]: original[name] })));
  }

  [inspect.custom]() {
    return '[hidden]';
  }
}

/**
 * Conceals properties and has copies by spread carry them along.
 *
 * @param {object} object
 * @param {string[]} names those of them that it has
 * @param {(objects: { copy: Properties, original: Properties }, name: string) => boolean} [place] whether a concealed value may go
 *   where the copy leads
 */
function concealInCopies(object, names, place = () => true) {
  for (const name of names) conceal(object, name);
  const properties = /** @type {Properties} */ (object);
  properties[CARRIED] = new Carrier(properties, names, place);
  printedSafely(object);
}

/**
 * @template T
 * @param {T} copy
 * @returns {T} the same, or a copy of it with what it has carried along
 */
function withCarried(copy) {
  const properties = /** @type {Properties | null | undefined} */ (copy);
  const carrier = properties?.[CARRIED];
  return carrier instanceof Carrier
    ? /** @type {T} */ (carrier.fill(/** @type {Properties} */ (properties)))
    : copy;
}

/**
 * The `ssl` option with its secrets concealed: a copy, so that the caller's own object stays as it is, frozen or not.
 *
 * @template T
 * @param {T} given
 * @param {string[]} [names]
 * @returns {T}
 */
function secretiveTls(given, names = TLS_SECRETS) {
  if (given === null || typeof given !== 'object') return given;
  const ssl = /** @type {Properties} */ (withCarried(given));
  const secrets = names.filter((name) => ssl[name] !== undefined);
  if (secrets.length === 0 || (ssl === given && ssl[CARRIED] !== undefined)) return given;
  const copy = Object.create(Object.getPrototypeOf(ssl));
  for (const name of Object.keys(ssl)) copy[name] = ssl[name];
  // One that its owner has hidden is there all the same.
  for (const name of secrets) copy[name] = ssl[name];
  concealInCopies(copy, secrets);
  return copy;
}

/**
 * Whether a text that should be a mere name is, or holds, a connection string with what is secret in it.
 *
 * @param {unknown} value
 * @returns {value is string}
 */
function isLikeConnectionString(value) {
  return typeof value === 'string' && (value.includes('://') || /:[^@]*@|password\s*=/i.test(value));
}

module.exports = {
  TLS_SECRETS,
  conceal,
  concealInCopies,
  hide,
  isLikeConnectionString,
  onChange,
  printedSafely,
  secretiveTls,
  withCarried,
};
