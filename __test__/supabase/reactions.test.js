'use strict';

// Every answer of the poolers' that a connection can end with, as a program sees it.

const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { ERRORS, errorFields } = require('../support/supavisor/error-table.js');
const { startSupabase } = require('../support/supavisor/hosts.js');
const { visit } = require('../support/supavisor/visit.js');

/** What to do about each answer. Those that a login can't end with are missing. */
const REACTIONS = {
  fix: [
    'ENOTFOUND',
    'ENOIDENTIFIER',
    'EINVALIDUSERINFO',
    'EMULTIPLEUSERS',
    'ESSLREQUIRED',
    'EADDRNOTALLOWED',
    'EAUTHQUERY',
    'EAUTHTIMEOUT',
    'EAUTHPROTOCOL',
    'ESTARTUPMESSAGE',
    'ESTARTUPPACKETTOOLARGE',
    'ESSLHANDSHAKE',
  ],
  stop: ['EBANNED', 'EWRONGPASSWORD', 'ECIRCUITBREAKER'],
  wait: ['EMAXCONNSESSION', 'EMAXCONN', 'EMAXPOOLSREACHED'],
  retry: [
    'EJITREQUESTFAILED',
    'EAUTHSECRETS',
    'ECHECKOUTTIMEOUT',
    'ECHECKOUTRETRIES',
    'EPOOLCHECKOUT',
    'EDBHANDLEREXITED',
    'ESUBSCRIBERETRIES',
    'EPROXYSTARTFAILED',
    'EPROXYSUPERVISORUNAVAILABLE',
    'EPOOLCONFIGNOTFOUND',
    'EPOOLRANCHNOTFOUND',
    'EWORKERNOTFOUND',
  ],
};
const EXPECTED = Object.fromEntries(
  Object.entries(REACTIONS).flatMap(([reaction, codes]) => codes.map((code) => [code, reaction])),
);
/** What the texts speak of. */
const OF = {
  user: 'postgres',
  ref: 'abc',
  address: '10.1.2.3',
  limit: 15,
  operation: 'auth_error',
  millis: 5000,
};

describe("an answer of Supabase's pooler", { skip: withoutNames }, () => {
  let server;
  before(async () => {
    server = await postgres();
  });

  for (const older of [false, true]) {
    const age = older ? 'from before there were codes' : 'with its code';
    test(`${age} says what to do, and is asked for again only where that can help`, async (t) => {
      // The role tells the fake which answer it is to give. Each has a project of its own: a ban is everybody's.
      const refuse = ({ role }) =>
        errorFields(role, { ...OF, mode: 'session', reason: undefined }, { older });
      const supabase = await startSupabase({ server, clusters: { 'aws-1-us-east-1': { refuse } } });
      t.after(() => supabase.close());
      const codes = Object.keys(EXPECTED).filter((code) => !older || ERRORS[code].older);
      const seen = await visit(
        supabase,
        async ({ DatabaseManager, failing }, roles) => {
          const manager = new DatabaseManager();
          const found = {};
          const look = async (role) => {
            const config = {
              dbUser: `${role}.p${role.toLowerCase()}`,
              dbPassword: 'x',
              connectionTimeoutMillis: 1500,
            };
            found[role] = await failing(manager.addConnection(role, config));
          };
          await Promise.all(roles.map(look));
          await manager.close();
          return found;
        },
        codes,
      );
      const reactions = Object.fromEntries(codes.map((code) => [code, seen[code].supabase?.reaction]));
      assert.deepEqual(reactions, Object.fromEntries(codes.map((code) => [code, EXPECTED[code]])));
      const named = codes.map((code) => seen[code].supabase?.code);
      assert.deepEqual(named, codes);
      for (const code of codes) {
        const { C: state, M: text } = errorFields(code, { ...OF, mode: 'session' }, { older });
        assert.equal(seen[code].code, state);
        assert.ok(seen[code].message.includes(text), seen[code].message);
        const tries = supabase.ledger.startups.filter(({ startup }) => startup.role === code).length;
        if (['fix', 'stop'].includes(EXPECTED[code])) assert.equal(tries, 1, code);
      }
      assert.equal(supabase.ledger.authAttempts, 0);
    });
  }
});
