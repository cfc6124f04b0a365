'use strict';

// Opening connections under Supabase's own names: passwords in the clear, and a project's machine that counts wrong ones.

const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { runWithNames, withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');

const REF = 'abcdefghijklmnopqrst';
const CLUSTER = 'aws-0-eu-central-1';
const MACHINE = `db.${REF}.supabase.co`;

describe('a project', { skip: withoutNames }, () => {
  let server;
  const started = [];
  before(async () => {
    server = await postgres();
  });
  after(() => Promise.all(started.map((supabase) => supabase.close())));

  async function start(tenant = {}) {
    const supabase = await startSupabase({
      server,
      clusters: { [CLUSTER]: { tenants: { [REF]: tenant } } },
      direct: { [REF]: {} },
    });
    started.push(supabase);
    return supabase;
  }

  /** Runs a program that prints what it returns. */
  async function told(supabase, body) {
    const source = `
      const { DatabaseManager, Client, Pool } = require('./index.js');
      const { PASSWORD: password, CA: ca } = process.env;
      const failure = (promise) => promise.then(() => 'it worked', ({ code, message, supabase }) =>
        ({ code, message, supabase }));
      const manager = new DatabaseManager();
      const add = (config) => manager.addConnection('main', { password, region: 'eu-central-1', ...config });
      const one = async () => (await manager.connections.get('main').pool.query('SELECT 1 AS one')).rows[0].one;
      (async () => { ${body} })().then(async (told) => {
        console.log(JSON.stringify(told));
        await manager.close();
      });`;
    const env = { PASSWORD: server.password, CA: supabase.ca };
    const outcome = await runWithNames({ source }, { hosts: supabase.hosts, env });
    assert.equal(outcome.stderr, '');
    return JSON.parse(outcome.stdout);
  }

  const inTheClear = ({ ledger }) => ledger.entries.reduce((sum, { cleartext }) => sum + cleartext, 0);

  test('named by its ref gets the password in the clear once its certificate holds, whatever ssl says', async () => {
    const supabase = await start({ jit: true });
    const ssl = ['{ ca }', '{ ca, rejectUnauthorized: false }'];
    for (const [at, given] of ssl.entries()) {
      assert.equal(
        await told(supabase, `await add({ ref: '${REF}', ssl: ${given} }); return one();`),
        1,
        given,
      );
      assert.equal(inTheClear(supabase), at + 1);
    }
  });

  test('named by its ref gets none where the certificate does not hold', async () => {
    const supabase = await start({ jit: true });
    for (const known of ['', ", cluster: 'aws-0'", `, dbHost: '${CLUSTER}.pooler.supabase.com'`]) {
      const error = await told(supabase, `return failure(add({ ref: '${REF}'${known} }));`);
      assert.equal(error.code, 'SELF_SIGNED_CERT_IN_CHAIN', known);
      assert.match(error.message, /^The pooler asks for the password in the clear \(temporary access\)/);
      assert.equal(error.supabase.reaction, 'fix');
    }
    assert.equal(inTheClear(supabase), 0);
  });

  test('named by its host alone gets it as it asks, like of node-postgres', async () => {
    const supabase = await start({ jit: true });
    const config = `{ dbHost: '${CLUSTER}.pooler.supabase.com', dbUser: 'postgres.${REF}' }`;
    assert.equal(await told(supabase, `await add(${config}); return one();`), 1);
    assert.equal(inTheClear(supabase), 1);
  });

  test('whose own machine counts wrong passwords gets no more than two of them', async () => {
    const supabase = await start();
    const machine = `{ host: '${MACHINE}', user: 'postgres', database: 'postgres', ssl: { ca } }`;
    const errors = await told(
      supabase,
      `const passwords = ['wrong', 'wrong', 'worse', 'worst', 'wrong'];
       const pool = new Pool({ ...${machine}, password: 'wrong', max: 5 });
       const errors = await Promise.all(passwords.map(() => failure(pool.query('SELECT 1'))));
       for (const password of passwords) {
         errors.push(await failure(new Client({ ...${machine}, password }).connect()));
       }
       return errors;`,
    );
    assert.deepEqual(new Set(errors.map(({ code }) => code)), new Set(['28P01']));
    assert.equal(supabase.direct(REF).wrongPasswords, 2);
    assert.equal(supabase.direct(REF).isBanning, false);
  });
});
