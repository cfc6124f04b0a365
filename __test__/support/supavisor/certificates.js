'use strict';

const { createAuthority } = require('../../../scripts/support/certificates.js');

/** The name that every cluster's certificate has. */
const POOLERS = '*.pooler.supabase.com';

/**
 * A chain as Supabase's hosts have it: leaf, intermediate, private root.
 *
 * @typedef {object} Chain
 * @property {string} root PEM, for a client's `ssl.ca`
 * @property {(names: string[]) => Promise<{ cert: string, key: string }>} leaf a certificate with the authorities behind
 *   it, as tls.TLSSocket takes it
 */

/** @returns {Promise<Chain>} */
async function makeChain() {
  const root = await createAuthority('Test Root CA of a fake Supabase');
  const intermediate = await root.issueIntermediate('Test Intermediate CA of a fake Supabase');
  return {
    root: root.certificate,
    async leaf(names) {
      const hosts = names.filter((name) => !/^[\d.:]+$/.test(name));
      const addresses = names.filter((name) => /^[\d.:]+$/.test(name));
      const { certificate, key } = await intermediate.issue(names[0], { hosts, addresses });
      return { cert: [certificate, intermediate.certificate, root.certificate].join('\n'), key };
    },
  };
}

module.exports = { POOLERS, makeChain };
