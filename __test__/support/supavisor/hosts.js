'use strict';

// Several clusters and direct hosts under Supabase's own names and ports, each on a loopback address of its own. Programs
// that look the names up run as child processes, see ../names.js.
//
//   const supabase = await startSupabase({
//     server: await postgres(),
//     clusters: { 'aws-0-eu-central-1': {}, 'aws-1-eu-central-1': { tenants: { abcdefghijklmnopqrst: {} } } },
//     direct: { abcdefghijklmnopqrst: {} },
//   });
//   await runWithNames({ source }, { hosts: supabase.hosts, env: { CA: supabase.ca } });
//   supabase.ledger.startupsByHost; supabase.cluster('aws-1-eu-central-1').tenant(ref); await supabase.close();

const { randomInt } = require('node:crypto');
const { POOLERS, makeChain } = require('./certificates.js');
const { startDirectHost } = require('./direct-host.js');
const { startSupavisor } = require('./index.js');
const { Ledger } = require('./ledger.js');

const PORTS = { session: 5432, transaction: 6543 };
const ATTEMPTS = 10;

/** Supabase as far as a database client sees it. */
class Supabase {
  /** @type {Map<string, import('./index.js').Supavisor>} */
  #clusters = new Map();
  /** @type {Map<string, import('./direct-host.js').DirectHost>} */
  #direct = new Map();
  /** @type {Record<string, string>} addresses by name */
  hosts = {};
  ledger = new Ledger();

  /** @param {import('./certificates.js').Chain} chain */
  constructor(chain) {
    this.chain = chain;
    /** The root certificate, for `ssl.ca`. */
    this.ca = chain.root;
  }

  /** @param {string} name such as `aws-0-eu-central-1` */
  cluster(name) {
    const found = this.#clusters.get(name);
    if (!found) throw new Error(`There is no cluster ${name}`);
    return found;
  }

  /** @param {string} ref */
  direct(ref) {
    const found = this.#direct.get(ref);
    if (!found) throw new Error(`There is no direct host of ${ref}`);
    return found;
  }

  /** @param {string} name @param {import('./index.js').SupavisorOptions} options */
  async addCluster(name, options, host) {
    const { chain, ledger } = this;
    const shared = { chain, ledger, name, host, ports: PORTS, names: [POOLERS, host] };
    this.#clusters.set(name, await startSupavisor({ ...shared, ...options }));
    this.hosts[`${name}.pooler.supabase.com`] = host;
  }

  /** @param {string} ref @param {import('./direct-host.js').DirectHostOptions} options */
  async addDirectHost(ref, options, host) {
    const { chain, ledger } = this;
    const name = `db.${ref}.supabase.co`;
    this.#direct.set(ref, await startDirectHost({ chain, ledger, name, host, port: 5432, ...options }));
    this.hosts[name] = host;
  }

  async close() {
    await Promise.all([...this.#clusters.values(), ...this.#direct.values()].map((one) => one.close()));
  }
}

/**
 * @param {object} options
 * @param {import('../server.js').TestServer} options.server where the databases are
 * @param {Record<string, import('./index.js').SupavisorOptions>} options.clusters by name
 * @param {Record<string, Partial<import('./direct-host.js').DirectHostOptions>>} [options.direct] by ref
 * @param {import('./index.js').SupavisorOptions} [options.all] for all clusters
 * @returns {Promise<Supabase>}
 */
async function startSupabase(options) {
  const chain = await makeChain();
  for (let attempt = 1; ; attempt += 1) {
    const supabase = new Supabase(chain);
    try {
      await fill(supabase, options);
      return supabase;
    } catch (error) {
      await supabase.close();
      // Another test's block of addresses, or somebody else's server on all addresses.
      if (error.code !== 'EADDRINUSE' || attempt === ATTEMPTS) throw error;
    }
  }
}

async function fill(supabase, { server, clusters, direct = {}, all = {} }) {
  const block = `127.${randomInt(10, 250)}.${randomInt(1, 250)}`;
  let last = 0;
  for (const [name, options] of Object.entries(clusters)) {
    await supabase.addCluster(name, { server, ...all, ...options }, `${block}.${++last}`);
  }
  for (const [ref, options] of Object.entries(direct)) {
    await supabase.addDirectHost(ref, { server, ...options }, `${block}.${++last}`);
  }
}

module.exports = { startSupabase };
