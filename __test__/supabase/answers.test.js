'use strict';

// What an error on the way to a project says besides the server's words, and whose certificate is trusted there.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const net = require('node:net');
const { afterEach, before, describe, test } = require('node:test');
const { Client, Pool } = require('../../index.js');
const { failure } = require('../support/failure.js');
const { runWithNames, withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { errorFields } = require('../support/supavisor/error-table.js');
const { startSupabase } = require('../support/supavisor/hosts.js');
const { startSupavisor } = require('../support/supavisor/index.js');

const REF = 'abcdefghijklmnopqrst';

/** Ways to make a connection: the native one, and messages of JavaScript's on a stream of the program's. */
const WAYS = { natively: {}, 'on a stream of the program’s': { stream: () => new net.Socket() } };

describe('An error on the way to a project', () => {
  let server;
  const open = [];
  before(async () => {
    server = await postgres();
  });
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await (one.end ?? one.close).call(one);
  });

  async function start(tenant = {}, options = {}) {
    const pooler = await startSupavisor({
      server,
      tenants: { [REF]: tenant },
      millis: { refusal: 1 },
      ...options,
    });
    open.push(pooler);
    return pooler;
  }

  async function connected(config) {
    const client = new Client(config);
    client.on('error', () => undefined);
    await client.connect();
    open.push(client);
    return client;
  }

  for (const [how, way] of Object.entries(WAYS)) {
    test(`says what to do when it comes in the place of a connection made ${how}`, async () => {
      const pooler = await start();
      const error = await failure(
        new Client(pooler.config('unknown', { password: 'any', ...way })).connect(),
      );
      assert.equal(error.message, '(ENOTFOUND) tenant/user postgres.unknown not found');
      assert.equal(error.code, 'XX000');
      assert.equal(error.hint, undefined);
      const { code, reaction, hint } = error.supabase;
      assert.deepEqual({ code, reaction }, { code: 'ENOTFOUND', reaction: 'fix' });
      assert.match(hint, /^This pooler doesn't know unknown, /);
    });

    test(`says so in the words of older releases as well, ${how}`, async () => {
      const pooler = await start({}, { older: true });
      const error = await failure(
        new Client(pooler.config('unknown', { password: 'any', ...way })).connect(),
      );
      assert.equal(error.message, 'Tenant or user not found');
      assert.equal(error.supabase.code, 'ENOTFOUND');
    });

    test(`says what to do when it comes in the place of an answer, ${how}`, async () => {
      const refuse = (_startup, at) =>
        at === 'query' ? errorFields('ECHECKOUTTIMEOUT', { millis: 9, mode: 'transaction' }) : null;
      const pooler = await start({ refuse });
      const client = await connected(pooler.config(REF, { port: pooler.transactionPort, ...way }));
      const error = await failure(client.query('SELECT 1'));
      assert.match(error.message, /^\(ECHECKOUTTIMEOUT\) unable to check out connection/);
      assert.deepEqual([error.supabase.code, error.supabase.reaction], ['ECHECKOUTTIMEOUT', 'retry']);
    });

    test(`has nothing to say of what the server refuses for reasons of its own, ${how}`, async () => {
      const pooler = await start();
      const client = await connected(pooler.config(REF, way));
      const error = await failure(client.query('SELECT nothing FROM nowhere'));
      assert.equal(error.code, '42P01');
      assert.equal('supabase' in error, false);
    });
  }

  for (const [how, way] of Object.entries(WAYS)) {
    test(`says what to do when an idle client is told that the pooler goes down, ${how}`, async () => {
      const pooler = await start();
      const client = new Client(pooler.config(REF, way));
      const told = once(client, 'error');
      await client.connect();
      open.push(client);
      pooler.shutDownClients();
      const [error] = await told;
      assert.equal(error.code, '57P01');
      assert.deepEqual([error.supabase.code, error.supabase.reaction], ['EADMINSHUTDOWN', 'retry']);
    });
  }

  for (const [how, way] of Object.entries(WAYS)) {
    test(`says what to do when a connection is lost without a word, ${how}`, async () => {
      const pooler = await start();
      const client = new Client(pooler.config(REF, way));
      const told = once(client, 'error');
      await client.connect();
      open.push(client);
      await pooler.close();
      const [error] = await told;
      assert.equal(error.message, 'Connection terminated unexpectedly');
      assert.equal(error.code, undefined);
      assert.deepEqual([error.supabase.code, error.supabase.reaction], ['ECONNECTIONLOST', 'retry']);
    });
  }

  test('never tells a password', async () => {
    const pooler = await start();
    const password = 'gz-secret-9';
    const config = pooler.config(REF, { password, user: `${password}.${password}` });
    const error = await failure(new Client(config).connect());
    assert.equal(error.supabase.code, 'ENOTFOUND');
    assert.doesNotMatch(error.supabase.hint, /secret/);
  });

  test('is that of a pool, too', async () => {
    const pooler = await start({ banned: 'unpaid' });
    const pool = new Pool(pooler.config(REF));
    open.push(pool);
    const error = await failure(pool.query('SELECT 1'));
    assert.equal(error.message, '(EBANNED) tenant is banned: unpaid');
    assert.deepEqual([error.supabase.code, error.supabase.reaction], ['EBANNED', 'stop']);
  });
});

