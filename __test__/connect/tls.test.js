'use strict';

const { test, before } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const { forBoth } = require('../support/both.js');
const { failure } = require('../support/failure.js');
const { fakeServer } = require('../support/fake-server.js');
const { postgres } = require('../support/server.js');
const { tappedProxy } = require('../support/proxy.js');
const { tlsProxy } = require('../support/tls-proxy.js');

/** @param {Buffer} bytes TLS records, one after the other: their types */
function recordTypes(bytes) {
  const types = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at]);
  return types;
}

forBoth(({ pg, ours }) => {
  let server;
  let ca;
  before(async () => {
    server = await postgres();
    ca = fs.readFileSync(server.caPath, 'utf8');
  });

  /** Connects, and tells what the server says of the session's encryption. */
  async function session(config) {
    const client = new pg.Client(config);
    try {
      await client.connect();
      return (await client.query('SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()'))
        .rows[0];
    } finally {
      await client.end();
    }
  }

  /** The same through a TLS endpoint that shows another certificate. */
  async function sessionBehind(name, overrides) {
    const proxy = await tlsProxy(server, {
      certificate: fs.readFileSync(server.certificatePath(`${name}.pem`), 'utf8'),
      key: fs.readFileSync(server.certificatePath(`${name}.key`), 'utf8'),
    });
    try {
      // The proxy isn't the server, which channel binding would notice.
      const config = server.config({ port: proxy.port, enableChannelBinding: false, ...overrides });
      return { ...(await session(config)), servernames: proxy.servernames };
    } finally {
      await proxy.close();
    }
  }

  const socket = { skip: process.platform === 'win32' && 'Windows has no Unix sockets' };
  test('over a Unix socket ssl is not asked for, where node-postgres is refused', socket, async () => {
    const config = server.config({ host: server.socketDirectory, ssl: { rejectUnauthorized: false } });
    if (ours) assert.equal((await session(config)).ssl, false);
    else await assert.rejects(session(config), { message: 'The server does not support SSL connections' });
  });

  test('without ssl the session is not encrypted', async () => {
    assert.equal((await session(server.config())).ssl, false);
  });

  test('rejectUnauthorized: false encrypts without asking for trust', async () => {
    const { ssl, version } = await session(server.config({ ssl: { rejectUnauthorized: false } }));
    assert.equal(ssl, true);
    assert.match(version, /^TLSv1\.[23]$/);
  });

  test(`ssl with a Unix socket ${ours ? 'connects without it' : 'fails'}`, socket, async () => {
    const config = server.config({ host: server.socketDirectory, ssl: { ca } });
    if (ours) assert.equal((await session(config)).ssl, false);
    else {
      const { message } = await failure(session(config));
      assert.equal(message, 'The server does not support SSL connections');
    }
  });

  for (const host of ['127.0.0.1', 'localhost']) {
    test(`ca makes the server trusted by its name ${host}`, async () => {
      assert.equal((await session(server.config({ host, ssl: { ca } }))).ssl, true);
    });
  }

  test('ca may be a Buffer, a list, or several certificates in one text', async () => {
    const unrelated = fs.readFileSync(server.certificatePath('unrelated.pem'), 'utf8');
    for (const form of [Buffer.from(ca), [unrelated, ca], [Buffer.from(ca)], `${unrelated}\n${ca}`]) {
      assert.equal((await session(server.config({ ssl: { ca: form } }))).ssl, true);
    }
  });

  for (const [form, ssl] of Object.entries({ true: true, '{}': {} })) {
    test(`ssl: ${form} does not trust a certificate of an unknown authority`, async () => {
      const error = await failure(session(server.config({ ssl })));
      // PostgreSQL sends the authority's certificate along with its own.
      assert.equal(error.code, 'SELF_SIGNED_CERT_IN_CHAIN');
      assert.match(error.message, /self[- ]signed certificate in certificate chain/);
    });
  }

  test('a ca that signed something else does not make the server trusted', async () => {
    const unrelated = fs.readFileSync(server.certificatePath('unrelated.pem'), 'utf8');
    const error = await failure(session(server.config({ ssl: { ca: unrelated } })));
    assert.equal(error.code, 'SELF_SIGNED_CERT_IN_CHAIN');
  });

  test("a certificate without its chain can't be verified", async () => {
    const error = await failure(sessionBehind('server', { ssl: true }));
    assert.equal(error.code, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    assert.match(error.message, /unable to verify the first certificate/);
  });

  test('a self-signed certificate is told apart from an unknown authority', async () => {
    const error = await failure(sessionBehind('self-signed', { ssl: { ca } }));
    assert.equal(error.code, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    assert.match(error.message, /self[- ]signed certificate/);
  });

  test('a self-signed certificate is trusted when it is the ca itself', async () => {
    const own = fs.readFileSync(server.certificatePath('self-signed.pem'), 'utf8');
    assert.equal((await sessionBehind('self-signed', { ssl: { ca: own } })).ssl, true);
  });

  const MISMATCHES = {
    localhost: "Host: localhost. is not in the cert's altnames: DNS:db.example.test",
    '127.0.0.1': "IP: 127.0.0.1 is not in the cert's list: ",
  };
  for (const [host, reason] of Object.entries(MISMATCHES)) {
    test(`a trusted certificate for another host is refused at ${host}`, async () => {
      const error = await failure(sessionBehind('elsewhere', { host, ssl: { ca } }));
      assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
      const text = "Hostname/IP does not match certificate's altnames: ";
      // The native library keeps the certificate to itself, so the names in it can't be listed.
      if (ours)
        assert.ok(error.message.startsWith(text) && error.message.includes(`"${host}"`), error.message);
      else assert.equal(error.message, text + reason);
    });
  }

  test('servername is the name that is asked for and checked when the host is an address', async () => {
    const { ssl, servernames } = await sessionBehind('elsewhere', {
      ssl: { ca, servername: 'db.example.test' },
    });
    assert.equal(ssl, true);
    assert.deepEqual(servernames, ['db.example.test']);

    const error = await failure(sessionBehind('server', { ssl: { ca, servername: 'db.example.test' } }));
    assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test(`servername is ${ours ? '' : 'not '}the name that counts when the host has another one`, async () => {
    const named = { host: 'localhost', ssl: { ca, servername: 'db.example.test' } };
    const right = ours ? 'elsewhere' : 'server';
    const { servernames } = await sessionBehind(right, named);
    assert.deepEqual(servernames, [ours ? 'db.example.test' : 'localhost']);
    const error = await failure(sessionBehind(ours ? 'server' : 'elsewhere', named));
    assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test('the name of the host is asked for, and an address is not', async () => {
    const ssl = { rejectUnauthorized: false };
    assert.deepEqual((await sessionBehind('server', { host: 'localhost', ssl })).servernames, ['localhost']);
    assert.deepEqual((await sessionBehind('server', { host: '127.0.0.1', ssl })).servernames, [false]);
  });

  test('rejectUnauthorized: false takes a certificate for another host', async () => {
    assert.equal((await sessionBehind('elsewhere', { ssl: { rejectUnauthorized: false } })).ssl, true);
  });

  test('a key that is no key fails the connection, not the program', async () => {
    const cert = fs.readFileSync(server.certificatePath('client.pem'), 'utf8');
    const error = await failure(session(server.config({ ssl: { ca, cert, key: 'not a key' } })));
    assert.ok(!error.stack.includes('not a key'));
  });

  test('a server without TLS is an error that says so', async () => {
    const fake = await fakeServer(async (connection) => {
      await connection.greet(); // refuses TLS, then would go on without
    });
    try {
      const error = await failure(session(fake.config({ ssl: { rejectUnauthorized: false } })));
      assert.equal(error.message, 'The server does not support SSL connections');
      assert.equal(fake.connections.length, 1);
    } finally {
      await fake.close();
    }
  });

  test('a word for TLS in the place of an object is a wish for it', async () => {
    const fake = await fakeServer((connection) => connection.greet());
    try {
      const error = await failure(session(fake.config({ ssl: 'require' })));
      assert.equal(error.message, 'The server does not support SSL connections');
    } finally {
      await fake.close();
    }
    // pg looks for a key in the word when the server agrees, and throws where it can't be caught.
    if (!ours) return;
    for (const stream of [undefined, () => new net.Socket()]) {
      const { name, message } = await failure(session(server.config({ ssl: 'nonsense', stream })));
      assert.equal(name, 'TypeError');
      assert.match(message, /^"ssl" must be true, false, an object or a word as "require", got "nonsense"$/);
      for (const ssl of ['require', 'verify-full', true]) {
        const { code } = await failure(session(server.config({ ssl, stream })));
        assert.equal(code, 'SELF_SIGNED_CERT_IN_CHAIN');
      }
      assert.equal((await session(server.config({ ssl: 'disable', stream }))).ssl, false);
    }
  });

  test('nothing but the request for TLS is sent before the session is encrypted', async () => {
    const seen = [];
    const proxy = await tappedProxy(server, { onClientBytes: (bytes) => void seen.push(Buffer.from(bytes)) });
    try {
      await session(server.config({ port: proxy.port, ssl: { ca } }));
    } finally {
      await proxy.close();
    }
    const bytes = Buffer.concat(seen);
    assert.equal(bytes.subarray(0, 8).toString('hex'), '0000000804d2162f');
    assert.equal(bytes[8], 22); // a TLS handshake record
    assert.ok(!bytes.includes('application_name'));
    assert.ok(!bytes.includes('pg_stat_ssl'));
  });

  // Windows and macOS bring a TLS of their own, which decides for itself.
  const builtIn = { skip: ['win32', 'darwin'].includes(process.platform) };
  if (ours) {
    test(
      'the first hello has the key that the server wants, so that it need not ask for another',
      builtIn,
      async () => {
        const seen = [];
        const onClientBytes = (bytes) => void seen.push(Buffer.from(bytes));
        const proxy = await tappedProxy(server, { onClientBytes });
        try {
          const { version } = await session(server.config({ port: proxy.port, ssl: { ca } }));
          assert.equal(version, 'TLSv1.3');
        } finally {
          await proxy.close();
        }
        const records = recordTypes(Buffer.concat(seen).subarray(8)); // behind the request for TLS
        assert.equal(records.filter((type) => type === 22).length, 1); // handshake in the clear
        assert.ok(records.includes(23)); // and what is encrypted
      },
    );
  }

  test('bytes that arrive with the answer to the request for TLS are not taken for encrypted ones', async () => {
    // A man in the middle could put a plain answer there; libpq calls this CVE-2021-23222.
    const fake = await fakeServer(async (connection) => {
      await new Promise((resolve) => connection.socket.once('data', resolve));
      connection.send(Buffer.from('S'), Buffer.from('C\0\0\0\rSELECT 1\0'));
    });
    try {
      const config = fake.config({ ssl: { rejectUnauthorized: false }, connectionTimeoutMillis: 5000 });
      const error = await failure(session(config));
      assert.doesNotMatch(error.message, /timeout/);
    } finally {
      await fake.close();
    }
  });

  for (const [mode, encrypted] of Object.entries({ disable: false, require: true, 'no-verify': true })) {
    test(`sslmode=${mode} in a connection string is understood`, async () => {
      const parameters = mode === 'require' ? 'sslmode=require&uselibpqcompat=true' : `sslmode=${mode}`;
      const { ssl } = await session(`${server.url()}?${parameters}`);
      assert.equal(ssl, encrypted);
    });
  }

  test('sslrootcert in a connection string is the ca', async () => {
    const url = `${server.url()}?sslmode=verify-full&sslrootcert=${encodeURIComponent(server.caPath)}`;
    assert.equal((await session(url)).ssl, true);
    const unrelated = encodeURIComponent(server.certificatePath('unrelated.pem'));
    const error = await failure(session(`${server.url()}?sslmode=verify-full&sslrootcert=${unrelated}`));
    assert.equal(error.code, 'SELF_SIGNED_CERT_IN_CHAIN');
  });

  test('sslnegotiation=direct starts TLS without asking first', async () => {
    const seventeen = await postgres(17); // older servers don't know it
    const seen = [];
    const proxy = await tappedProxy(seventeen, {
      onClientBytes: (bytes) => void seen.push(Buffer.from(bytes)),
    });
    try {
      const ssl = { ca: fs.readFileSync(seventeen.caPath, 'utf8') };
      const config = seventeen.config({ port: proxy.port, ssl, sslnegotiation: 'direct' });
      assert.equal((await session(config)).ssl, true);
    } finally {
      await proxy.close();
    }
    assert.equal(Buffer.concat(seen)[0], 22);
  });

  if (ours) {
    test('a large result comes through TLS whole', async () => {
      const client = new pg.Client(server.config({ ssl: { ca } }));
      await client.connect();
      const { rows } = await client.query(
        `SELECT i, repeat('x', 1000) AS text FROM generate_series(1, 20000) AS i`,
      );
      await client.end();
      assert.equal(rows.length, 20000);
      assert.equal(
        rows.reduce((sum, { i, text }) => sum + i + text.length, 0),
        (20000 * 20001) / 2 + 20_000_000,
      );
    });
  }
});
