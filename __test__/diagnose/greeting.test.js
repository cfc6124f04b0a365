'use strict';

const assert = require('node:assert/strict');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const tls = require('node:tls');
const { once } = require('node:events');
const { before, test } = require('node:test');
const { createAuthority } = require('../../scripts/support/certificates.js');
const { assertFails, assertWorks, diagnose } = require('../support/diagnosis.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { ofOurManager } = require('../support/managers.js');

const WITH_TLS = { rejectUnauthorized: false };

/** Runs `body` with the port of a server of Node's. */
async function listening(server, body) {
  const sockets = new Set();
  const keep = (socket) => sockets.add(socket.on('error', () => socket.destroy()));
  server
    .on('connection', keep)
    .on('secureConnection', keep)
    .on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await body(server.address().port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

ofOurManager('what a diagnosis says of a server that is no PostgreSQL', (bench) => {
  let identity;

  before(async () => {
    identity = await (await createAuthority('a root of the test')).issue('localhost', ['localhost']);
  });

  const configFor = (dbPort, ssl, overrides) => ({
    dbHost: '127.0.0.1',
    dbPort,
    dbUser: 'someone',
    dbPassword: 'not to be told',
    dbName: 'db',
    ssl,
    ...overrides,
  });

  /** Diagnoses a fake server. */
  async function ofFake(script, ssl = WITH_TLS) {
    const fake = await fakeServer(script);
    try {
      const diagnosis = await diagnose(configFor(fake.port, ssl));
      return { diagnosis, fake };
    } finally {
      await fake.close();
    }
  }

  const said = (diagnosis) => diagnosis.evidence.join('\n');

  // Without TLS the startup message is the first that is sent.
  for (const [how, ssl, stage] of [
    ['where TLS is wanted', WITH_TLS, 'ssl-request'],
    ['where no TLS is wanted', false, 'startup'],
  ]) {
    test(`a server that takes the connection and says nothing is silent, ${how}`, async () => {
      const { diagnosis } = await ofFake((connection) => connection.gone(), ssl);
      assertFails(diagnosis, 'silent-server', stage, 0);
    });

    test(`a server that closes the connection without a word closes at once, ${how}`, async () => {
      const { diagnosis } = await ofFake((connection) => connection.drop(), ssl);
      assertFails(diagnosis, 'closes-at-once', stage, 0);
      const { diagnosis: later } = await ofFake(
        (connection) => connection.socket.once('data', () => connection.finish()),
        ssl,
      );
      assertFails(later, 'closes-at-once', stage, 0);
    });

    test(`a web server is named, with what it says, ${how}`, async () => {
      const diagnosis = await listening(http.createServer(), (port) => diagnose(configFor(port, ssl)));
      assertFails(diagnosis, 'http-server', stage, 0);
      assert.match(said(diagnosis), /HTTP\/1\.1 400 Bad Request/);
    });

    test(`a web server that waits for a line is named, ${how}`, async () => {
      const { diagnosis } = await ofFake(({ socket }) => {
        let heard = '';
        socket.on('data', (bytes) => {
          heard += bytes.toString('latin1');
          if (heard.includes('\r\n')) socket.end('HTTP/1.0 501 What?\r\n\r\n');
        });
      }, ssl);
      assertFails(diagnosis, 'http-server', stage, 0);
    });

    for (const [protocol, greeting, named] of [
      ['SSH', 'SSH-2.0-OpenSSH_9.2p1 Debian\r\n', 'an SSH server'],
      ['SMTP', '220 mail.example ESMTP Postfix\r\n', 'a mail server (SMTP)'],
      ['MySQL', 'J\0\0\0\n8.0.36\0\x0b\0\0\0abcdefgh\0', 'a MySQL server'],
      // Its length is the letter with which PostgreSQL agrees to TLS.
      ['MySQL', 'S\0\0\0\n8.0.36\0\x0b\0\0\0abcdefgh\0', 'a MySQL server'],
      ['MySQL', 'N\0\0\0\n8.0.36\0\x0b\0\0\0abcdefgh\0', 'a MySQL server'],
    ]) {
      const start = JSON.stringify(greeting.slice(0, 4));
      test(`a server that speaks ${protocol} first (${start}) is named, ${how}`, async () => {
        const { diagnosis } = await ofFake(
          (connection) => connection.send(Buffer.from(greeting, 'latin1')),
          ssl,
        );
        assertFails(diagnosis, 'other-protocol', stage, 0);
        assert.ok(diagnosis.message.includes(named), diagnosis.message);
      });
    }

    test(`Redis, which answers a line, is named, ${how}`, async () => {
      const { diagnosis } = await ofFake(({ socket }) => {
        let heard = '';
        socket.on('data', (bytes) => {
          heard += bytes.toString('latin1');
          if (heard.includes('\r\n')) socket.write("-ERR unknown command ''\r\n");
        });
      }, ssl);
      assertFails(diagnosis, 'other-protocol', stage, 0);
      assert.match(said(diagnosis), /-ERR unknown command/);
    });

    test(`a port that begins with TLS is named, ${how}`, async () => {
      for (const ALPNProtocols of [undefined, ['postgresql']]) {
        const server = tls.createServer({ cert: identity.certificate, key: identity.key, ALPNProtocols });
        const diagnosis = await listening(server, (port) => diagnose(configFor(port, ssl)));
        assertFails(diagnosis, 'direct-tls-only', stage, 0);
      }
    });

    test(`a web server with TLS is a web server, ${how}`, async () => {
      const server = https.createServer({ cert: identity.certificate, key: identity.key });
      const diagnosis = await listening(server, (port) => diagnose(configFor(port, ssl)));
      assertFails(diagnosis, 'http-server', stage, 0);
    });

    test(`a flood is read no further than its first kilobyte, ${how}`, async () => {
      const chunk = Buffer.alloc(65536, 'x');
      const { diagnosis, fake } = await ofFake((connection) => connection.flood(() => chunk), ssl);
      assertFails(diagnosis, 'other-protocol', stage, 0);
      assert.ok(JSON.stringify(diagnosis).length < 8192);
      assert.ok(fake.connections.length <= 5);
    });

    test(`a server that sends a byte now and then is no PostgreSQL, ${how}`, async () => {
      const { diagnosis } = await ofFake(({ socket }) => {
        const timer = setInterval(() => socket.write('x'), 300);
        socket.on('close', () => clearInterval(timer));
      }, ssl);
      assertFails(diagnosis, 'other-protocol', stage, 0);
    });
  }

  test('what a server says is shown as one line of text', async () => {
    const { diagnosis } = await ofFake((connection) =>
      connection.send(Buffer.from('who\x1b[31m goes\0 there\r\nsecond line\r\n')),
    );
    assertFails(diagnosis, 'other-protocol', 'ssl-request', 0);
    assert.match(said(diagnosis), /says "who\[31m goes there"/);
  });

  for (const bytes of ['\x16\x03\x03\0\x05', 'R\0\0\0\x08\0\0\0\0']) {
    test(`bytes behind the agreement to TLS (${JSON.stringify(bytes)}) are a man in the middle`, async () => {
      const { diagnosis } = await ofFake((connection) =>
        connection.socket.once('data', () => connection.send(Buffer.from(`S${bytes}`, 'latin1'))),
      );
      assertFails(diagnosis, 'plaintext-before-tls', 'ssl-request', 0);
    });
  }

  test('an error in answer to the request for TLS is the server’s own', async () => {
    const { diagnosis } = await ofFake((connection) =>
      connection.socket.once('data', () =>
        connection.finish(
          messages.errorResponse({ S: 'FATAL', C: '57P03', M: 'the database system is starting up' }),
        ),
      ),
    );
    assert.equal(diagnosis.ok, false);
    const failed = diagnosis.checks.find(({ state }) => state === 'failed');
    assert.equal(failed.name, 'ssl-request');
    assert.ok(!['other-protocol', 'tls-not-offered'].includes(diagnosis.cause), diagnosis.cause);
  });

  test('a web server is named also where TLS begins without being asked for', async () => {
    const diagnosis = await listening(http.createServer(), (port) => {
      const connectionString = `postgres://someone:secret@127.0.0.1:${port}/db?sslmode=require&sslnegotiation=direct`;
      return diagnose({ connectionString });
    });
    assertFails(diagnosis, 'http-server', 'tls', 0);
  });

  test('a server that refuses TLS has none to offer', async () => {
    const { diagnosis } = await ofFake((connection) => connection.startup());
    assertFails(diagnosis, 'tls-not-offered', 'ssl-request', 0);
  });

  test('a working database agrees to TLS', async () => {
    const diagnosis = await diagnose(bench.config({ ssl: WITH_TLS }));
    assertWorks(diagnosis, 1);
    assert.equal(diagnosis.cause, 'ok');
    assert.equal(diagnosis.checks.find(({ name }) => name === 'ssl-request').state, 'ok');
  });

  test('a port that nothing listens on says nothing of what would speak there', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    assertFails(await diagnose(configFor(port, WITH_TLS)), 'refused', 'connect', 0);
  });
});
