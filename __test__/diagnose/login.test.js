'use strict';

// What a server says to the startup message and to the login, and what a diagnosis makes of it.

const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const { assertFails, assertWorks, diagnose } = require('../support/diagnosis.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { Client } = require('pg');

const PASSWORD = 'a-password-of-roles';

const RULES = `
local all all scram-sha-256
hostssl all tls_only all scram-sha-256
hostssl all cert_only all scram-sha-256 clientcert=verify-full
hostssl all by_cert all cert
hostssl all tls_and_cert all scram-sha-256 clientcert=verify-ca
host all rejected all reject
host all trusted all trust
host all clear all password
host all hashed all md5
host all postgres,app,no_login,expired,old_verifier,limited,quoted all scram-sha-256
host closed,revoked,full all all scram-sha-256
`;

const ROLES = `
CREATE ROLE app LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE tls_only LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE cert_only LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE by_cert LOGIN;
CREATE ROLE tls_and_cert LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE rejected LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE unlisted LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE trusted LOGIN;
CREATE ROLE clear LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE no_login NOLOGIN PASSWORD '${PASSWORD}';
CREATE ROLE expired LOGIN PASSWORD '${PASSWORD}' VALID UNTIL '2001-01-01';
CREATE ROLE quoted LOGIN PASSWORD '"${PASSWORD}"';
CREATE ROLE limited LOGIN PASSWORD '${PASSWORD}' CONNECTION LIMIT 0;
SET password_encryption = 'md5';
CREATE ROLE hashed LOGIN PASSWORD '${PASSWORD}';
CREATE ROLE old_verifier LOGIN PASSWORD '${PASSWORD}';
REVOKE CONNECT ON DATABASE revoked FROM public;
ALTER DATABASE closed ALLOW_CONNECTIONS false;
ALTER DATABASE "full" CONNECTION LIMIT 0;
`;

for (const version of [17, 15]) {
  describe(`a login at PostgreSQL ${version}, diagnosed`, () => {
    let server;
    let certificates;
    before(async () => {
      server = await startEmbedded({ version, databases: ['closed', 'revoked', 'full'] });
      fs.writeFileSync(
        path.join(server.socketDirectory, 'data', 'pg_hba.conf'),
        `host all postgres all scram-sha-256\n${RULES}`,
      );
      const client = new Client(server.config());
      await client.connect();
      await client.query(ROLES);
      await client.query('SELECT pg_reload_conf()');
      await client.end();
      const read = (name) => fs.readFileSync(server.certificatePath(name), 'utf8');
      certificates = { ca: read('ca.pem'), cert: read('client.pem'), key: read('client.key') };
    });
    after(() => server.stop());

    const config = (user, overrides = {}) => ({
      ...server.config({ user, password: PASSWORD, ssl: false }),
      ...overrides,
    });

    for (const [user, attempts] of [
      ['app', 1],
      ['clear', 1],
      ['hashed', 1],
      ['trusted', 0],
    ]) {
      test(`by ${user} works, and next to it all that fails`, async () => {
        assertWorks(await diagnose(config(user)), attempts);
      });
    }

    test('without TLS, where the rules take it with TLS alone, wants TLS', async () => {
      const diagnosis = await diagnose(config('tls_only'));
      assertFails(diagnosis, 'tls-required', 'startup', 0);
      assert.ok(diagnosis.evidence.some((line) => line.includes('With TLS')));
      assertWorks(await diagnose(config('tls_only', { ssl: { ca: certificates.ca } })), 1);
    });

    test('without TLS and a certificate, where both are wanted, wants TLS first', async () => {
      assertFails(await diagnose(config('tls_and_cert')), 'tls-required', 'startup', 0);
    });

    test('without a certificate, where one is wanted, wants it', async () => {
      const ssl = { ca: certificates.ca };
      assertFails(await diagnose(config('cert_only', { ssl })), 'client-certificate', 'startup', 0);
    });

    test("with somebody else's certificate wants the right one, which behind a password can't be told", async () => {
      const alone = await diagnose(config('by_cert', { ssl: certificates }));
      assertFails(alone, 'client-certificate', 'startup', 0);
      const both = await diagnose(config('cert_only', { ssl: certificates }));
      assertFails(both, 'wrong-password', 'authentication', 1);
      assert.ok(
        both.evidence.some((line) => line.includes('certificate')),
        both.evidence.join('\n'),
      );
    });

    test('that the rules reject, or have no line for, is not let in, with and without TLS', async () => {
      for (const user of ['rejected', 'unlisted']) {
        for (const ssl of [false, { ca: certificates.ca }]) {
          assertFails(await diagnose(config(user, { ssl })), 'hba', 'startup', 0);
        }
      }
    });

    test('with a wrong password, one that has expired or one that is stored as MD5 looks the same', async () => {
      for (const other of [
        config('app', { password: 'not-the-password' }),
        config('expired'),
        config('old_verifier'),
      ]) {
        const diagnosis = await diagnose(other);
        assertFails(diagnosis, 'wrong-password', 'authentication', 1);
        assert.match(diagnosis.message, /expired/);
      }
    });

    test('without a password sends none', async () => {
      for (const password of [undefined, async () => undefined, () => undefined]) {
        assertFails(await diagnose(config('app', { password })), 'password-missing', 'authentication', 0);
      }
    });

    test('with an empty password works where none is wanted', async () => {
      assertWorks(await diagnose(config('trusted', { password: '' })), 0);
      assertFails(await diagnose(config('app', { password: '' })), 'stray-characters', 'configuration', 0);
    });

    test('with a password in quotes that is right fails for other reasons', async () => {
      const password = `"${PASSWORD}"`;
      assertWorks(await diagnose(config('quoted', { password })), 1);
      const nowhere = await diagnose(config('quoted', { password, database: 'nowhere' }));
      assertFails(nowhere, 'database-not-found', 'authentication', 1);
      assertFails(await diagnose(config('app', { password })), 'stray-characters', 'configuration', 1);
    });

    test('with two wishes for TLS that differ fails for other reasons behind TLS', async () => {
      const url = (password, database) =>
        `postgres://app:${password}@${server.host}:${server.port}/${database}?sslmode=no-verify`;
      for (const [password, database, cause] of [
        ['not-the-password', 'postgres', 'wrong-password'],
        [PASSWORD, 'nowhere', 'database-not-found'],
      ]) {
        const diagnosis = await diagnose({ connectionString: url(password, database), ssl: true });
        assertFails(diagnosis, cause, 'authentication', 1);
        assert.equal(diagnosis.checks[0].state, 'warning');
      }
    });

    test('may be given more attempts than there are', async () => {
      assertWorks(await diagnose(config('app'), { maxAuthAttempts: 2 ** 32 }), 1);
    });

    test('by a function that throws has no password, unless none is needed', async () => {
      const password = () => {
        throw new Error('the vault is shut: its-secret');
      };
      const diagnosis = await diagnose(config('app', { password }));
      assertFails(diagnosis, 'password-source', 'configuration', 0);
      assert.ok(!JSON.stringify(diagnosis).includes('its-secret'));
      assertWorks(await diagnose(config('trusted', { password })), 0);
    });

    test('by a function or a reference works', async () => {
      process.env.PGFLEET_TEST_SECRET = PASSWORD;
      for (const password of [async () => PASSWORD, { env: 'PGFLEET_TEST_SECRET' }]) {
        assertWorks(await diagnose(config('app', { password })), 1);
      }
    });

    test('of a role that may not log in, or a database that is not for it, is told by the words', async () => {
      assertFails(await diagnose(config('no_login')), 'no-login', 'authentication', 1);
      for (const [database, cause] of [
        ['nowhere', 'database-not-found'],
        ['revoked', 'connect-revoked'],
        ['closed', 'database-closed'],
        ['full', 'connection-limit'],
      ]) {
        assertFails(await diagnose(config('app', { database })), cause, 'authentication', 1);
      }
      assertFails(await diagnose(config('limited')), 'connection-limit', 'authentication', 1);
    });

    test('with a startup parameter that is unknown, or has a wrong value, names it', async () => {
      for (const [options, name] of [
        ['-c no_such_setting=1', 'no_such_setting'],
        ['-c work_mem=plenty', 'work_mem'],
      ]) {
        const diagnosis = await diagnose(config('app', { options }));
        assertFails(diagnosis, 'startup-parameter', 'authentication', 1);
        assert.ok(diagnosis.remedy.includes(name), diagnosis.remedy);
      }
    });

    test('that requires channel binding without TLS has none, and sends no password', async () => {
      const url = `postgres://app:${PASSWORD}@${server.host}:${server.port}/postgres?channel_binding=require`;
      const diagnosis = await diagnose({ connectionString: url, ssl: false });
      assertFails(diagnosis, 'channel-binding', 'authentication', 0);
    });

    test('of which no password may be sent stays untried, but where none is needed', async () => {
      const none = { maxAuthAttempts: 0 };
      assertFails(await diagnose(config('app'), none), 'not-tried', 'authentication', 0);
      const password = () => assert.fail('it is not asked for');
      assertFails(await diagnose(config('app', { password }), none), 'not-tried', 'authentication', 0);
      assertFails(await diagnose(config('unlisted'), none), 'hba', 'startup', 0);
      assertFails(
        await diagnose(config('app', { password: undefined }), none),
        'password-missing',
        'authentication',
        0,
      );
      assertWorks(await diagnose(config('trusted'), none), 0);
    });

    test('by the second of two hosts works, and a wrong password is not sent to it', async () => {
      const url = (password) =>
        `postgres://app:${password}@127.0.0.1,${server.host}/postgres?port=1,${server.port}`;
      const twice = `postgres://app:not-the-password@${server.host},${server.host}/postgres?port=${server.port},${server.port}`;
      assertWorks(await diagnose({ connectionString: url(PASSWORD), ssl: false }), 1);
      const wrong = await diagnose({ connectionString: twice, ssl: false });
      assertFails(wrong, 'wrong-password', 'authentication', 1);
    });

    test('that addConnection has tried is explained without another', async () => {
      const { DatabaseManager } = require('../..');
      const manager = new DatabaseManager();
      for (const [user, overrides, cause, check] of [
        ['app', { password: 'not-the-password' }, 'wrong-password', 'authentication'],
        ['app', { database: 'nowhere' }, 'database-not-found', 'authentication'],
        ['unlisted', {}, 'hba', 'startup'],
        ['app', { password: () => Promise.reject(new Error('shut')) }, 'password-source', 'configuration'],
        ['app', { password: undefined }, 'password-missing', 'authentication'],
        ['trusted', { database: 'nowhere' }, 'database-not-found', 'authentication'],
      ]) {
        const failing = manager.addConnection('it', config(user, { ...overrides, diagnose: true }));
        const error = await failing.then(
          () => null,
          (failure) => failure,
        );
        assertFails(error.diagnosis, cause, check, 0);
      }
      await manager.close();
    });
  });

  describe(`a PostgreSQL ${version} without a free connection, diagnosed`, () => {
    let server;
    const clients = [];
    before(async () => {
      server = await startEmbedded({
        version,
        tls: false,
        settings: { max_connections: 5 },
        roles: [{ name: 'app', password: PASSWORD, method: 'scram-sha-256' }],
      });
    });
    after(async () => {
      await Promise.all(clients.map((client) => client.end()));
      await server.stop();
    });

    async function occupy(count) {
      for (let number = 0; number < count; number += 1) {
        const client = new Client(server.config());
        await client.connect();
        clients.push(client);
      }
    }

    test('is full, whether some places are kept or none is left', async () => {
      const config = { ...server.config(), user: 'app', password: PASSWORD, ssl: false };
      await occupy(2);
      assertFails(await diagnose(config), 'server-full', 'authentication', 1);
      await occupy(3);
      assertFails(await diagnose(config), 'server-full', 'startup', 0);
    });
  });
}

describe('a server that plays a part, diagnosed', () => {
  async function withServer(t, script) {
    const server = await fakeServer(script);
    t.after(() => server.close());
    return (overrides) => ({ ...server.config(overrides), password: 'a-secret-for-nobody', ssl: false });
  }

  const answering = (answer) => async (connection) => {
    if (await connection.startup()) connection.finish(answer);
  };

  for (const [method, name] of [
    [7, 'GSSAPI'],
    [9, 'SSPI'],
    [13, 'method 13'],
  ]) {
    test(`and wants ${name} speaks no method that is spoken here`, async (t) => {
      const config = await withServer(t, answering(messages.message('R', method)));
      const diagnosis = await diagnose(config());
      assertFails(diagnosis, 'auth-method', 'authentication', 0);
      assert.ok(diagnosis.message.includes(name), diagnosis.message);
    });
  }

  test('and offers no mechanism of SCRAM speaks none that is spoken here', async (t) => {
    const config = await withServer(t, answering(messages.authenticationSasl('OAUTHBEARER')));
    assertFails(await diagnose(config()), 'auth-method', 'authentication', 0);
  });

  for (const [code, text, cause] of [
    ['57P03', 'the database system is starting up', 'not-ready'],
    ['57P03', 'the database system is shutting down', 'not-ready'],
    ['57P03', 'the database system is in recovery mode', 'not-ready'],
    ['57P01', 'terminating connection due to administrator command', 'not-ready'],
    ['53100', 'could not write init file: No space left on device', 'out-of-resources'],
    ['53200', 'out of memory', 'out-of-resources'],
    ['XX001', 'something that nobody has seen', 'server-refusal'],
  ]) {
    test(`and says ${code} “${text}” is ${cause}`, async (t) => {
      const answer = messages.errorResponse({ S: 'FATAL', V: 'FATAL', C: code, M: text });
      const config = await withServer(t, answering(answer));
      assertFails(await diagnose(config()), cause, 'startup', 0);
    });
  }

  for (const [how, final] of [
    ["isn't the one", `v=${Buffer.alloc(32).toString('base64')}`],
    ['is an error with text for a terminal', `e=\u001b[2J${'x'.repeat(5000)}`],
  ]) {
    test(`and gives a proof that ${how} has broken the login off`, async (t) => {
      const config = await withServer(t, async (connection) => {
        await connection.startup();
        connection.send(messages.authenticationSasl('SCRAM-SHA-256'));
        const response = await connection.readUntil('p');
        if (!response) return;
        const nonce = /r=([^,]*)/.exec(response.body.toString('latin1'))[1];
        connection.send(messages.authenticationSaslContinue(`r=${nonce}x,s=c2FsdA==,i=4096`));
        if (await connection.readUntil('p')) connection.send(messages.authenticationSaslFinal(final));
      });
      const diagnosis = await diagnose(config());
      assertFails(diagnosis, 'auth-method', 'authentication', 1);
      assert.match(diagnosis.message, /don't come to the end of the login: SASL: SCRAM-SERVER-FINAL-MESSAGE/);
      assert.match(diagnosis.remedy, /it may not know the password/);
      assert.ok(!JSON.stringify(diagnosis).includes('u001b'));
      assert.ok(JSON.stringify(diagnosis).length < 5000);
    });
  }

  test('and repeats the password, or text for a terminal, is not quoted with it', async (t) => {
    const config = await withServer(t, async (connection) => {
      await connection.startup();
      connection.send(messages.authenticationCleartext());
      const told = await connection.read();
      if (told === null) return;
      const text = `\u001b[2Jno ${told.body.subarray(0, -1)}`;
      connection.finish(messages.errorResponse({ S: 'FATAL', V: 'FATAL', C: '28P01', M: text }));
    });
    const diagnosis = await diagnose(config());
    assertFails(diagnosis, 'wrong-password', 'authentication', 1);
    assert.ok(!JSON.stringify(diagnosis).includes('u001b'));
  });

  test('and says nothing to the startup message is silent', async (t) => {
    const config = await withServer(t, (connection) => connection.startup());
    assertFails(await diagnose(config()), 'silent-server', 'startup', 0);
  });

  test('and has not answered in the time that is given is not called silent', async (t) => {
    const config = await withServer(t, (connection) => connection.startup());
    assertFails(await diagnose(config(), { timeout: 1000 }), 'timed-out', 'startup', 0);
  });

  test('and ends the connection in the midst of it has refused it', async (t) => {
    const login = async (connection) => {
      await connection.startup();
      connection.send(messages.authenticationCleartext());
      await connection.readUntil('p');
    };
    const ending = await withServer(t, async (connection) => {
      await login(connection);
      connection.drop();
    });
    assertFails(await diagnose(ending()), 'server-refusal', 'authentication', 1);
    const later = await withServer(t, async (connection) => {
      await login(connection);
      connection.send(
        messages.authenticationOk(),
        messages.backendKeyData(1234, 5678),
        messages.readyForQuery(),
      );
      await connection.read();
      connection.drop();
    });
    assertFails(await diagnose(later()), 'server-refusal', 'session', 1);
  });

  test('and floods the login is left', async (t) => {
    const config = await withServer(t, async (connection) => {
      await connection.startup();
      const notice = messages.noticeResponse({ S: 'NOTICE', C: '00000', M: 'x'.repeat(20_000) });
      await connection.flood(() => notice);
    });
    const { ok, authAttempts } = await diagnose(config());
    assert.deepEqual([ok, authAttempts], [false, 0]);
  });

  test('and says nothing to the password has no end in the time, and the password counts', async (t) => {
    const config = await withServer(t, async (connection) => {
      await connection.startup();
      connection.send(messages.authenticationCleartext());
      await connection.gone();
    });
    const diagnosis = await diagnose(config(), { timeout: 2000 });
    assertFails(diagnosis, 'timed-out', 'authentication', 1);
  });
});
