'use strict';

const { authenticate } = require('./authentication.js');
const { Refusal } = require('./refusal.js');
const { isName } = require('./startup-packet.js');

/**
 * @typedef {object} Login
 * @property {import('./index.js').Supavisor} cluster
 * @property {import('./tenants.js').Tenant} tenant
 * @property {import('./startup-packet.js').Startup} startup
 * @property {import('./ledger.js').Entry} entry
 */

/**
 * Everything between the start-up packet and the right password, in the pooler's order.
 *
 * @param {import('./index.js').Supavisor} cluster
 * @param {import('./message-socket.js').MessageSocket} client
 * @param {import('./startup-packet.js').Startup} startup
 * @param {import('./ledger.js').Entry} entry
 * @returns {Promise<Login>} throws a Refusal, or ClientLeft
 */
async function logIn(cluster, client, startup, entry) {
  const { older } = cluster;
  if (!isName(startup.role) || !isName(startup.database)) throw Refusal.of('EINVALIDUSERINFO');
  const refused = await cluster.refuse(startup);
  if (refused) throw Refusal.from(refused);

  const tenant = findTenant(cluster, client, startup);
  const { role } = startup;
  const refusedByTenant = tenant.refuse(startup, 'startup');
  if (refusedByTenant) throw Refusal.from(refusedByTenant);
  if (tenant.ambiguous) throw Refusal.of('EMULTIPLEUSERS', { user: role, ref: tenant.ref });
  if (tenant.banned) throw Refusal.of('EBANNED', { reason: tenant.banned });
  const needsTls = tenant.enforceSsl || (tenant.jit && startup.jit);
  if (needsTls && !client.encrypted) throw Refusal.of('ESSLREQUIRED', { user: role }, { older });
  if (!tenant.allows(entry.address))
    throw Refusal.of('EADDRNOTALLOWED', { address: entry.address }, { older });
  cluster.poolsOf(tenant).check(startup, entry);

  const login = { cluster, tenant, startup, entry };
  await authenticate(client, login);
  return login;
}

function findTenant(cluster, client, startup) {
  const { ref, role } = startup;
  const { older } = cluster;
  if (ref === undefined && client.servername === undefined) throw Refusal.of('ENOIDENTIFIER');
  const tenant =
    ref === undefined
      ? [...cluster.tenants.values()].find(({ sniHostname }) => sniHostname === client.servername)
      : cluster.tenants.get(ref);
  if (!tenant) throw Refusal.of('ENOTFOUND', { user: role, ref }, { older, isDelayed: true });
  return tenant;
}

module.exports = { logIn };
