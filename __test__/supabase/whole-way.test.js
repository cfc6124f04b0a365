'use strict';

// From a manager that knows refs and passwords to Supabase's hosts and back: all that stands between is under test at once.

const { before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { Client } = require('pg');
const { eventually } = require('../support/failure.js');
const { withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');
const { visit } = require('../support/supavisor/visit.js');

const REF = 'abcdefghijklmnopqrst';
const HOME = 'aws-1-eu-west-1';
const CLUSTERS = ['aws-0-eu-west-1', HOME, 'aws-2-eu-west-1', 'aws-0-us-east-1', 'aws-1-us-east-1'];

describe("a manager's project", { skip: withoutNames }, () => {
  let server;
  before(async () => {
    server = await postgres();
  });

  /** @param {Record<string, import('../support/supavisor/tenants.js').TenantOptions>} tenants at HOME */
  async function withTenants(t, tenants) {
    const supabase = await startSupabase({
      server,
      clusters: Object.fromEntries(CLUSTERS.map((name) => [name, name === HOME ? { tenants } : {}])),
    });
    t.after(() => supabase.close());
    const pooler = supabase.cluster(HOME);
    return { supabase, pooler, ledger: supabase.ledger };
  }

  const project = (overrides = {}) => ({ ref: REF, password: server.password, ...overrides });
  const failures = (pooler, ref = REF) => pooler.breakers.failures('auth_error', ref, '127.0.0.1');

  const connect = async ({ DatabaseManager, failing }, settings) => {
    const manager = new DatabaseManager();
    const given = await failing(manager.addConnection('main', settings));
    await manager.close();
    return given;
  };

  test('that is full is waited for, and its password is sent once there is room', async (t) => {
    const { supabase, pooler, ledger } = await withTenants(t, { [REF]: { poolSize: 1 } });
    const holder = new Client(pooler.config(REF));
    await holder.connect();
    const visited = visit(supabase, connect, project({ connectionTimeoutMillis: 20_000 }));
    await eventually(() => ledger.outcomes.includes('EMAXCONNSESSION'), 'a refusal');
    await holder.end();
    assert.equal((await visited).resolved?.success, true);
    assert.equal(ledger.authAttempts, 2);
    assert.equal(failures(pooler), 0);
  });

  test('gets a wrong password once, however many ask for a connection and however often', async (t) => {
    const { supabase, pooler, ledger } = await withTenants(t, { [REF]: {} });
    const codes = await visit(
      supabase,
      async ({ DatabaseManager, failing }, settings) => {
        const manager = new DatabaseManager();
        await manager.addDatabase('main', settings);
        await manager.switchConnection('main');
        const ask = () => failing(manager.currentPool.query('SELECT 1'));
        const seen = await Promise.all([1, 2, 3, 4, 5].map(ask));
        for (let again = 1; again <= 3; again += 1) seen.push(await ask());
        await manager.close();
        return seen.map(({ code }) => code);
      },
      project({ password: 'wrong' }),
    );
    assert.deepEqual(codes, Array(8).fill('28P01'));
    assert.equal(ledger.authAttempts, 1);
    assert.equal(failures(pooler), 1);
  });

  test('with temporary access gets its password in the clear where the certificate holds, and nowhere else', async (t) => {
    const { supabase, ledger } = await withTenants(t, { [REF]: { jit: true } });
    const doubtful = await visit(supabase, connect, project());
    assert.equal(doubtful.resolved, undefined);
    assert.equal(ledger.authAttempts, 0);
    const seen = await visit(supabase, connect, project({ ssl: { ca: supabase.ca } }));
    assert.equal(seen.resolved?.success, true, seen.message);
    assert.equal(ledger.entries.filter(({ cleartext }) => cleartext > 0).length, 1);
  });

  test('survives a restart of its pooler, and what the pooler says unasked', async (t) => {
    const { supabase, pooler } = await withTenants(t, { [REF]: {} });
    const visited = visit(
      supabase,
      async ({ DatabaseManager, sleep }, settings) => {
        const manager = new DatabaseManager();
        await manager.addConnection('main', settings);
        const pool = manager.currentPool;
        await pool.query("SELECT 'ready for a restart'");
        while (pool.totalCount > 0) await sleep(20);
        const found = new Set();
        for (let turn = 1; turn <= 10; turn += 1) {
          await sleep(20);
          found.add((await pool.query('SHOW application_name')).rows[0].application_name);
        }
        await manager.close();
        return [...found];
      },
      project({ application_name: 'mine', idleTimeoutMillis: 0 }),
    );
    const isReady = async (client) => {
      const { rows } = await client.query(
        "SELECT 1 FROM pg_stat_activity WHERE state = 'idle' AND query = 'SELECT ''ready for a restart'''",
      );
      return rows.length === 1 && pooler.busyClients === 0;
    };
    await server.asSuperuser((client) => eventually(() => isReady(client), 'the idle client', 30_000));
    pooler.shutDownClients();
    const beats = setInterval(() => pooler.heartbeat(), 10);
    t.after(() => clearInterval(beats));
    assert.deepEqual(await visited, ['mine']);
  });

  test('in trouble is no trouble for the others of its manager', async (t) => {
    const names = ['good', 'paused', 'restricted', 'banned', 'mistyped', 'blocked', 'transactions', 'other'];
    const refs = Object.fromEntries(names.map((name) => [name, name.padEnd(20, 'x')]));
    const { supabase, pooler, ledger } = await withTenants(t, {
      [refs.good]: {},
      [refs.restricted]: { allowList: ['10.0.0.0/8'] },
      [refs.banned]: { banned: 'unpaid' },
      [refs.mistyped]: {},
      [refs.blocked]: {},
      [refs.transactions]: { poolSize: 2 },
    });
    supabase.cluster('aws-0-us-east-1').addTenant(refs.other);
    pooler.breakers.open('auth_error', refs.blocked, '127.0.0.1');

    const seen = await visit(
      supabase,
      async ({ DatabaseManager, failing }, given, password) => {
        const manager = new DatabaseManager();
        const found = {};
        for (const [name, ref] of Object.entries(given)) {
          await manager.addDatabase(name, {
            ref,
            password: name === 'mistyped' ? 'wrong' : password,
            ...(name === 'transactions' ? { port: 6543 } : {}),
          });
        }
        const ask = async (name) => {
          const { pool } = manager.connections.get(name);
          const outcomes = await Promise.all([1, 2, 3].map(() => failing(pool.query('SELECT 1 AS one'))));
          found[name] = outcomes.map(({ resolved, code, supabase: advice }) =>
            resolved ? 'ok' : (advice?.code ?? code),
          );
        };
        await Promise.all(Object.keys(given).map(ask));
        await manager.close();
        return found;
      },
      refs,
      server.password,
    );
    const thrice = (what) => [what, what, what];
    assert.deepEqual(seen, {
      good: thrice('ok'),
      paused: thrice('ENOTFOUND'),
      restricted: thrice('EADDRNOTALLOWED'),
      banned: thrice('EBANNED'),
      mistyped: thrice('EWRONGPASSWORD'),
      blocked: thrice('ECIRCUITBREAKER'),
      transactions: thrice('ok'),
      other: thrice('ok'),
    });
    for (const [name, ref] of Object.entries(refs)) {
      assert.equal(failures(pooler, ref), name === 'mistyped' ? 1 : 0, name);
    }
    const elsewhere = ledger.startups.filter(
      ({ host, startup }) => host !== HOME && startup.ref !== refs.other,
    );
    const asked = elsewhere.map(({ host, startup }) => `${startup.ref} at ${host}`);
    assert.deepEqual(asked, [...new Set(asked)], 'nobody is asked twice who does not know the project');
  });
});
