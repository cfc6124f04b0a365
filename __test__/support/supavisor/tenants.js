'use strict';

const net = require('node:net');

/**
 * A project as a cluster knows it. All of it may be changed while the cluster runs.
 *
 * @typedef {object} TenantOptions
 * @property {Record<string, string>} [roles] passwords by role. Default: `postgres` with the server's password
 * @property {import('../server.js').TestServer | null} [server] where its backends are; null: answers are made up
 * @property {Record<string, string>} [databases] what the server calls them, by the client's name
 * @property {string} [sniHostname] the name by which it is known without a ref
 * @property {string} [banned] the reason
 * @property {boolean} [enforceSsl]
 * @property {string[]} [allowList] networks such as `10.0.0.0/8`. Default: everybody
 * @property {boolean} [jit] temporary access: passwords are asked for in the clear, under TLS
 * @property {boolean} [ambiguous] more than one user matches
 * @property {boolean} [namedPreparedStatements] named statements work in transaction mode
 * @property {number} [poolSize] backends of a pool, and clients of a pool in session mode. Default 15
 * @property {number} [maxClients] Default 200
 * @property {number} [maxPools] Default 50
 * @property {(startup: import('./startup-packet.js').Startup, at: 'startup' | 'credentials' | 'login' | 'query') =>
 *   Record<string, string> | null | undefined | void} [refuse] fields of an error to answer with. `startup`: before
 *   the authentication request; `credentials`: when the client's first SASL message is there; `login`: behind a right
 *   password; `query`: before a transaction gets its backend
 */

/** @implements {TenantOptions} */
class Tenant {
  /** @param {string} ref @param {TenantOptions} options @param {import('../server.js').TestServer | null} [server] */
  constructor(ref, options, server = null) {
    this.ref = ref;
    this.server = options.server === undefined ? server : options.server;
    this.roles = options.roles ?? { postgres: this.server?.password ?? 'secret' };
    this.databases = options.databases ?? {};
    this.sniHostname = options.sniHostname;
    this.banned = options.banned;
    this.enforceSsl = options.enforceSsl ?? false;
    this.allowList = options.allowList;
    this.jit = options.jit ?? false;
    this.ambiguous = options.ambiguous ?? false;
    this.namedPreparedStatements = options.namedPreparedStatements ?? false;
    this.poolSize = options.poolSize ?? 15;
    this.maxClients = options.maxClients ?? 200;
    this.maxPools = options.maxPools ?? 50;
    this.refuse = options.refuse ?? (() => null);
    /** What the pooler takes for a role's password for as long as it hasn't heard of the new one. */
    /** @type {Map<string, { password: string, refusals: number }>} */
    this.stale = new Map();
  }

  /** @param {string} address */
  allows(address) {
    if (!this.allowList) return true;
    const list = new net.BlockList();
    for (const network of this.allowList) {
      const [base, bits] = network.split('/');
      list.addSubnet(base, Number(bits), net.isIPv6(base) ? 'ipv6' : 'ipv4');
    }
    return list.check(address, net.isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  /** @param {string} role @returns {string | undefined} the password that is let in at the moment */
  passwordOf(role) {
    return this.stale.get(role)?.password ?? this.roles[role];
  }

  /**
   * Changes a role's password. The pooler lets the old one in, and refuses the new one, until it has refused so often.
   *
   * @param {string} role
   * @param {string} password
   * @param {{ refusals?: number }} [options]
   */
  changePassword(role, password, { refusals = 0 } = {}) {
    if (refusals > 0) this.stale.set(role, { password: this.roles[role], refusals });
    this.roles[role] = password;
  }

  /** A wrong password makes the pooler look again, though not at once. */
  refusedPassword(role) {
    const stale = this.stale.get(role);
    if (stale && --stale.refusals <= 0) this.stale.delete(role);
  }
}

module.exports = { Tenant };
