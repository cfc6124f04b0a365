'use strict';

const { describe, test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const pg = require('../..');
const { createSelfSigned } = require('../../scripts/support/certificates.js');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const { eventually, failure, settled } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { postgres, serverOptions, ROLE_PASSWORD } = require('../support/server.js');

const WAYS = {
  natively: {},
  'on a stream': { stream: () => new net.Socket() },
};

async function whoAmI(config) {
  const client = new pg.Client(config);
  client.on('error', () => {});
  try {
    await settled(client.connect(), 'connecting');
    return (await client.query('SELECT session_user AS name')).rows[0].name;
  } finally {
    await client.end();
  }
}

const NOT_BOUND = 'channel binding required, but server authenticated client without channel binding';
const NO_BINDING = "channel binding required but not supported by server's authentication request";
const NO_TLS = 'channel binding required, but SSL not in use';
const NOT_OFFERED =
  'channel binding is required, but server did not offer an authentication method that supports channel binding';

const failed = (list, request) => `authentication method requirement "${list}" failed: ${request}`;
const CLEARTEXT = 'server requested a cleartext password';
const HASHED = 'server requested a hashed password';
const SASL = 'server requested SASL authentication';
const NOTHING = 'server did not complete authentication';

for (const [way, overrides] of Object.entries(WAYS)) {
  describe(`what a server may ask for, ${way}`, () => {
    let server;
    let ssl;
    before(async () => {
      server = await postgres();
      ssl = { ca: fs.readFileSync(server.caPath, 'utf8') };
    });

    const config = (more) => server.config({ password: ROLE_PASSWORD, ...overrides, ...more });

    /** Users by the method that the server authenticates them with. */
    const BOUND = { clear_user: NO_BINDING, md5_user: NO_BINDING, trust_user: NOT_BOUND };
    for (const [user, message] of Object.entries(BOUND)) {
      test(`channel_binding: 'require' refuses what ${user} is asked for`, async () => {
        for (const secured of [undefined, ssl]) {
          const error = await failure(whoAmI(config({ user, ssl: secured, channel_binding: 'require' })));
          assert.equal(error.message, message);
        }
      });
    }

    test("channel_binding: 'require' refuses SCRAM without TLS", async () => {
      const error = await failure(whoAmI(config({ user: 'postgres.abc123', channel_binding: 'require' })));
      assert.equal(error.message, NO_TLS);
    });

    test("channel_binding: 'require' gets in where the server proves that it is the other end", async () => {
      const user = 'postgres.abc123';
      assert.equal(await whoAmI(config({ user, ssl, channel_binding: 'require' })), user);
    });

    test('no password is sent to a server that asks for it in a way that is refused', async () => {
      for (const challenge of [
        messages.authenticationCleartext(),
        messages.authenticationMd5(Buffer.alloc(4)),
      ]) {
        for (const demand of [{ channel_binding: 'require' }, { require_auth: 'scram-sha-256' }]) {
          let hear;
          const answer = new Promise((resolve) => (hear = resolve));
          const fake = await fakeServer(async (connection) => {
            await connection.startup();
            connection.send(challenge);
            hear(await connection.read());
          });
          const error = await failure(whoAmI(fake.config({ password: 'x', ...overrides, ...demand })));
          assert.match(error.message, /channel binding required|authentication method requirement/);
          assert.equal(await settled(answer, 'the end of the connection'), null);
          await fake.close();
        }
      }
    });

    test('a server that offers SCRAM without channel binding over TLS is refused when it is required', async () => {
      const { certificate, key } = await createSelfSigned('localhost', { addresses: ['127.0.0.1'] });
      const fake = await plainScramServer({ certificate, key });
      try {
        const secured = { host: '127.0.0.1', port: fake.port, ssl: { ca: certificate } };
        const error = await failure(whoAmI(config({ ...secured, channel_binding: 'require' })));
        assert.equal(error.message, NOT_OFFERED);
      } finally {
        await fake.close();
      }
    });

    test('a client that could bind says so to a server that does not offer it, even if the offer was removed on the way', async () => {
      const { certificate, key } = await createSelfSigned('localhost', { addresses: ['127.0.0.1'] });
      const fake = await plainScramServer({ certificate, key });
      const secured = { host: '127.0.0.1', port: fake.port, ssl: { ca: certificate } };
      for (const [binding, header] of [
        [{}, 'y,,'],
        [{ channel_binding: 'prefer' }, 'y,,'],
        [{ channel_binding: 'disable' }, 'n,,'],
        [{ enableChannelBinding: false }, 'n,,'],
      ]) {
        const response = fake.nextResponse();
        await failure(whoAmI(config({ ...secured, ...binding })));
        assert.match(await response, new RegExp(`SCRAM-SHA-256\0[^]{4}${header}n=`));
      }
      await fake.close();
    });

    test('a server that is ready without having asked for anything is refused', async () => {
      for (const [demand, message] of [
        [{ channel_binding: 'require' }, NOT_BOUND],
        [{ require_auth: 'scram-sha-256' }, failed('scram-sha-256', NOTHING)],
      ]) {
        const fake = await fakeServer((connection) => connection.greet());
        const error = await failure(whoAmI(fake.config({ ...overrides, ...demand })));
        assert.equal(error.message, message);
        await fake.close();
        const silent = await fakeServer(async (connection) => {
          await connection.startup();
          connection.send(messages.readyForQuery());
        });
        await failure(whoAmI(silent.config({ ...overrides, ...demand })));
        await silent.close();
      }
    });

    const scram = 'postgres.abc123';
    const LISTS = {
      password: { clear_user: null, md5_user: HASHED, [scram]: SASL, trust_user: NOTHING },
      md5: { clear_user: CLEARTEXT, md5_user: null, [scram]: SASL, trust_user: NOTHING },
      'scram-sha-256': { clear_user: CLEARTEXT, md5_user: HASHED, [scram]: null, trust_user: NOTHING },
      'md5,scram-sha-256': { clear_user: CLEARTEXT, md5_user: null, [scram]: null, trust_user: NOTHING },
      none: { clear_user: CLEARTEXT, [scram]: SASL, trust_user: null },
      'none,md5': { clear_user: CLEARTEXT, md5_user: null, trust_user: null },
      '!password': { clear_user: CLEARTEXT, md5_user: null, [scram]: null, trust_user: null },
      '!none': { clear_user: null, md5_user: null, [scram]: null, trust_user: NOTHING },
      '!md5,!password': { clear_user: CLEARTEXT, md5_user: HASHED, [scram]: null, trust_user: null },
      'gss,sspi,oauth': { clear_user: CLEARTEXT, md5_user: HASHED, [scram]: SASL, trust_user: NOTHING },
    };
    for (const [list, users] of Object.entries(LISTS)) {
      test(`require_auth=${list} lets the server ask for that alone`, async () => {
        for (const [user, request] of Object.entries(users)) {
          const attempt = whoAmI(config({ user, require_auth: list }));
          if (request === null) assert.equal(await attempt, user);
          else assert.equal((await failure(attempt)).message, failed(list, request));
        }
      });
    }

    test('require_auth comes from the connection string and from the environment, too', async () => {
      const { host, port, database } = server;
      const url = `postgresql://clear_user:${ROLE_PASSWORD}@${host}:${port}/${database}?require_auth=scram-sha-256`;
      const expected = failed('scram-sha-256', CLEARTEXT);
      assert.equal((await failure(whoAmI({ connectionString: url, ...overrides }))).message, expected);
      process.env.PGREQUIREAUTH = 'scram-sha-256';
      try {
        assert.equal((await failure(whoAmI(config({ user: 'clear_user' })))).message, expected);
      } finally {
        delete process.env.PGREQUIREAUTH;
      }
    });

    const WRONG = {
      'scram-sha-512': 'invalid require_auth value: "scram-sha-512"',
      'md5,': 'invalid require_auth value: ""',
      'md5,md5': 'require_auth method "md5" is specified more than once',
      '!none,!none': 'require_auth method "!none" is specified more than once',
      '!md5,password': 'require_auth method "password" cannot be mixed with negative methods',
      'md5,!password': 'negative require_auth method "!password" cannot be mixed with non-negative methods',
    };
    for (const [list, message] of Object.entries(WRONG)) {
      test(`require_auth=${list} is a TypeError in libpq's words`, async () => {
        const error = await failure(whoAmI(config({ require_auth: list })));
        assert.ok(error instanceof TypeError);
        assert.equal(error.message, message);
      });
    }

    test('a pool demands the same', async () => {
      const pool = new pg.Pool(config({ user: 'clear_user', require_auth: 'scram-sha-256' }));
      for (const attempt of [() => pool.query('SELECT 1'), () => pool.connect()]) {
        assert.equal((await failure(attempt())).message, failed('scram-sha-256', CLEARTEXT));
      }
      await pool.end();
    });
  });
}

/** A server that agrees to TLS, and then offers SCRAM without channel binding. */
async function plainScramServer({ certificate, key }) {
  const tls = require('node:tls');
  const sockets = new Set();
  let hear = () => {};
  const listener = net.createServer((raw) => {
    sockets.add(raw);
    raw.on('error', () => raw.destroy());
    raw.once('data', () => {
      raw.write('S');
      const secure = new tls.TLSSocket(raw, { isServer: true, cert: certificate, key });
      secure.on('error', () => secure.destroy());
      secure.once('data', () => {
        secure.write(messages.authenticationSasl('SCRAM-SHA-256'));
        secure.once('data', (response) => {
          hear(response.toString('latin1'));
          secure.destroy();
        });
      });
    });
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    port: listener.address().port,
    /** The next message with which a client begins SCRAM. */
    nextResponse: () => new Promise((resolve) => (hear = resolve)),
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => listener.close(resolve));
    },
  };
}

