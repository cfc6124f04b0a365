'use strict';

// A fake of Supavisor, Supabase's pooler, on loopback. It stands in front of a test server's PostgreSQL, or answers by
// itself where a tenant has `server: null`.
//
//   const pooler = await startSupavisor({ server: await postgres(), tenants: { abcdefghijklmnopqrst: {} } });
//   new Client(pooler.config('abcdefghijklmnopqrst'));                       // session mode
//   new Client(pooler.config('abcdefghijklmnopqrst', { port: pooler.transactionPort }));
//   pooler.tenant('abcdefghijklmnopqrst').banned = 'unpaid';                 // may change at any time
//   pooler.ledger.authAttempts; pooler.ledger.outcomes;                      // who came, and what became of it
//   await pooler.close();
//
// Several clusters under Supabase's own names, for programs that look them up: hosts.js. A project's direct host:
// direct-host.js. Passwords are those of the tenants' `roles`, `postgres` with the server's own by default; behind the
// pooler everybody is the server's superuser.

const net = require('node:net');
const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const messages = require('../backend-messages.js');
const { Breakers } = require('./breakers.js');
const { Cancels } = require('./cancels.js');
const { POOLERS, makeChain } = require('./certificates.js');
const { Ledger } = require('./ledger.js');
const { logIn } = require('./login.js');
const { MessageSocket } = require('./message-socket.js');
const { Pools } = require('./pools.js');
const { ClientLeft, Refusal } = require('./refusal.js');
const { SessionModeClient } = require('./session-mode.js');
const { parseStartup } = require('./startup-packet.js');
const { Tenant } = require('./tenants.js');
const { TransactionModeClient } = require('./transaction-mode.js');

const SSL_REQUEST = 80877103;
const CANCEL_REQUEST = 80877102;
const PROTOCOL_3 = 3;
const TLS_HANDSHAKE = 0x16;
const LONGEST_STARTUP_PACKET = 1024;
const VERSION = '2.9.10';

/** How long things take. The real ones: `refusal` 500, `message` 15000, `cancel` a few. */
const MILLIS = { refusal: 30, message: 15_000, checkout: 5_000, cancel: 5 };

/**
 * @typedef {object} SupavisorOptions
 * @property {string} [name] what the ledger calls it. Default: its address
 * @property {string} [host] a loopback address. Default 127.0.0.1
 * @property {{ session?: number, transaction?: number }} [ports] 0, the default: any that is free
 * @property {import('../server.js').TestServer | null} [server] of tenants that name none
 * @property {Record<string, import('./tenants.js').TenantOptions>} [tenants] by ref
 * @property {boolean} [older] the texts of errors from before there were codes
 * @property {boolean} [tls] Default true
 * @property {(startup: import('./startup-packet.js').Startup) =>
 *   Record<string, string> | null | undefined | void | Promise<Record<string, string> | null | undefined | void>} [refuse]
 *   fields of an error to answer with, whoever the tenant is
 * @property {Partial<typeof MILLIS>} [millis]
 * @property {ConstructorParameters<typeof Breakers>[0]} [breakers]
 * @property {() => number} [now] the breakers' clock
 * @property {Ledger} [ledger] to share it with other hosts
 * @property {import('./certificates.js').Chain} [chain] to share it with other hosts
 * @property {string[]} [names] in its certificate
 */

/** One cluster. */
class Supavisor {
  #listeners;
  #sockets = new Set();
  #sessions = new Set();
  #pools = new Map();
  #identity;

