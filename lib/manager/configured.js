'use strict';

const { isDeepStrictEqual } = require('node:util');

const { withDefaults } = require('../config/inheritance');
const { isLabels } = require('../config/labels');
const { shown } = require('../pg/settings/settings');
const { APP_RULES, GUIDE_RULES } = require('./pool-rules');
const { groupsBy, select } = require('./selection');
const { checkDiscovery, tenantsOf } = require('./tenants');

/**
 * @typedef {import('../config/configuration').Configuration} Configuration
 * @typedef {import('../config/expansion').DatabaseConfig} DatabaseConfig
 * @typedef {import('./entry').Entry} Entry
 */

/**
 * A database that a query has given.
 *
 * @typedef {{ entry: Entry, config: DatabaseConfig }} Tenant
 */

/** @typedef {{ rows: Record<string, unknown>[] }} Answer */

/** Of a manager that no configuration file was read for. */
const NONE = {
  isOfApp: false,
  databases: [],
  defaults: {},
  groups: {},
  migrations: undefined,
  discover: undefined,
};

/**
 * What a configuration says beyond single databases, and the databases that queries have given.
 */
class Configured {
  /** @type {import('./database-manager')} */
  #manager;
  /** @type {Map<string, Map<string, Tenant>>} by query, then by name */
  #tenants = new Map();
  /** @type {Promise<unknown>} the last reading of tenants: two at once would each see half of the other */
  #reading = Promise.resolve();
  /** @type {Configuration} */
  #configuration = NONE;
  #groupsOf = groupsBy({});

  /** @param {import('./database-manager')} manager */
  constructor(manager) {
    this.#manager = manager;
  }

  /** @returns {Record<string, unknown> | undefined} the options of migrations, with whole paths */
  get migrations() {
    return this.#configuration.migrations;
  }

  /** @param {Configuration} configuration */
  adopt(configuration) {
    this.#configuration = configuration;
    this.#groupsOf = groupsBy(configuration.groups);
    const rules = configuration.isOfApp ? APP_RULES : GUIDE_RULES;
    for (const [name, config] of configuration.databases) {
      this.#manager._addLazily(name, this.#withGroups(name, config), rules);
    }
  }

  /**
   * @param {unknown} selection
   * @returns {Promise<string[]>} names, in the order of the databases
   */
  async select(selection) {
    const { discover } = this.#configuration;
    if (discover !== undefined) await this.discover(discover);
    const candidates = [...this.#manager.connections].map(([name, { config, tags = [], groups = [] }]) => ({
      name,
      config,
      tags,
      groups: this.#groupsOf({ name, tags, groups }),
    }));
    return select(selection, candidates).map(({ name }) => name);
  }

  /**
   * @param {unknown} options
   * @returns {Promise<{ added: string[], changed: string[], removed: string[] }>}
   */
  async discover(options) {
    const discovery = checkDiscovery(options);
    const { discover, defaults: ofFile } = this.#configuration;
    const isOfFile = discover !== undefined && queryOf(discover) === queryOf(discovery);
    const defaults = isOfFile ? ofFile : {};
    const turn = this.#reading.then(() => this.#read(discovery, defaults));
    this.#reading = turn.catch(() => undefined);
    return await turn;
  }

  /**
   * @param {import('./tenants').Discovery} discovery
   * @param {DatabaseConfig} defaults under each configuration that is found
   */
  async #read({ database, sql, map }, defaults) {
    const manager = this.#manager;
    manager._checkOpen();
    const result = /** @type {Answer | Answer[]} */ (await manager._poolOf(database).query(sql));
    if (Array.isArray(result))
      throw new TypeError('"sql" of discover must be one query, got several statements');
    const found = await tenantsOf(result.rows, map);
    manager._checkOpen();
    const query = queryOf({ database, sql });
    const known = this.#known(query);
    for (const name of found.keys()) {
      if (manager.connections.has(name) && !known.has(name)) {
        throw new Error(
          `The query of discover gives the database ${shown(name)}, which was added otherwise already`,
        );
      }
    }
    const removed = [...known.keys()].filter((name) => !found.has(name));
    for (const name of removed) {
      // Nobody waits for its end but the manager's own.
      manager._retire(manager._forget(name));
      known.delete(name);
    }
    /** @type {string[]} */
    const added = [];
    /** @type {string[]} */
    const changed = [];
    for (const [name, given] of found) {
      const config = this.#withGroups(name, withDefaults(given, defaults));
      const before = known.get(name);
      if (before && isDeepStrictEqual(before.config, config)) continue;
      (before ? changed : added).push(name);
      known.set(name, { entry: this.#keep(name, config, before), config });
    }
    this.#tenants.set(query, known);
    return { added, changed, removed };
  }

  /**
   * @param {string} query
   * @returns {Map<string, Tenant>} what it gave last, without what the program has taken out or replaced
   */
  #known(query) {
    const { connections } = this.#manager;
    const known = this.#tenants.get(query) ?? [];
    return new Map([...known].filter(([name, { entry }]) => connections.get(name) === entry));
  }

  /**
   * @param {string} name
   * @param {DatabaseConfig} config
   * @param {Tenant | undefined} before
   * @returns {Entry}
   */
  #keep(name, config, before) {
    if (before && isDeepStrictEqual(withoutLabels(before.config), withoutLabels(config))) {
      // Its connections stay.
      before.entry.config = config;
      return before.entry;
    }
    this.#manager._keep(name, config, GUIDE_RULES);
    return /** @type {Entry} */ (this.#manager.connections.get(name));
  }

  /**
   * @param {string} name
   * @param {DatabaseConfig} config
   * @returns {DatabaseConfig} the same, or a copy with the groups that name the database
   */
  #withGroups(name, config) {
    const list = (/** @type {unknown} */ value) => (Array.isArray(value) ? value : []);
    const groups = this.#groupsOf({ name, tags: list(config.tags), groups: list(config.groups) });
    return groups.length === list(config.groups).length ? config : { ...config, groups };
  }
}

/** @param {{ database?: unknown, sql?: unknown }} discovery */
function queryOf({ database, sql }) {
  return JSON.stringify([database, sql]);
}

/** @param {DatabaseConfig} config */
function withoutLabels(config) {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !isLabels(key)));
}

module.exports = { Configured };