describe('On the way to Supabase', { skip: withoutNames }, () => {
  let server;
  let supabase;
  before(async () => {
    server = await postgres();
    supabase = await startSupabase({
      server,
      clusters: { 'aws-0-eu-central-1': { tenants: { [REF]: {} } } },
      direct: { [REF]: {} },
    });
    return () => supabase.close();
  });

  const POOLER = 'aws-0-eu-central-1.pooler.supabase.com';
  const DIRECT = `db.${REF}.supabase.co`;

  /** Connects as each of the configs says, and gives the codes of what is thrown. */
  async function outcomes(configs) {
    const source = `
      const net = require('node:net');
      const DatabaseManager = require('./index.js');
      const { Client } = DatabaseManager;
      const { CA: ca, PASSWORD: password } = process.env;
      async function attempt({ managed, stream, own, ssl, sslmode, ...config }) {
        const { user, host } = config;
        const url = \`postgres://\${user}:\${password}@\${host}/postgres?sslmode=\${sslmode}\`;
        const options = sslmode ? { connectionString: url } : { password, database: 'postgres', ...config };
        if (own || ssl !== undefined) options.ssl = own ? { ca } : ssl;
        if (stream) options.stream = () => new net.Socket();
        const manager = new DatabaseManager();
        const client = new Client(options);
        try {
          if (managed) await manager.addConnection('one', options);
          else await client.connect();
          return 'connected';
        } catch (error) {
          return [error.code, error.supabase?.code].join(' ');
        } finally {
          await Promise.all([manager.close(), client.end()]);
        }
      }
      (async () => {
        const told = [];
        for (const config of JSON.parse(process.argv[1])) told.push(await attempt(config));
        console.log(JSON.stringify(told));
      })();`;
    const { stderr, stdout } = await runWithNames(
      { source },
      {
        args: [JSON.stringify(configs)],
        hosts: supabase.hosts,
        env: { CA: supabase.ca, PASSWORD: server.password },
      },
    );
    assert.equal(stderr, '');
    return JSON.parse(stdout);
  }

  const hosts = [
    { host: POOLER, user: `postgres.${REF}` },
    { host: DIRECT, user: 'postgres' },
  ];
  const verifying = ['verify-full', 'require', true, { rejectUnauthorized: true }];

  test('a certificate that leads to another root is refused wherever it is verified, and the error says why', async () => {
    const configs = hosts.flatMap((host) => [
      ...verifying.map((ssl) => ({ ...host, ssl })),
      { ...host, sslmode: 'verify-full' },
      { ...host, sslmode: 'verify-full', managed: true },
      { ...host, ssl: 'verify-ca' },
      { ...host, ssl: 'verify-full', stream: true },
      { ...host, ssl: 'verify-full', managed: true },
    ]);
    const told = await outcomes(configs);
    assert.deepEqual(
      told,
      configs.map(() => 'SELF_SIGNED_CERT_IN_CHAIN EROOTNOTTRUSTED'),
    );
  });

  test('the root that the program gives is trusted, and it may leave verifying out', async () => {
    const configs = hosts.flatMap((host) => [
      { ...host, own: true },
      { ...host, own: true, stream: true },
      { ...host, ssl: { rejectUnauthorized: false } },
      { ...host, ssl: 'no-verify' },
      { ...host, managed: true },
    ]);
    assert.deepEqual(
      await outcomes(configs),
      configs.map(() => 'connected'),
    );
  });
});
