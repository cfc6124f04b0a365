'use strict';

/**
 * What became of one connection of a client.
 *
 * @typedef {object} Entry
 * @property {string} host the cluster's name, or its address
 * @property {string} address the client's
 * @property {'session' | 'transaction' | 'direct'} mode
 * @property {boolean} encrypted
 * @property {string} [servername] as the client named it in its TLS handshake
 * @property {import('./startup-packet.js').Startup} [startup] missing where no start-up packet came
 * @property {'SASL' | 'cleartext'} [asked] how a password was asked for
 * @property {number} proofs passwords and proofs that the client sent
 * @property {number} cleartext those of them in the clear
 * @property {string} outcome 'open' until it is over, then: 'left' (nothing sent), 'probe' (left when it was asked for a
 *   password), 'http', 'cancel', 'no handshake', 'logged in', or the code of the refusal
 */

/** Who came, and what they were told. One ledger may serve many hosts. */
class Ledger {
  /** @type {Entry[]} */
  entries = [];
  /** The most connections at the same time that hadn't logged in yet. */
  peak = 0;
  /** Those that haven't. */
  #underWay = new Set();

  /** @param {Pick<Entry, 'host' | 'address' | 'mode'>} of @returns {Entry} */
  open(of) {
    const entry = { ...of, encrypted: false, proofs: 0, cleartext: 0, outcome: 'open' };
    this.entries.push(entry);
    this.#underWay.add(entry);
    this.peak = Math.max(this.peak, this.#underWay.size);
    return entry;
  }

  /** @param {Entry} entry @param {string} outcome the first one holds */
  close(entry, outcome) {
    if (entry.outcome !== 'open') return;
    entry.outcome = outcome;
    this.#underWay.delete(entry);
  }

  /** The client has gone, whatever the host makes of it later. @param {Entry} entry */
  gone(entry) {
    this.#underWay.delete(entry);
  }

  /** Those that sent a start-up packet. */
  get startups() {
    return this.entries.filter(({ startup }) => startup !== undefined);
  }

  /** Passwords and proofs that were sent. */
  get authAttempts() {
    return this.entries.reduce((sum, { proofs }) => sum + proofs, 0);
  }

  /** Connections that left when they were asked for a password. */
  get probes() {
    return this.entries.filter(({ outcome }) => outcome === 'probe').length;
  }

  /** @returns {Record<string, number>} start-up packets by host */
  get startupsByHost() {
    /** @type {Record<string, number>} */
    const counts = {};
    for (const { host } of this.startups) counts[host] = (counts[host] ?? 0) + 1;
    return counts;
  }

  /** @returns {string[]} */
  get outcomes() {
    return this.entries.map(({ outcome }) => outcome);
  }

  /** Begins anew; what is still open isn't counted any more, except in `peak`. */
  forget() {
    this.entries = [];
    this.peak = this.#underWay.size;
  }
}

module.exports = { Ledger };
