'use strict';

const { LazyEntry, makeEntry } = require('./entry');
const { Configurations } = require('./configurations');
const { namedView } = require('./named-view');
const { isSupabaseProject, makeSupabaseClient } = require('./supabase-client');

/**
 * @typedef {import('./database-manager')} DatabaseManager
 * @typedef {import('./database-config').DatabaseConfig} DatabaseConfig
 * @typedef {import('./entry').Entry} Entry
 * @typedef {import('../pg/pool/pool')} Pool
 * @typedef {import('./supabase-client').SupabaseClient} SupabaseClient
 */

/** The state under its names on a manager. */
const NAMES = [
  'configs',
  'pools',
  'supabaseClients',
  'currentAppName',
  'currentPool',
  'currentSupabaseClient',
];

/**
 * The databases of a manager as the app's vocabulary sees them. `manager.connections` is what there is; what is here is
 * read from it, but for what the program itself has put in the place of it.
 */
class AppState {
  /** @type {DatabaseManager} */
  #manager;
  /** @type {Pool | null | undefined} undefined: that of the current entry */
  #currentPool;
  /** @type {SupabaseClient | null | undefined} undefined: that of the current entry */
  #currentClient;
  /** @type {WeakMap<Entry, SupabaseClient | null>} null where the program has deleted it */
  #clients = new WeakMap();
  /** Whether this vocabulary is used: texts of errors are in it then. */
  isSpoken = false;
  /** @type {null | undefined} what `currentPool` is where no database is current */
  none = undefined;

  /**
   * @param {DatabaseManager} manager
   * @param {Record<string, DatabaseConfig> | null | undefined} configs
   */
  constructor(manager, configs) {
    this.#manager = manager;
    this.configurations = new Configurations(manager, configs ?? {});
    this.isSpoken = Boolean(configs);
  }

  /** Takes over what a subclass has in fields of these names: fields hide the accessors of the class. */
  adopt() {
    const manager = this.#manager;
    for (const name of NAMES) {
      const field = Object.getOwnPropertyDescriptor(manager, name);
      // Accessors of the program's own stay.
      if (field === undefined || !('value' in field)) continue;
      if (Reflect.deleteProperty(manager, name)) Reflect.set(manager, name, field.value);
    }
  }

  // What is current.

  get currentPool() {
    if (this.#currentPool === undefined) this.#currentPool = this.#currentEntry()?.pool;
    return this.#currentPool ?? this.none;
  }

  set currentPool(pool) {
    this.#currentPool = pool;
  }

  /** @returns {SupabaseClient | null | undefined} */
  get currentClient() {
    if (this.#currentClient !== undefined) return this.#currentClient;
    const entry = this.#currentEntry();
    return (entry && this.#clientOf(entry)) ?? null;
  }

  set currentClient(client) {
    this.#currentClient = client;
  }

  #currentEntry() {
    const { currentConnection, connections } = this.#manager;
    return currentConnection === null ? undefined : connections.get(currentConnection);
  }

  // By name.

  pools = namedView({
    names: () => this.#names(LazyEntry.hasPool),
    has: (name) => this.#has(name, LazyEntry.hasPool),
    get: (name) => this.#manager.connections.get(name)?.pool,
    set: (name, pool) => {
      const entry = this.#entryFor(name);
      entry.pool = pool;
    },
    remove: (name) => {
      const entry = this.#entryFor(name);
      entry.pool = undefined;
      this.#leave(name, entry);
    },
    printed: (name) => LazyEntry.openedPool(this.#entryFor(name)) ?? '[not opened]',
  });

  clients = namedView({
    names: () => this.#names((entry) => this.#hasClient(entry)),
    has: (name) => this.#has(name, (entry) => this.#hasClient(entry)),
    get: (name) => this.#clientOf(this.#entryFor(name)),
    set: (name, client) => {
      this.#clients.set(this.#entryFor(name), client);
    },
    remove: (name) => {
      const entry = this.#entryFor(name);
      this.#clients.set(entry, null);
      this.#leave(name, entry);
    },
    printed: () => '[SupabaseClient]',
  });

  /**
   * Has a view hold what another object holds, and nothing else.
   *
   * @template T
   * @param {Record<string, T>} view
   * @param {Record<string, T>} given
   */
  replace(view, given) {
    const entries = Object.entries(given);
    for (const name of Object.keys(view)) delete view[name];
    for (const [name, value] of entries) view[name] = value;
  }

  /** @param {(entry: Entry) => boolean} has */
  #names(has) {
    const names = [];
    for (const [name, entry] of this.#manager.connections) {
      if (typeof name === 'string' && has(entry)) names.push(name);
    }
    return names;
  }

  /**
   * @param {string} name
   * @param {(entry: Entry) => boolean} has
   */
  #has(name, has) {
    const entry = this.#manager.connections.get(name);
    return entry !== undefined && has(entry);
  }

  /**
   * @param {string} name
   * @returns {Entry} a new one if there is none
   */
  #entryFor(name) {
    const { connections } = this.#manager;
    const known = connections.get(name);
    if (known !== undefined) return known;
    const config = this.configurations.ofProgram(name) ?? {};
    const entry = makeEntry(name, config, undefined);
    connections.set(name, entry);
    this.configurations.note(name, config);
    return entry;
  }

  /**
   * Takes a database out once nothing of it is left. A configuration that says something stays for the next
   * `initialize`.
   *
   * @param {string} name
   * @param {Entry} entry
   */
  #leave(name, entry) {
    if (LazyEntry.hasPool(entry) || this.#hasClient(entry)) return;
    this.#manager.connections.delete(name);
    if (Object.keys(Object(entry.config)).length === 0) this.configurations.forget(name);
    else this.configurations.leave(name);
  }

  // Supabase.

  /**
   * Whether a database can be used at all.
   *
   * @param {string} name
   */
  isUsable(name) {
    return Object.hasOwn(this.pools, name) || Object.hasOwn(this.clients, name);
  }

  /** @param {Entry} entry */
  #hasClient(entry) {
    const client = this.#clients.get(entry);
    return client === undefined ? isSupabaseProject(entry) : Boolean(client);
  }

  /** @param {Entry} entry */
  #clientOf(entry) {
    let client = this.#clients.get(entry);
    if (client === undefined && isSupabaseProject(entry)) {
      client = makeSupabaseClient(entry);
      this.#clients.set(entry, client);
    }
    return client ?? undefined;
  }

  // The end.

  /** Nothing is open and current any more. The configurations stay for the next `initialize`. */
  clear() {
    this.configurations.leaveAll();
    this.#currentPool = undefined;
    this.#currentClient = undefined;
  }
}

module.exports = { AppState };
