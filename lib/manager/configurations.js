'use strict';

const { APP_RULES } = require('./pool-rules');
const { shown } = require('../pg/settings/option');
const { printedSafely } = require('../pg/settings/secret');

/**
 * @typedef {import('./database-manager')} DatabaseManager
 * @typedef {import('./database-config').DatabaseConfig} DatabaseConfig
 * @typedef {import('./pool-rules').PoolRules} PoolRules
 */

/**
 * The configurations of a manager in the object that the program has given, which it may change, in step with the
 * databases that there are.
 */
class Configurations {
  /** @type {DatabaseManager} */
  #manager;
  /** @type {Record<string, DatabaseConfig>} the program's own object */
  #given;
  /** @type {Map<string, DatabaseConfig>} by name the configuration that both the entry and `#given` had last */
  #inStep = new Map();
  /** @type {WeakMap<DatabaseConfig, PoolRules>} of those that didn't come in the app's words */
  #rules = new WeakMap();

  /**
   * @param {DatabaseManager} manager
   * @param {Record<string, DatabaseConfig>} given
   * @throws {TypeError} for what isn't an object
   */
  constructor(manager, given) {
    this.#manager = manager;
    this.#given = checkedConfigs(given);
  }

  /** @returns {Record<string, DatabaseConfig>} what was given, with the databases that have come since */
  get object() {
    const { connections } = this.#manager;
    for (const name of this.#inStep.keys()) if (!connections.has(name)) this.forget(name);
    for (const [name, { config }] of connections) {
      if (this.#inStep.get(name) !== config) this.note(name, config);
    }
    return this.#given;
  }

  set object(configs) {
    this.#given = checkedConfigs(configs);
    this.#inStep.clear();
    // What the program says now is newer than what is open.
    for (const [name, { config }] of this.#manager.connections) {
      if (Object.hasOwn(configs, name)) this.#inStep.set(name, config);
    }
  }

  /**
   * Has the configurations follow a database that was added.
   *
   * @param {string} name
   * @param {DatabaseConfig} config
   * @param {PoolRules} [rules] by which its pool is made
   */
  note(name, config, rules) {
    this.#inStep.set(name, config);
    if (rules !== undefined && Object(config) === config) this.#rules.set(config, rules);
    this.remember(name, config);
  }

  /**
   * The rules by which the pool of a configuration is made.
   *
   * @param {DatabaseConfig} config
   */
  rulesOf(config) {
    return this.#rules.get(config) ?? APP_RULES;
  }

  /**
   * Keeps a configuration for the next `initialize`.
   *
   * @param {string} name
   * @param {DatabaseConfig} config
   */
  remember(name, config) {
    if (Object.hasOwn(this.#given, name) && this.#given[name] === config) return;
    const property = { configurable: true, enumerable: true, writable: true, value: config };
    if (Reflect.defineProperty(this.#given, name, property)) return;
    // A frozen object stays as it is.
    this.#given = Object.defineProperty({ ...this.#given }, name, property);
  }

  /**
   * Has the configurations follow a database that was taken out, unless the program has another for it.
   *
   * @param {string} name
   */
  forget(name) {
    const config = this.#inStep.get(name);
    this.#inStep.delete(name);
    if (config === undefined || this.#given[name] !== config) return;
    if (Reflect.deleteProperty(this.#given, name)) return;
    this.#given = { ...this.#given };
    delete this.#given[name];
  }

  /**
   * @param {string} name
   * @returns {DatabaseConfig | undefined} what the program has under a name, whether it is open or not
   */
  ofProgram(name) {
    return Object.hasOwn(this.#given, name) ? this.#given[name] : undefined;
  }

  /**
   * Keeps a configuration whose database was taken out for the next `initialize`.
   *
   * @param {string} name
   */
  leave(name) {
    this.#inStep.delete(name);
  }

  /** As `leave`, for all. */
  leaveAll() {
    this.#inStep.clear();
  }
}

printedSafely(Configurations.prototype);

/**
 * @template T
 * @param {T} configs
 * @returns {T}
 * @throws {TypeError} for what isn't an object of them
 */
function checkedConfigs(configs) {
  if (configs !== null && typeof configs === 'object' && !Array.isArray(configs)) return configs;
  throw new TypeError(`The configurations must be an object, one for each name, got ${shown(configs)}`);
}

module.exports = { Configurations };
