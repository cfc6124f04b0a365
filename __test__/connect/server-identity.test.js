'use strict';

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { X509Certificate } = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const tls = require('node:tls');
const { forBoth } = require('../support/both.js');
const { eventually, failure, settled } = require('../support/failure.js');
const { tappedProxy } = require('../support/proxy.js');
const { postgres } = require('../support/server.js');
const { tlsProxy } = require('../support/tls-proxy.js');

const PINNED = Object.assign(new Error('not the pinned certificate'), { code: 'PIN' });

forBoth(({ pg, ours }) => {
  let server;
  let ca;
  let fingerprint;
  let interceptor;
  before(async () => {
    server = await postgres();
    const read = (name) => fs.readFileSync(server.certificatePath(name), 'utf8');
    ca = read('ca.pem');
    fingerprint = new X509Certificate(read('server.pem')).fingerprint256;
    interceptor = await tlsProxy(server, { certificate: read('elsewhere.pem'), key: read('elsewhere.key') });
  });
  after(() => interceptor.close());

  const pin = (host, { fingerprint256 }) => (fingerprint256 === fingerprint ? undefined : PINNED);

  async function connect(config) {
    const client = new pg.Client(config);
    try {
      await client.connect();
      return (await client.query('SELECT 1 AS one')).rows[0].one;
    } finally {
      await client.end();
    }
  }

  const between = (overrides) =>
    server.config({ port: interceptor.port, enableChannelBinding: false, ...overrides });

  const ways = { 'a client': connect, 'a pool': throughPool };
  async function throughPool(config) {
    const pool = new pg.Pool(config);
    try {
      return (await pool.query('SELECT 1 AS one')).rows[0].one;
    } finally {
      await pool.end();
    }
  }

  for (const [way, attempt] of Object.entries(ways)) {
    test(`checkServerIdentity is called with name and certificate by ${way}`, async () => {
      const calls = [];
      const checkServerIdentity = (...args) => void calls.push(args);
      for (const host of ['localhost', '127.0.0.1']) {
        assert.equal(await attempt(server.config({ host, ssl: { ca, checkServerIdentity } })), 1);
      }
      assert.deepEqual(
        calls.map(([host]) => host),
        ['localhost', '127.0.0.1'],
      );
      const [, certificate] = calls[0];
      const { subject, issuer, subjectaltname, raw, fingerprint256, pubkey, issuerCertificate } = certificate;
      assert.equal(subject.CN, 'localhost');
      assert.equal(issuer.CN, 'pgfleet test authority');
      assert.equal(subjectaltname, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
      assert.ok(Buffer.isBuffer(raw) && Buffer.isBuffer(pubkey));
      assert.equal(fingerprint256, fingerprint);
      assert.equal(issuerCertificate.subject.CN, 'pgfleet test authority');
      assert.equal(issuerCertificate.issuerCertificate, issuerCertificate);
    });

    test(`a certificate that checkServerIdentity refuses is refused with its own error by ${way}`, async () => {
      assert.equal(await attempt(server.config({ ssl: { ca, checkServerIdentity: pin } })), 1);
      const error = await failure(attempt(between({ ssl: { ca, checkServerIdentity: pin } })));
      assert.equal(error, PINNED);
    });

    test(`the own check takes the place of the check of the name for ${way}`, async () => {
      const ssl = { ca, checkServerIdentity: () => undefined };
      assert.equal(await attempt(between({ ssl })), 1);
      const error = await failure(
        attempt(between({ ssl: { ca, checkServerIdentity: tls.checkServerIdentity } })),
      );
      assert.equal(error.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
    });
  }

  test('a certificate of an unknown authority is refused before checkServerIdentity is called', async () => {
    let calls = 0;
    const checkServerIdentity = () => void (calls += 1);
    const error = await failure(connect(server.config({ ssl: { checkServerIdentity } })));
    assert.equal(error.code, 'SELF_SIGNED_CERT_IN_CHAIN');
    assert.equal(calls, 0);
  });

  if (!ours) return;

  for (const trust of ['of an unknown authority', 'of a known authority']) {
    const ssl = () => ({ rejectUnauthorized: false, ...(trust.includes('unknown') ? {} : { ca }) });

    test(`a pin holds without rejectUnauthorized, for a certificate ${trust}`, async () => {
      const checkServerIdentity = pin;
      assert.equal(await connect(server.config({ ssl: { ...ssl(), checkServerIdentity } })), 1);
      for (const attempt of Object.values(ways)) {
        const error = await failure(attempt(between({ ssl: { ...ssl(), checkServerIdentity } })));
        assert.equal(error, PINNED);
      }
    });
  }

  test("Node's own check is none where nothing is to be verified", async () => {
    const ssl = { rejectUnauthorized: false, checkServerIdentity: tls.checkServerIdentity };
    assert.equal(await connect(between({ ssl })), 1);
  });

  test('on a stream of its own a pin holds as well', async () => {
    const stream = () => new net.Socket();
    for (const ssl of [{ ca }, { rejectUnauthorized: false }]) {
      const config = { stream, ssl: { ...ssl, checkServerIdentity: pin } };
      assert.equal(await connect(server.config(config)), 1);
      assert.equal(await failure(connect(between(config))), PINNED);
    }
  });

  const ODD = {
    'a promise': [async () => undefined, /must return an Error or undefined, got a promise/],
    'a promise that rejects': [
      async () => {
        throw PINNED;
      },
      /must return an Error or undefined, got a promise/,
    ],
    true: [() => true, /must return an Error or undefined, got true/],
    'what it throws': [
      () => {
        throw PINNED;
      },
      /not the pinned certificate/,
    ],
    'a text that it throws': [
      () => {
        throw 'a text';
      },
      /threw something that is no Error/,
    ],
  };
  for (const [what, [checkServerIdentity, message]] of Object.entries(ODD)) {
    test(`${what} from checkServerIdentity refuses the server`, async () => {
      for (const attempt of Object.values(ways)) {
        const error = await failure(attempt(server.config({ ssl: { ca, checkServerIdentity } })));
        assert.match(error.message, message);
      }
    });
  }

  test('each of several connections that are made at once fails with the refusal of its own', async () => {
    const refusals = ['one', 'another', 'a third'].map((words) => new Error(words));
    let asked = 0;
    const checkServerIdentity = () => refusals[asked++];
    const pool = new pg.Pool(server.config({ max: 4, ssl: { ca, checkServerIdentity } }));
    const clients = await Promise.allSettled(Array.from({ length: 4 }, () => pool.connect()));
    const [taken, ...others] = clients.sort((one, other) => one.status.localeCompare(other.status));
    taken.value.release();
    for (const { reason } of others) assert.ok(refusals.includes(reason), 'another error');
    assert.equal(new Set(others.map(({ reason }) => reason)).size, 3);
    await pool.end();
  });

  test('nothing is sent before the check has taken the certificate', async () => {
    const seen = [];
    const proxy = await tappedProxy(server, {
      onClientBytes: (bytes) => void seen.push(bytes.length),
    });
    let before;
    const checkServerIdentity = () => {
      before = seen.length;
      return PINNED;
    };
    try {
      await failure(connect(server.config({ port: proxy.port, ssl: { ca, checkServerIdentity } })));
      assert.ok(before >= 2); // the request for TLS, and the handshake
      // Only the close alert of TLS may follow.
      assert.ok(seen.slice(before).reduce((sum, length) => sum + length, 0) < 100);
    } finally {
      await proxy.close();
    }
  });

  for (const isSame of [true, false]) {
    test(`a request to cancel ${isSame ? 'reaches the server that was accepted' : 'goes to no other certificate'}`, async () => {
      const read = (name) => fs.readFileSync(server.certificatePath(name), 'utf8');
      const shown = { certificate: read('server.pem'), key: read('server.key') };
      const proxy = await tlsProxy(server, shown);
      const ssl = { ca: [ca, read('self-signed.pem')], checkServerIdentity: () => undefined };
      const limits = { enableChannelBinding: false, cancelTimeoutMillis: isSame ? 0 : 300 };
      const client = new pg.Client(server.config({ port: proxy.port, ssl, ...limits }));
      client.on('error', () => {});
      await client.connect();
      if (!isSame) {
        Object.assign(shown, { certificate: read('self-signed.pem'), key: read('self-signed.key') });
      }
      const abort = new AbortController();
      const query = client.query({ text: 'SELECT pg_sleep(30)', signal: abort.signal });
      query.catch(() => {});
      await eventually(() => proxy.servernames.length > 0, 'the connection');
      abort.abort();
      await settled(failure(query), 'the query');
      // A client whose query can't be cancelled loses its connection.
      const next = client.query('SELECT 1 AS one');
      if (isSame) assert.deepEqual((await settled(next, 'the next query')).rows, [{ one: 1 }]);
      else await settled(failure(next), 'the next query');
      await settled(client.end(), 'the end');
      await proxy.close();
    });
  }
});