  /** @param {SupavisorOptions} options @param {import('./certificates.js').Chain} chain @param {object | null} identity */
  constructor(options, chain, identity) {
    this.host = options.host ?? '127.0.0.1';
    this.name = options.name ?? this.host;
    this.older = options.older ?? false;
    this.refuse = options.refuse ?? (() => null);
    this.millis = { ...MILLIS, ...options.millis };
    this.breakers = new Breakers(options.breakers, options.now);
    this.ledger = options.ledger ?? new Ledger();
    this.cancels = new Cancels(this.#sessions, this.millis.cancel);
    /** The root certificate, for `ssl.ca`. */
    this.ca = chain.root;
    this.server = options.server ?? null;
    /** @type {Map<string, Tenant>} */
    this.tenants = new Map();
    for (const [ref, tenant] of Object.entries(options.tenants ?? {})) this.addTenant(ref, tenant);
    this.#identity = identity;
    this.#listeners = [this.#listener('session'), this.#listener('transaction')];
    this.port = 0;
    this.transactionPort = 0;
  }

  /** @param {{ session?: number, transaction?: number }} ports */
  async listen({ session = 0, transaction = 0 }) {
    const ports = [session, transaction];
    for (const [at, listener] of this.#listeners.entries()) {
      listener.listen(ports[at], this.host);
      await once(listener, 'listening');
    }
    [this.port, this.transactionPort] = this.#listeners.map((listener) => listener.address().port);
  }

  /** @param {string} ref @param {import('./tenants.js').TenantOptions} [options] */
  addTenant(ref, options = {}) {
    const tenant = new Tenant(ref, options, this.server);
    this.tenants.set(ref, tenant);
    return tenant;
  }

  /** @param {string} ref @returns {Tenant} */
  tenant(ref) {
    const tenant = this.tenants.get(ref);
    if (!tenant) throw new Error(`This cluster doesn't know ${ref}`);
    return tenant;
  }

  /** @param {Tenant} tenant @returns {Pools} */
  poolsOf(tenant) {
    if (!this.#pools.has(tenant)) this.#pools.set(tenant, new Pools(tenant, this));
    return this.#pools.get(tenant);
  }

  /** What node-postgres's Client and Pool take, for the role `postgres` in session mode. */
  config(ref, overrides = {}) {
    const { host, port, ca } = this;
    const password = this.tenants.get(ref)?.roles.postgres;
    return { host, port, user: `postgres.${ref}`, password, database: 'postgres', ssl: { ca }, ...overrides };
  }

  /** Clients that are logged in. */
  get clients() {
    return this.#sessions.size;
  }

  /** Those of them that wait for an answer. */
  get busyClients() {
    return [...this.#sessions].filter(({ isBusy }) => isBusy).length;
  }

  /** Tells those without anything under way a parameter that they didn't ask for. */
  heartbeat() {
    for (const session of this.#sessions) session.heartbeat();
  }

  /** Ends all clients, as a restart of the pooler does. */
  shutDownClients() {
    for (const session of this.#sessions) session.shutDown();
  }

  async close() {
    this.cancels.release();
    const closed = this.#listeners.filter(({ listening }) => listening).map((one) => once(one, 'close'));
    for (const listener of this.#listeners) listener.close();
    for (const socket of this.#sockets) socket.destroy();
    for (const pools of this.#pools.values()) pools.end();
    await Promise.all(closed);
  }

  #listener(mode) {
    return net.createServer({ noDelay: true, allowHalfOpen: true }, async (socket) => {
      this.#sockets.add(socket);
      const entry = this.ledger.open({ host: this.name, address: String(socket.remoteAddress), mode });
      socket.once('close', () => {
        this.#sockets.delete(socket);
        this.ledger.gone(entry);
      });
      await this.#serve(new MessageSocket(socket), entry);
    });
  }

  async #serve(client, entry) {
    try {
      const login = await this.#begin(client, entry);
      if (login) await this.#converse(client, login, entry);
      client.end();
    } catch (error) {
      if (error instanceof ClientLeft) {
        this.ledger.close(entry, error.outcome);
      } else if (error instanceof Refusal) {
        if (error.isDelayed) await sleep(this.millis.refusal);
        this.ledger.close(entry, error.code);
        client.end(messages.errorResponse(error.fields));
        return;
      } else {
        client.destroy();
        throw error;
      }
      client.destroy();
    } finally {
      this.ledger.close(entry, 'left');
    }
  }

  /** @returns {Promise<import('./login.js').Login | null>} null when there is nothing more to be said */
  async #begin(client, entry) {
    const start = await client.peek(8);
    if (start === null) return null;
    if (start.subarray(0, 4).toString() === 'GET ') {
      this.ledger.close(entry, 'http');
      client.end(Buffer.from(`HTTP/1.1 204 OK\r\nx-app-version: ${VERSION}\r\n\r\n`));
      return null;
    }
    let packet = await this.#startup(client);
    if (packet?.code === SSL_REQUEST && !client.encrypted) {
      if (!(await this.#encrypt(client))) return null;
      entry.encrypted = client.encrypted;
      entry.servername = client.servername;
      packet = await this.#startup(client);
    }
    if (!packet) return null;
    if (packet.code === CANCEL_REQUEST) {
      this.ledger.close(entry, 'cancel');
      await this.cancels.take(client, packet.body);
      return null;
    }
    // GSSENCRequest among them: it is taken for a start-up packet that makes no sense.
    if (packet.code >> 16 !== PROTOCOL_3) throw Refusal.of('ESTARTUPMESSAGE');
    const startup = parseStartup(packet.body);
    entry.startup = startup;
    return logIn(this, client, startup, entry);
  }

  async #startup(client) {
    const start = await client.peek(4);
    if (start === null) return null;
    const length = start.readInt32BE(0);
    // A TLS handshake that nobody asked for.
    if (start[0] === TLS_HANDSHAKE) throw Refusal.of('ESTARTUPMESSAGE');
    if (length > LONGEST_STARTUP_PACKET) throw Refusal.of('ESTARTUPPACKETTOOLARGE');
    const packet = await client.readStartup();
    if (!packet) return null;
    if (packet.body.length < 4) throw Refusal.of('ESTARTUPMESSAGE');
    return { code: packet.body.readInt32BE(0), body: packet.body };
  }

  async #encrypt(client) {
    if (!this.#identity) {
      client.send(Buffer.from('N'));
      return true;
    }
    client.send(Buffer.from('S'));
    return client.encrypt(this.#identity);
  }

  async #converse(client, login, entry) {
    client.send(messages.authenticationOk());
    const refused = login.tenant.refuse(login.startup, 'login');
    if (refused) throw Refusal.from(refused);
    const pool = this.poolsOf(login.tenant).of(login.startup, entry);
    const Mode = entry.mode === 'session' ? SessionModeClient : TransactionModeClient;
    const session = new Mode(client, login, pool);
    pool.clients.add(session);
    this.#sessions.add(session);
    try {
      await session.serve();
    } finally {
      pool.clients.delete(session);
      this.#sessions.delete(session);
    }
  }
}

/**
 * Starts one cluster.
 *
 * @param {SupavisorOptions} [options]
 * @returns {Promise<Supavisor>}
 */
async function startSupavisor(options = {}) {
  const chain = options.chain ?? (await makeChain());
  const names = options.names ?? [POOLERS, 'localhost', options.host ?? '127.0.0.1'];
  const identity = options.tls === false ? null : await chain.leaf(names);
  const pooler = new Supavisor(options, chain, identity);
  await pooler.listen(options.ports ?? {});
  return pooler;
}

module.exports = { Supavisor, startSupavisor };
