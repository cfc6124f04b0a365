'use strict';

// What the fake of Supavisor does, looked at through npm's `pg` and bare sockets: specs of the package rely on it.

const net = require('node:net');
const { after, afterEach, before, describe, test } = require('node:test');
const { once } = require('node:events');
const assert = require('node:assert/strict');
const { Client } = require('pg');
const { eventually, failure } = require('../support/failure.js');
const { int32 } = require('../support/backend-messages.js');
const { postgres } = require('../support/server.js');
const { errorFields } = require('../support/supavisor/error-table.js');
const { startSupavisor } = require('../support/supavisor/index.js');

const REF = 'abcdefghijklmnopqrst';
const SSL_REQUEST = Buffer.concat([int32(8), int32(80877103)]);
const GSS_REQUEST = Buffer.concat([int32(8), int32(80877104)]);

describe('a fake Supavisor', () => {
  let server;
  let now = 0;
  const poolers = [];
  before(async () => {
    server = await postgres();
  });
  afterEach(async () => {
    await Promise.all(poolers.splice(0).map((pooler) => pooler.close()));
  });

  async function start(options = {}) {
    now = 0;
    const pooler = await startSupavisor({
      server,
      tenants: { [REF]: {} },
      now: () => now,
      ...options,
      millis: { refusal: 1, checkout: 50, ...options.millis },
    });
    poolers.push(pooler);
    return pooler;
  }

  async function connected(config) {
    const client = new Client(config);
    client.on('error', () => client.end());
    await client.connect();
    return client;
  }

  /** Logs in, asks one question, leaves. */
  async function ask(config, sql = 'SELECT 1 AS one') {
    const client = await connected(config);
    try {
      return (await client.query(sql)).rows[0];
    } finally {
      await client.end();
    }
  }

  async function refused(config) {
    const client = new Client(config);
    const error = await failure(client.connect());
    return { code: error.code, message: error.message, severity: error.severity };
  }

  const fatal = (message, code = 'XX000') => ({ code, message, severity: 'FATAL' });

  describe('tells tenants apart', () => {
    const forms = {
      'by the last dot of the user': { user: `postgres.${REF}` },
      'by the last dot of a user with several': { user: `my.role.${REF}` },
      'by .cluster.': { user: `postgres.cluster.${REF}` },
      'by --reference': { user: 'postgres', options: `--reference=${REF}` },
      'by -c reference, beside another setting': {
        user: 'postgres',
        options: `-c search_path=public -c reference=${REF}`,
      },
      'by a bare reference that stands alone': { user: 'postgres', options: `reference=${REF}` },
      'by the name in the TLS handshake': { user: 'postgres', host: 'localhost' },
    };
    for (const [form, config] of Object.entries(forms)) {
      test(form, async () => {
        const roles = { postgres: server.password, 'my.role': server.password };
        const pooler = await start({ tenants: { [REF]: { roles, sniHostname: 'localhost' } } });
        assert.deepEqual(await ask(pooler.config(REF, config)), { one: 1 });
        assert.equal(pooler.ledger.authAttempts, 1);
      });
    }

    test('but not by a bare reference beside another setting', async () => {
      const pooler = await start();
      const options = `-c search_path=public reference=${REF}`;
      assert.deepEqual(
        await refused(pooler.config(REF, { user: 'postgres', options })),
        fatal('(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)'),
      );
    });

    test('and says which one it does not know, in the words of either age', async () => {
      const pooler = await start();
      const config = pooler.config('unknown', { password: 'any' });
      assert.deepEqual(await refused(config), fatal('(ENOTFOUND) tenant/user postgres.unknown not found'));
      const older = await start({ older: true });
      assert.deepEqual(
        await refused(older.config('unknown', { password: 'any' })),
        fatal('Tenant or user not found'),
      );
      assert.equal(older.ledger.authAttempts, 0);
    });
  });

  describe('checks before it asks for a password', () => {
    const checks = {
      'the ban': [{ banned: 'unpaid' }, {}, '(EBANNED) tenant is banned: unpaid'],
      'that TLS is used where it is enforced': [
        { enforceSsl: true },
        { ssl: false },
        '(ESSLREQUIRED) SSL connection is required for user: postgres',
      ],
      'the networks that are let in': [
        { allowList: ['10.0.0.0/8'] },
        {},
        '(EADDRNOTALLOWED) address not in tenant allow_list: {127, 0, 0, 1}',
      ],
      'that one user matches': [
        { ambiguous: true },
        {},
        `(EMULTIPLEUSERS) multiple users matched for postgres.${REF}, check tenant configuration`,
      ],
      'that there is room for a client': [
        { maxClients: 0 },
        {},
        '(EMAXCONN) max client connections reached, limit: 0',
      ],
      'the form of names': [
        {},
        { database: 'd'.repeat(64) },
        '(EINVALIDUSERINFO) Authentication error, reason: "Invalid format for user or db_name"',
      ],
    };
    for (const [what, [tenant, config, message]] of Object.entries(checks)) {
      test(what, async () => {
        const pooler = await start({ tenants: { [REF]: tenant } });
        assert.deepEqual(await refused(pooler.config(REF, config)), fatal(message));
        assert.equal(pooler.ledger.authAttempts, 0);
      });
    }

    test('the length of the start-up packet', async () => {
      const pooler = await start();
      const config = pooler.config(REF, { application_name: 'a'.repeat(1000) });
      assert.deepEqual(
        await refused(config),
        fatal('(ESTARTUPPACKETTOOLARGE) Startup packet too large (max 1024 bytes)', '08P01'),
      );
    });

    test('whatever a test wants, at any of four points', async () => {
      const pooler = await start();
      const asked = [];
      for (const wanted of ['startup', 'credentials', 'login', 'query']) {
        pooler.tenant(REF).refuse = (startup, at) => {
          asked.push(at);
          return at === wanted && errorFields('EPOOLCHECKOUT');
        };
        const config = pooler.config(REF, { port: pooler.transactionPort });
        const error = await failure(ask(config));
        assert.equal(error.message, '(EPOOLCHECKOUT) failed to check out a connection from the pool', wanted);
      }
      assert.equal(asked.filter((at) => at === 'query').length, 1);
    });
  });

  describe('asks for a password', () => {
    test('and refuses a wrong one by the role alone', async () => {
      const pooler = await start();
      assert.deepEqual(
        await refused(pooler.config(REF, { password: 'wrong' })),
        fatal('password authentication failed for user "postgres"', '28P01'),
      );
      assert.deepEqual([pooler.ledger.authAttempts, pooler.ledger.outcomes], [1, ['EWRONGPASSWORD']]);
    });

    test('in the clear under TLS where temporary access is on', async () => {
      const pooler = await start({ tenants: { [REF]: { jit: true } } });
      assert.deepEqual(await ask(pooler.config(REF)), { one: 1 });
      assert.deepEqual(await ask(pooler.config(REF, { ssl: false })), { one: 1 });
      assert.deepEqual(
        pooler.ledger.entries.map(({ asked, cleartext }) => [asked, cleartext]),
        [
          ['cleartext', 1],
          ['SASL', 0],
        ],
      );
    });

    test('and holds nothing against a client that closes then', async () => {
      const pooler = await start({ tenants: { [REF]: {} } });
      const socket = await startUp(pooler);
      await once(socket, 'data');
      socket.destroy();
      await eventually(() => pooler.ledger.probes === 1, 'the probe');
      assert.equal(pooler.breakers.failures('auth_error', REF, '127.0.0.1'), 0);
    });

    const failures = {
      'says nothing for too long': [() => {}, 'EAUTHTIMEOUT'],
      'says goodbye instead': [(socket) => socket.write(Buffer.from([0x58, 0, 0, 0, 4])), 'EAUTHPROTOCOL'],
    };
    for (const [what, [act, code]] of Object.entries(failures)) {
      test(`and counts a failure where a client ${what}`, async () => {
        const pooler = await start({ millis: { message: 200 } });
        const socket = await startUp(pooler);
        await once(socket, 'data');
        act(socket);
        await eventually(() => pooler.ledger.outcomes[0] === code, code);
        socket.destroy();
        assert.equal(pooler.breakers.failures('auth_error', REF, '127.0.0.1'), 1);
      });
    }

    test('and takes a changed one only after a while', async () => {
      const pooler = await start();
      pooler.tenant(REF).changePassword('postgres', 'new', { refusals: 1 });
      assert.equal((await refused(pooler.config(REF, { password: 'new' }))).code, '28P01');
      assert.deepEqual(await ask(pooler.config(REF, { password: 'new' })), { one: 1 });
    });
  });

  describe('has breakers', () => {
    test('that refuse the right password too, before it is asked for, and then let it in again', async () => {
      const pooler = await start();
      for (let attempt = 1; attempt <= 10; attempt += 1)
        await refused(pooler.config(REF, { password: 'wrong' }));
      assert.deepEqual(
        await refused(pooler.config(REF)),
        fatal('(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked'),
      );
      assert.equal(pooler.ledger.authAttempts, 10);
      now += 120_001;
      assert.deepEqual(await ask(pooler.config(REF)), { one: 1 });
    });

    test('that count what is not long ago', async () => {
      const pooler = await start({ breakers: { auth_error: { limit: 2 } } });
      await refused(pooler.config(REF, { password: 'wrong' }));
      now += 150_001;
      await refused(pooler.config(REF, { password: 'wrong' }));
      assert.deepEqual(await ask(pooler.config(REF)), { one: 1 });
    });

    test('for roles that are not there', async () => {
      const pooler = await start();
      const config = pooler.config(REF, { user: `nobody.${REF}` });
      assert.deepEqual(await refused(config), fatal('(EAUTHQUERY) user not found in the database'));
      for (let attempt = 2; attempt <= 5; attempt += 1) await refused(config);
      assert.deepEqual(
        await refused(pooler.config(REF)),
        fatal(
          '(ECIRCUITBREAKER) failed to retrieve database credentials after multiple attempts, ' +
            'new connections are temporarily blocked',
        ),
      );
    });
  });

  describe('has slots', () => {
    const CODED =
      '(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 1';
    const BEFORE_CODES =
      'MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size';
    for (const [older, text] of [
      [false, CODED],
      [true, BEFORE_CODES],
    ]) {
      test(`of which a client in session mode has one until it leaves (${older ? 'older' : 'coded'} text)`, async () => {
        const pooler = await start({ older, tenants: { [REF]: { poolSize: 1 } } });
        const first = await connected(pooler.config(REF));
        assert.deepEqual(await refused(pooler.config(REF)), fatal(text));
        assert.equal(pooler.ledger.authAttempts, 1);
        await first.end();
        await eventually(async () => (await ask(pooler.config(REF)).catch(() => null))?.one, 'a free slot');
      });
    }

    test('of which a transaction has one, and another waits for it in vain', async () => {
      const pooler = await start({ tenants: { [REF]: { poolSize: 1 } } });
      const config = pooler.config(REF, { port: pooler.transactionPort });
      const holder = await connected(config);
      await holder.query('BEGIN');
      const error = await failure(ask(config));
      assert.equal(
        error.message,
        '(ECHECKOUTTIMEOUT) unable to check out connection from the pool after 50 ms in Transaction mode',
      );
      await holder.query('COMMIT');
      assert.deepEqual(await ask(config), { one: 1 });
      await holder.end();
    });

    test('and so many pools', async () => {
      const pooler = await start({ tenants: { [REF]: { maxPools: 1 } } });
      assert.deepEqual(await ask(pooler.config(REF)), { one: 1 });
      assert.deepEqual(
        await refused(pooler.config(REF, { database: 'template1' })),
        fatal('(EMAXPOOLSREACHED) max pools count reached'),
      );
    });
  });

  describe('understands of a first packet', () => {
    test('plain HTTP, to which it says its version', async () => {
      const pooler = await start();
      const answer = await exchange(pooler, Buffer.from('GET / HTTP/1.1\r\n\r\n'));
      assert.equal(answer.toString(), 'HTTP/1.1 204 OK\r\nx-app-version: 2.9.10\r\n\r\n');
    });

    test('neither a request for GSSAPI nor a TLS handshake that nobody asked for', async () => {
      const pooler = await start();
      for (const packet of [GSS_REQUEST, Buffer.from([0x16, 3, 1, 0, 4, 1, 2, 3, 4])]) {
        const answer = await exchange(pooler, packet);
        assert.match(answer.toString(), /^E.*ESTARTUPMESSAGE/s);
      }
    });

    test('a request for TLS, with a chain that ends in a root of its own', async () => {
      const pooler = await start();
      const error = await failure(ask(pooler.config(REF, { ssl: {} })));
      assert.equal(error.code, 'SELF_SIGNED_CERT_IN_CHAIN');
      const answer = await exchange(pooler, SSL_REQUEST, 1);
      assert.equal(answer.toString(), 'S');
    });
  });

  test('answers by itself where there is no server', async () => {
    const pooler = await start({ tenants: { [REF]: { server: null } } });
    assert.deepEqual(await ask(pooler.config(REF)), { value: '1' });
  });

  test('passes on what the database says when it cannot be used', async () => {
    const pooler = await start();
    assert.deepEqual(
      await refused(pooler.config(REF, { database: 'nowhere' })),
      fatal('database "nowhere" does not exist', '3D000'),
    );
  });

  /** A bare start-up in the clear, up to which nothing was asked. */
  async function startUp(pooler) {
    const socket = net.connect(pooler.port, pooler.host);
    const pairs = ['user', `postgres.${REF}`, 'database', 'postgres'].map((text) => Buffer.from(`${text}\0`));
    const body = Buffer.concat([int32(196608), ...pairs, Buffer.from([0])]);
    socket.write(Buffer.concat([int32(body.length + 4), body]));
    return socket;
  }

  /** What is answered to some bytes, up to so many or the end. */
  async function exchange(pooler, bytes, length = Infinity) {
    const socket = net.connect(pooler.port, pooler.host);
    socket.write(bytes);
    let answer = Buffer.alloc(0);
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= length) break;
    }
    return answer;
  }
});