describe('channel binding by the kind of certificate', () => {
  const RSA = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const KINDS = {
    'RSA with SHA-1': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-1', ...RSA },
    'RSA with SHA-256': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', ...RSA },
    'RSA with SHA-512': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512', ...RSA },
    'RSA-PSS with SHA-256': { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32, ...RSA },
    'RSA-PSS with SHA-384': { name: 'RSA-PSS', hash: 'SHA-384', saltLength: 48, ...RSA },
    'ECDSA with SHA-384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
    'ECDSA with SHA-512': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-512' },
  };
  const LOCAL = { hosts: ['localhost'], addresses: ['127.0.0.1', '::1'] };

  let server;
  before(async () => {
    server = await startEmbedded(serverOptions(17));
  });
  after(() => server.stop());

  /** Has the server show a certificate; its files keep their owner. */
  async function show({ certificate, key }) {
    fs.writeFileSync(server.certificatePath('server.pem'), certificate);
    fs.writeFileSync(server.certificatePath('server.key'), key);
    const { Client } = require('pg');
    const client = new Client(server.config());
    await client.connect();
    await client.query('SELECT pg_reload_conf()');
    await client.end();
    const wanted = createHash('sha256').update(certificate).digest('hex');
    await eventually(async () => (await shownCertificate()) === wanted, 'the new certificate');
  }

  async function shownCertificate() {
    const raw = net.connect(server.port, server.host);
    raw.write(Buffer.from('0000000804d2162f', 'hex'));
    await new Promise((resolve) => raw.once('data', resolve));
    const secure = require('node:tls').connect({ socket: raw, rejectUnauthorized: false });
    await new Promise((resolve) => secure.once('secureConnect', resolve));
    const pem = secure.getPeerX509Certificate().toString();
    secure.destroy();
    return createHash('sha256').update(pem.trim()).digest('hex');
  }

  for (const [kind, algorithm] of Object.entries(KINDS)) {
    test(`a certificate of ${kind} is bound to`, async () => {
      const identity = await createSelfSigned('localhost', LOCAL, algorithm);
      await show(identity);
      for (const overrides of Object.values(WAYS)) {
        const ssl = { rejectUnauthorized: false };
        const config = { ssl, channel_binding: 'require', ...overrides };
        assert.equal(await whoAmI(server.config(config)), server.user);
      }
    });
  }

  test('nothing is defined for Ed25519: it is not bound to, and refused where that is required', async () => {
    await show(await createSelfSigned('localhost', LOCAL, { name: 'Ed25519' }));
    for (const overrides of Object.values(WAYS)) {
      const ssl = { rejectUnauthorized: false };
      assert.equal(await whoAmI(server.config({ ssl, ...overrides })), server.user);
      const error = await failure(whoAmI(server.config({ ssl, channel_binding: 'require', ...overrides })));
      assert.match(
        error.message,
        /^channel binding is required, and none is defined for the server's certificate/,
      );
    }
  });
});
