'use strict';

const { test, before } = require('node:test');
const assert = require('node:assert/strict');
const { constants } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const { forBoth } = require('../support/both.js');
const { failure } = require('../support/failure.js');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');

// Windows and macOS bring a TLS of their own, which has fewer options.
const builtIn = { skip: ['win32', 'darwin'].includes(process.platform) };

/** What becomes of a session with these options: TLS version and cipher suite. */
const HONOURED = {
  'maxVersion TLSv1.2': [{ maxVersion: 'TLSv1.2' }, 'TLSv1.2'],
  'minVersion TLSv1.3': [{ minVersion: 'TLSv1.3' }, 'TLSv1.3'],
  'both versions': [{ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }, 'TLSv1.2'],
  'secureProtocol TLSv1_2_method': [{ secureProtocol: 'TLSv1_2_method' }, 'TLSv1.2'],
  'secureProtocol SSLv23_client_method': [{ secureProtocol: 'SSLv23_client_method' }, 'TLSv1.2'],
  'secureOptions without TLS 1.3': [{ secureOptions: constants.SSL_OP_NO_TLSv1_3 }, 'TLSv1.2'],
  'a cipher suite of TLS 1.3 alone': [
    { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' },
    'TLSv1.3',
    'TLS_CHACHA20_POLY1305_SHA256',
  ],
  'a cipher suite of TLS 1.2': [
    { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' },
    'TLSv1.2',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
  ],
  'cipher suites of both': [
    { ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256' },
    'TLSv1.3',
    'TLS_AES_128_GCM_SHA256',
  ],
  'sigalgs that the server has': [{ sigalgs: 'ECDSA+SHA256:RSA-PSS+SHA256' }, 'TLSv1.3'],
  'ecdhCurve that the server has': [{ ecdhCurve: 'P-384:P-256' }, 'TLSv1.3'],
  'ecdhCurve auto': [{ ecdhCurve: 'auto' }, 'TLSv1.3'],
  'the name of the protocol': [{ ALPNProtocols: ['postgresql'] }, 'TLSv1.3'],
  'options without a meaning for a client': [
    {
      honorCipherOrder: true,
      dhparam: 'auto',
      sessionIdContext: 'x',
      sessionTimeout: 10,
      requestOCSP: true,
      enableTrace: false,
      highWaterMark: 16384,
      SNICallback: () => {},
      minDHSize: 2048,
    },
    'TLSv1.3',
  ],
};

/** What no session can come of: the server and the options have nothing in common, or the options are none. */
const REFUSED = {
  'sigalgs that the server has no key for': { sigalgs: 'RSA-PSS+SHA256' },
  'an ecdhCurve that the server does not take': { ecdhCurve: 'P-521' },
  'cipher suites of a version that is ruled out': {
    ciphers: 'TLS_AES_128_GCM_SHA256',
    maxVersion: 'TLSv1.2',
  },
  'a cipher suite that the server has no key for': {
    ciphers: 'ECDHE-RSA-AES128-GCM-SHA256',
    maxVersion: 'TLSv1.2',
  },
  'no version in common': { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' },
  'ciphers that are none': { ciphers: 'nonsense' },
  'an ecdhCurve that is none': { ecdhCurve: 'nonsense' },
  'a version that is none': { minVersion: 'TLSv9' },
  'secureProtocol beside minVersion': { secureProtocol: 'TLSv1_2_method', minVersion: 'TLSv1.2' },
};

const UNSUPPORTED = {
  secureContext: {},
  socket: new net.Socket(),
  session: Buffer.from('x'),
  crl: 'x',
  pskCallback: () => {},
  privateKeyEngine: 'x',
  privateKeyIdentifier: 'x',
  clientCertEngine: 'x',
  enableTrace: true,
};

forBoth(({ pg, ours }) => {
  let server;
  let ca;
  before(async () => {
    server = await postgres();
    ca = fs.readFileSync(server.caPath, 'utf8');
  });

  async function session(ssl, overrides) {
    const client = new pg.Client(server.config({ ssl, ...overrides }));
    try {
      await client.connect();
      const { rows } = await client.query(
        'SELECT version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      return rows[0];
    } finally {
      await client.end();
    }
  }

  const streams = ours ? { natively: undefined, 'on a stream': () => new net.Socket() } : { '': undefined };
  for (const [way, stream] of Object.entries(streams)) {
    for (const [what, [ssl, version, cipher]] of Object.entries(HONOURED)) {
      test(`${what}: the session keeps to it ${way}`, builtIn, async () => {
        const spoken = await session({ ca, ...ssl }, { stream });
        assert.equal(spoken.version, version);
        if (cipher) assert.equal(spoken.cipher, cipher);
      });
    }

    for (const [what, ssl] of Object.entries(REFUSED)) {
      test(`${what}: there is no session ${way}`, builtIn, async () => {
        const error = await failure(session({ ca, ...ssl }, { stream }));
        assert.doesNotMatch(error.message, /timeout|terminated/);
      });
    }
  }

  test('the authority need not be a root where a partial chain will do', builtIn, async () => {
    // node-postgres has it where Node has: from version 22.
    if (!ours && Number(process.versions.node.split('.')[0]) < 22) return;
    const own = fs.readFileSync(server.certificatePath('server.pem'), 'utf8');
    assert.equal((await session({ ca: own, allowPartialTrustChain: true })).version, 'TLSv1.3');
    if (ours) assert.equal((await failure(session({ ca: own }))).code, 'SELF_SIGNED_CERT_IN_CHAIN');
  });

  test('NODE_TLS_REJECT_UNAUTHORIZED=0 stands for an option that is not there', async () => {
    const source = `
      const { Client } = require('${ours ? './index.js' : 'pg'}');
      const outcomes = [];
      (async () => {
        for (const ssl of [true, {}, { rejectUnauthorized: true }, { rejectUnauthorized: undefined }]) {
          const client = new Client({ ...JSON.parse(process.argv[1]), ssl });
          client.on('error', () => {});
          outcomes.push(await client.connect().then(() => 'connected', (error) => error.code));
          await client.end();
        }
        console.log(JSON.stringify(outcomes));
      })();`;
    const { stdout } = await run(
      { source },
      { args: [JSON.stringify(server.config())], env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
    );
    const refused = 'SELF_SIGNED_CERT_IN_CHAIN';
    assert.deepEqual(JSON.parse(stdout), ['connected', 'connected', refused, refused]);
  });

  for (const [name, value] of [
    ['cert', 'no certificate'],
    ['minVersion', ''],
    ['maxVersion', ''],
    ['minVersion', 'TLSv9'],
  ]) {
    test(`ssl.${name} of ${JSON.stringify(value)} is refused`, async () => {
      const error = await failure(session({ rejectUnauthorized: false, [name]: value }));
      if (ours)
        assert.ok(error instanceof TypeError && error.message.startsWith(`"ssl.${name}" `), error.message);
    });
  }

  if (!ours) return;

  for (const [name, value] of Object.entries(UNSUPPORTED)) {
    test(`ssl.${name} is refused by name, since it can't be honoured`, async () => {
      const error = await failure(session({ ca, [name]: value }));
      assert.ok(error instanceof TypeError);
      assert.match(error.message, new RegExp(`^"ssl\\.${name}" is not supported: `));
    });
  }

  for (const [way, stream] of Object.entries(streams)) {
    test(`names of protocols that are none are refused ${way}`, async () => {
      for (const ALPNProtocols of [[''], ['postgresql', ''], Buffer.from([5, 1]), Buffer.from([0])]) {
        const error = await failure(session({ ca, ALPNProtocols }, { stream }));
        assert.ok(error instanceof TypeError);
        assert.match(error.message, /^"ssl\.ALPNProtocols" must have no empty name/);
      }
    });
  }

  for (const [way, stream] of Object.entries(streams)) {
    test(`an option that throws when it is read fails the connection with that ${way}`, async () => {
      const thrown = new Error('of a getter');
      const ssl = Object.defineProperty({}, 'ca', {
        enumerable: true,
        get() {
          throw thrown;
        },
      });
      assert.equal(await failure(session(ssl, { stream })), thrown);
    });
  }

  test('an archive that is none is refused by its name', async () => {
    const error = await failure(session({ ca, pfx: Buffer.from('x'), passphrase: 'x' }));
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /^ssl\.pfx cannot be read/);
  });

  test('several keys or archives are refused', async () => {
    for (const name of ['key', 'pfx']) {
      const error = await failure(session({ ca, [name]: ['x', 'y'] }));
      assert.ok(error instanceof TypeError);
      assert.equal(error.message, `"ssl.${name}" with more than one entry is not supported`);
    }
  });
});
