'use strict';

const SECOND = 1000;

/** `auth_error` is kept for a tenant and an address, `get_secrets` for a tenant. */
const LIMITS = {
  auth_error: { limit: 10, windowMillis: 150 * SECOND, blockMillis: 120 * SECOND },
  get_secrets: { limit: 5, windowMillis: 300 * SECOND, blockMillis: 30 * SECOND },
  db_connection: { limit: Infinity, windowMillis: 150 * SECOND, blockMillis: 30 * SECOND },
};

/** Counts failures, and blocks whoever has too many of them. */
class Breakers {
  #limits;
  #now;
  /** @type {Map<string, { failures: number[], blockedUntil: number }>} */
  #windows = new Map();

  /**
   * @param {Partial<Record<keyof typeof LIMITS, Partial<(typeof LIMITS)['auth_error']>>>} [limits]
   * @param {() => number} [now] in milliseconds
   */
  constructor(limits = {}, now = Date.now) {
    this.#limits = Object.fromEntries(
      Object.entries(LIMITS).map(([operation, values]) => [
        operation,
        { ...values, ...limits[/** @type {keyof typeof LIMITS} */ (operation)] },
      ]),
    );
    this.#now = now;
  }

  /** @param {keyof typeof LIMITS} operation @param {...string} key */
  fail(operation, ...key) {
    const { limit, windowMillis } = this.#limits[operation];
    const window = this.#window(operation, key);
    const now = this.#now();
    window.failures = [...window.failures.filter((at) => at > now - windowMillis), now];
    if (window.failures.length >= limit) this.open(operation, ...key);
  }

  /** Blocks from now on, for as long as this breaker does. */
  open(operation, ...key) {
    this.#window(operation, key).blockedUntil = this.#now() + this.#limits[operation].blockMillis;
  }

  /** Forgets failures and blocks. */
  close(operation, ...key) {
    this.#windows.delete([operation, ...key].join('\0'));
  }

  /** @returns {boolean} */
  isOpen(operation, ...key) {
    return this.#window(operation, key).blockedUntil > this.#now();
  }

  /** How many failures count at the moment. */
  failures(operation, ...key) {
    return this.#window(operation, key).failures.length;
  }

  #window(operation, key) {
    const name = [operation, ...key].join('\0');
    if (!this.#windows.has(name)) this.#windows.set(name, { failures: [], blockedUntil: 0 });
    return /** @type {{ failures: number[], blockedUntil: number }} */ (this.#windows.get(name));
  }
}

module.exports = { Breakers, LIMITS };
