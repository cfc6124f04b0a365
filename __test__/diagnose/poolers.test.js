'use strict';

// What PgBouncer and Supabase's pooler say, and what a diagnosis makes of it.

const { before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');
const { assertFails, assertNoSecret, assertWorks, diagnose } = require('../support/diagnosis.js');
const { eventually } = require('../support/failure.js');
const { withoutNames } = require('../support/names.js');
const { pgbouncer, startPgBouncer } = require('../support/pgbouncer.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');
const { startSupavisor } = require('../support/supavisor/index.js');
const { visit } = require('../support/supavisor/visit.js');
const { Client } = require('pg');

const REF = 'abcdefghijklmnopqrst';

/** A client, or null when it isn't let in. */
async function connected(config) {
  const client = new Client(config);
  client.on('error', () => null);
  return client.connect().then(
    () => client,
    () => null,
  );
}

for (const version of [17, 15]) {
  describe(`PgBouncer before PostgreSQL ${version}, diagnosed`, { skip: !pgbouncer }, () => {
    let server;
    before(async () => {
      server = await postgres(version);
    });

    async function start(t, options) {
      const pooler = await startPgBouncer(server, 'session', options);
      t.after(() => pooler.stop());
      return (overrides) => server.config({ port: pooler.port, ssl: false, ...overrides });
    }

    for (const type of ['plain', 'md5', 'scram-sha-256']) {
      test(`that asks for ${type} works, and refuses what isn't in its lists`, async (t) => {
        const config = await start(t, {
          databases: `postgres = host=${server.host} port=${server.port}`,
          settings: { auth_type: type },
        });
        // The second one tells which mode it is in.
        assertWorks(await diagnose(config()), 2);
        const wrong = await diagnose(config({ password: 'not-the-password' }));
        assertFails(wrong, 'pooler-login', 'authentication', 1);
        const nobody = await diagnose(config({ user: 'nobody_there' }));
        assertFails(
          nobody,
          'pooler-login',
          nobody.authAttempts === 1 ? 'authentication' : 'startup',
          nobody.authAttempts,
        );
        const nowhere = await diagnose(config({ database: 'nowhere' }));
        assertFails(
          nowhere,
          'pooler-login',
          nowhere.authAttempts === 1 ? 'authentication' : 'startup',
          nowhere.authAttempts,
        );
      });
    }

    test('refuses a startup parameter, which a connection for session mode sets by itself', async (t) => {
      const config = await start(t);
      const parameters = { options: '-c lock_timeout=3s', statement_timeout: 5000 };
      const refused = await diagnose(config(parameters));
      assertFails(refused, 'pooler-parameter', 'startup', 0);
      const diagnosis = await diagnose(config({ ...parameters, poolMode: 'session' }));
      assertWorks(diagnosis, 2);
      assert.equal(diagnosis.cause, 'parameter-dropped');
      const { state, detail } = diagnosis.checks.find(({ name }) => name === 'startup');
      assert.equal(state, 'warning');
      assert.ok(detail.includes('lock_timeout') && detail.includes('statement_timeout'), detail);
    });

    test('has as many clients as it may have', async (t) => {
      const config = await start(t, { settings: { max_client_conn: 1 } });
      // Until it has forgotten the connection that has found it there.
      const client = await eventually(() => connected(config()), 'a first client');
      t.after(() => client.end());
      assertFails(await diagnose(config()), 'client-limit', 'startup', 0);
    });

    test('wants TLS', async (t) => {
      const config = await start(t, {
        settings: { client_tls_sslmode: 'require' },
        certificate: ['elsewhere.pem', 'elsewhere.key'].map((name) => server.certificatePath(name)),
      });
      assertFails(await diagnose(config()), 'tls-required', 'startup', 0);
      assertWorks(await diagnose(config({ ssl: { rejectUnauthorized: false } })), 2);
    });

    test('has no server behind it', async (t) => {
      const closed = net.createServer().listen(0, '127.0.0.1');
      await once(closed, 'listening');
      const { port } = closed.address();
      closed.close();
      const config = await start(t, {
        databases: `* = host=127.0.0.1 port=${port}`,
        settings: { server_login_retry: 1, query_wait_timeout: 3 },
      });
      const diagnosis = await diagnose(config());
      assertFails(diagnosis, 'pooler-backend-down', 'authentication', 1);
    });
  });
}

describe("a cluster of Supabase's pooler, diagnosed", () => {
  let server;
  before(async () => {
    server = await postgres();
  });

  async function start(t, tenant = {}, options = {}) {
    const pooler = await startSupavisor({ server, tenants: { [REF]: tenant }, ...options });
    t.after(() => pooler.close());
    return pooler;
  }

  const refusing = (code, text, at = 'startup') => ({
    refuse: (_, when) => (when === at ? { S: 'FATAL', C: 'XX000', M: `(${code}) ${text}` } : null),
  });

  test('works by two logins, since it is asked for its mode, in session and in transaction mode', async (t) => {
    const pooler = await start(t);
    assertWorks(await diagnose(pooler.config(REF)), 2);
    assertWorks(await diagnose(pooler.config(REF, { port: pooler.transactionPort })), 2);
    assert.equal(pooler.ledger.authAttempts, 4);
  });

  for (const [what, tenant, overrides, cause] of [
    ['a user without a ref', {}, { user: 'postgres' }, 'user-without-ref'],
    ['no TLS where it is wanted', { enforceSsl: true }, { ssl: false }, 'ssl-enforced'],
    ['an address that is not let in', { allowList: ['10.0.0.0/8'] }, {}, 'address-not-allowed'],
    ['a project that is shut out', { banned: 'unpaid' }, {}, 'pooler-refusal'],
    ['all connections of a session in use', { poolSize: 0 }, {}, 'session-slots-full'],
    ['all clients there', { maxClients: 0 }, {}, 'client-limit'],
    [
      'a pooler that lost its database',
      refusing('EDBHANDLEREXITED', 'DbHandler exited'),
      {},
      'pooler-cannot-reach-database',
    ],
    [
      'a breaker for passwords',
      refusing(
        'ECIRCUITBREAKER',
        'too many authentication failures, new connections are temporarily blocked',
      ),
      {},
      'breaker-authentication',
    ],
    [
      'a breaker for look-ups',
      refusing('ECIRCUITBREAKER', 'failed to retrieve database credentials after multiple attempts'),
      {},
      'breaker-credentials',
    ],
  ]) {
    test(`is asked about ${what} without a password`, async (t) => {
      const pooler = await start(t, tenant);
      const config = pooler.config(REF, overrides);
      if (what.startsWith('all clients')) config.port = pooler.transactionPort;
      assertFails(await diagnose(config), cause, 'startup', 0);
      assert.equal(pooler.ledger.authAttempts, 0);
    });
  }

  test('says what is wrong behind the startup message', async (t) => {
    const pooler = await start(t, { poolSize: 1 }, { millis: { checkout: 300 } });
    assertFails(
      await diagnose(pooler.config(REF, { user: `nobody.${REF}` })),
      'role-not-found',
      'authentication',
      0,
    );
    // The pooler counts look-ups in vain, so another login waits, and nothing is said of its role.
    assertFails(await diagnose(pooler.config(REF)), 'not-tried', 'authentication', 0);
  });

  test('refuses a wrong password, which is sent once', async (t) => {
    const pooler = await start(t, { poolSize: 1 });
    const wrong = pooler.config(REF, { password: 'not-the-password' });
    assertFails(await diagnose(wrong), 'wrong-password', 'authentication', 1);
    assert.equal(pooler.ledger.authAttempts, 1);
    // It was refused a moment ago, and isn't sent again.
    const again = await diagnose(wrong);
    assertFails(again, 'wrong-password', 'authentication', 0);
    assert.equal(pooler.ledger.authAttempts, 1);
  });

  for (const [code, text, cause] of [
    [
      'ECHECKOUTTIMEOUT',
      'unable to check out connection from the pool after 5000 ms in Session mode',
      'no-free-backend',
    ],
    ['EAUTHQUERY', 'auth_query connection failed', 'pooler-cannot-reach-database'],
  ]) {
    test(`answers ${code} to the login`, async (t) => {
      const pooler = await start(t, refusing(code, text, code === 'EAUTHQUERY' ? 'credentials' : 'login'));
      const sent = code === 'EAUTHQUERY' ? 0 : 1;
      assertFails(await diagnose(pooler.config(REF)), cause, 'authentication', sent);
    });
  }

  test('has a client limit that comes before a wrong password, and no password is sent', async (t) => {
    const pooler = await start(t, { maxClients: 0 });
    const config = pooler.config(REF, { port: pooler.transactionPort, password: 'not-the-password' });
    assertFails(await diagnose(config), 'client-limit', 'startup', 0);
  });

  test('asks for the password in the clear, which works where the certificate holds', async (t) => {
    const pooler = await start(t, { jit: true });
    assertWorks(await diagnose(pooler.config(REF)), 2);
  });

  test('is left alone with the password that addConnection has sent', async (t) => {
    const { DatabaseManager } = require('../..');
    const pooler = await start(t);
    const manager = new DatabaseManager();
    t.after(() => manager.close());
    const config = { ...pooler.config(REF, { password: 'also-not-the-password' }), diagnose: true };
    const { diagnosis } = await manager.addConnection('it', config).catch((error) => error);
    assertFails(diagnosis, 'wrong-password', 'authentication', 0);
    assertNoSecret(diagnosis, config.password);
    assert.equal(pooler.ledger.authAttempts, 1);
  });
});

describe("Supabase's hosts, diagnosed", { skip: withoutNames }, () => {
  let server;
  before(async () => {
    server = await postgres();
  });

  const HERE = 'aws-1-eu-central-1';
  const POOLER = `${HERE}.pooler.supabase.com`;
  const WRONG = 'aws-0-eu-central-1.pooler.supabase.com';

  async function start(t, options = {}) {
    const supabase = await startSupabase({
      server,
      clusters: {
        'aws-0-eu-central-1': {},
        [HERE]: { tenants: { [REF]: {} } },
        'aws-0-us-east-1': {},
        'aws-1-us-east-1': { tenants: { zyxwvutsrqponmlkjihg: {} } },
      },
      ...options,
    });
    t.after(() => supabase.close());
    return supabase;
  }

  /** The diagnosis of each configuration, in one program. */
  const ask = (supabase, ...configs) =>
    visit(
      supabase,
      async ({ DatabaseManager, ca }, all) => {
        const diagnoses = [];
        for (const { limits, ...config } of all) {
          const manager = new DatabaseManager();
          await manager.addDatabase('it', { ssl: { ca }, ...config });
          diagnoses.push(...(await manager.diagnose(limits)));
          await manager.close();
        }
        return diagnoses;
      },
      configs,
    );

  const login = (host, ref, overrides) => ({
    host,
    user: `postgres.${ref}`,
    password: server.password,
    database: 'postgres',
    ...overrides,
  });

  test('name the cluster that knows the project, in the region or in another, without a password', async (t) => {
    const supabase = await start(t);
    const [near, far] = await ask(supabase, login(WRONG, REF), login(WRONG, 'zyxwvutsrqponmlkjihg'));
    assertFails(near, 'wrong-cluster', 'startup', 0);
    assert.ok(near.remedy.includes(POOLER), near.remedy);
    assertFails(far, 'wrong-cluster', 'startup', 0);
    assert.ok(far.remedy.includes('aws-1-us-east-1.pooler.supabase.com'), far.remedy);
    assert.equal(supabase.ledger.authAttempts, 0);
    // Each host is asked once for each project.
    const { 'aws-0-eu-central-1': first, [HERE]: second } = supabase.ledger.startupsByHost;
    assert.deepEqual([first, second], [2, 2]);
  });

  test('know a project nowhere, by its host and by its ref', async (t) => {
    const supabase = await start(t);
    const unknown = 'aaaaaaaaaabbbbbbbbbb';
    const [byHost, byRef, short] = await ask(
      supabase,
      login(WRONG, unknown),
      { ref: unknown, password: server.password },
      login(WRONG, 'tooshort'),
    );
    assertFails(byHost, 'project-not-found', 'startup', 0);
    assertFails(byRef, 'project-not-found', 'startup', 0);
    for (const { evidence } of [byHost, byRef]) {
      assert.ok(
        evidence.some((line) => line.includes(`db.${unknown}.supabase.co has no address`)),
        evidence.join('\n'),
      );
    }
    assertFails(short, 'project-not-found', 'startup', 0);
    assert.ok(short.evidence.some((line) => line.includes('20 lower-case letters')));
    assert.equal(supabase.ledger.authAttempts, 0);
  });

  test('say of a project whose own machine is there that it exists', async (t) => {
    const other = 'ccccccccccdddddddddd';
    const supabase = await start(t, { direct: { [other]: {} } });
    const [diagnosis] = await ask(supabase, login(WRONG, other));
    assertFails(diagnosis, 'project-not-found', 'startup', 0);
    assert.ok(
      diagnosis.evidence.some((line) => line.includes('exists')),
      diagnosis.evidence.join('\n'),
    );
    assert.match(diagnosis.message, /There is such a project/);
  });

  test('work by the ref, or by the right cluster', async (t) => {
    const supabase = await start(t);
    const all = await ask(supabase, { ref: REF, password: server.password }, login(POOLER, REF));
    for (const diagnosis of all) assertWorks(diagnosis, 1);
    assert.equal(supabase.ledger.authAttempts, 2);
  });

  test('have no parameters in transaction mode that no transaction would keep', async (t) => {
    const supabase = await start(t);
    const [kept, diagnosis] = await ask(
      supabase,
      login(POOLER, REF, { port: 6543, options: '-c lock_timeout=3s' }),
      login(POOLER, REF, { port: 6543, options: '-c temp_tablespaces=fast' }),
    );
    assertWorks(kept, 1);
    assertFails(diagnosis, 'pooler-parameter', 'startup', 0);
    assert.ok(diagnosis.message.includes('temp_tablespaces'), diagnosis.message);
  });

  test('get one wrong password at a direct host, and none where the user has the ref behind it', async (t) => {
    const supabase = await start(t, { direct: { [REF]: {} } });
    const direct = `db.${REF}.supabase.co`;
    const [withRef, wrong, again] = await ask(
      supabase,
      login(direct, REF),
      login(direct, REF, { user: 'postgres', password: 'not-the-password' }),
      login(direct, REF, { user: 'postgres', password: 'not-the-password' }),
    );
    assertFails(withRef, 'user-with-ref', 'authentication', 0);
    assertFails(wrong, 'wrong-password', 'authentication', 1);
    assertFails(again, 'wrong-password', 'authentication', 0);
    assert.equal(supabase.direct(REF).wrongPasswords, 1);
  });
});
