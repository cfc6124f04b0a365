'use strict';

// A project's own machine bans whoever sends it a few wrong passwords: it gets one.

const { before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');
const { visit } = require('../support/supavisor/visit.js');

const REF = 'abcdefghijklmnopqrst';
const DIRECT = `db.${REF}.supabase.co`;

describe("a project's own machine", { skip: withoutNames }, () => {
  let server;
  before(async () => {
    server = await postgres();
  });

  async function withMachine(t) {
    const supabase = await startSupabase({ server, clusters: {}, direct: { [REF]: {} } });
    t.after(() => supabase.close());
    return supabase;
  }

  const settings = (password) => ({ host: DIRECT, user: 'postgres', password, database: 'postgres' });

  test('sees a wrong password once, however many ask for a connection and however often', async (t) => {
    const supabase = await withMachine(t);
    const codes = await visit(
      supabase,
      async ({ Pool, failing, ca }, wrong, right) => {
        const pool = new Pool({ ...wrong, ssl: { ca } });
        const ask = () => failing(pool.query('SELECT 1'));
        const seen = await Promise.all([1, 2, 3, 4, 5].map(ask));
        for (let again = 1; again <= 3; again += 1) seen.push(await ask());
        await pool.end();
        const mended = new Pool({ ...right, ssl: { ca } });
        seen.push(await failing(mended.query('SELECT 1 AS one').then(({ rows }) => rows[0].one)));
        await mended.end();
        return seen.map(({ code, resolved }) => code ?? resolved);
      },
      settings('wrong'),
      settings(server.password),
    );
    assert.deepEqual(codes, [...Array(8).fill('28P01'), 1]);
    assert.equal(supabase.direct(REF).wrongPasswords, 1);
  });

  test('that refuses connections is said to have banned the address', async (t) => {
    const supabase = await withMachine(t);
    await supabase.direct(REF).close();
    const seen = await visit(
      supabase,
      async ({ Client, failing }, config) => failing(new Client(config).connect()),
      settings(server.password),
    );
    assert.equal(seen.code, 'ECONNREFUSED', seen.message);
    assert.deepEqual([seen.supabase?.code, seen.supabase?.reaction], ['EADDRESSBANNED', 'stop']);
    assert.deepEqual(supabase.ledger.entries, []);
  });
});
