'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { once } = require('node:events');
const { after, before, describe, test } = require('node:test');
const { createAuthority, createSelfSigned } = require('../../scripts/support/certificates.js');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const { CHECKS } = require('../support/diagnosis.js');
const { fakeServer } = require('../support/fake-server.js');
const { ofOurManager } = require('../support/managers.js');
const { runWithNames, withoutNames } = require('../support/names.js');
const { tlsProxy } = require('../support/tls-proxy.js');

const DAY_MILLIS = 86_400_000;
const PROGRAM = path.join(__dirname, 'programs', 'diagnose.js');

/** The check at which it fails; those before it have not failed, and none behind it was reached. */
function assertFailsAt(diagnosis, stage, cause) {
  const whole = JSON.stringify(diagnosis, null, 1);
  assert.deepEqual([diagnosis.ok, diagnosis.cause], [false, cause], whole);
  const at = CHECKS.indexOf(stage);
  diagnosis.checks.forEach(({ name, state }, index) => {
    assert.equal(name, CHECKS[index]);
    if (index < at) assert.notEqual(state, 'failed', whole);
    if (index === at) assert.equal(state, 'failed', whole);
    if (index > at) assert.equal(state, 'skipped', whole);
  });
  assert.equal(diagnosis.authAttempts, 0);
}

/** Its evidence has each of these. */
function assertSeen(diagnosis, ...patterns) {
  const seen = diagnosis.evidence.join('\n');
  for (const pattern of patterns) assert.match(seen, pattern);
}

const tlsDetail = ({ checks }) => checks.find(({ name }) => name === 'tls').detail;

ofOurManager('what a diagnosis says of TLS', (bench) => {
  const local = { hosts: ['localhost'], addresses: ['127.0.0.1'] };
  let authority;

  before(async () => {
    authority = await createAuthority('The Authority,O=Some Company');
  });

  /** The diagnosis of the suite's database by another way, in which no secret is told. */
  async function diagnose(way, overrides, options) {
    const manager = bench.keep(new bench.DatabaseManager());
    const config = bench.config({ dbHost: way.host, dbPort: way.port, ...overrides });
    manager._addLazily('it', config);
    const [diagnosis] = await manager.diagnose(options);
    assert.ok(!JSON.stringify(diagnosis).includes(bench.server.password));
    return diagnosis;
  }

  /** The same through a proxy that shows this identity. */
  async function behind(identity, overrides, options) {
    const proxy = await tlsProxy(bench.server, identity, options);
    try {
      // A proxy of TLS can't pass on a login that is bound to the channel.
      return await diagnose(proxy, { dbUser: 'trust_user', ...overrides });
    } finally {
      await proxy.close();
    }
  }

  const trusting = (extra) => ({ ssl: { ca: authority.certificate, ...extra } });

  test('a certificate that is signed by itself is named, with its names and dates', async () => {
    const identity = await createSelfSigned('localhost', local);
    for (const ssl of [true, { ca: authority.certificate }]) {
      const diagnosis = await behind(identity, { ssl });
      assertFailsAt(diagnosis, 'tls', 'self-signed');
      assertSeen(diagnosis, /localhost, 127\.0\.0\.1/, /signed by itself/, /no other certificate along/);
      assertSeen(diagnosis, new RegExp(new Date(Date.now() + DAY_MILLIS).toISOString().slice(0, 10)));
    }
    const { ok } = await behind(identity, { ssl: { ca: identity.certificate } });
    assert.equal(ok, true);
  });

  test("an authority that isn't trusted is named, with one or several certificates shown", async () => {
    const below = await authority.issueIntermediate('The Authority Below');
    const identity = await below.issue('localhost', local);
    const diagnosis = await behind(identity, { ssl: true });
    assertFailsAt(diagnosis, 'tls', 'root-not-trusted');
    assertSeen(diagnosis, /issued by The Authority Below/);
    const whole = [identity.certificate, below.certificate, authority.certificate].join('\n');
    const longer = await behind({ ...identity, certificate: whole }, { ssl: true });
    assertFailsAt(longer, 'tls', 'root-not-trusted');
    assertSeen(longer, /issued by The Authority Below/, /The Authority \(Some Company\).*signed by itself/);
    const missing = await behind(identity, trusting());
    assertFailsAt(missing, 'tls', 'root-not-trusted');
    assert.equal((await behind({ ...identity, certificate: whole }, trusting())).ok, true);
  });

  test('a real server with an authority of its own is told of, by its certificates', async () => {
    const diagnosis = await diagnose(bench.server, { ssl: 'verify-full' });
    assertFailsAt(diagnosis, 'tls', 'root-not-trusted');
    assertSeen(diagnosis, /localhost, 127\.0\.0\.1, ::1/, /issued by pgfleet test authority/);
    const ca = fs.readFileSync(bench.server.caPath, 'utf8');
    const works = await diagnose(bench.server, { ssl: { ca } });
    assert.deepEqual([works.ok, works.cause], [true, 'ok'], JSON.stringify(works));
    assert.match(tlsDetail(works), /TLS 1\.3.*localhost.*pgfleet test authority.*valid until/);
  });

  test('a certificate that is over is named with its last day, before its name is', async () => {
    const notAfter = new Date('2026-02-03T04:05:00Z');
    const identity = await authority.issue('localhost', { ...local, notBefore: new Date(0), notAfter });
    const diagnosis = await behind(identity, trusting());
    assertFailsAt(diagnosis, 'tls', 'certificate-expired');
    assertSeen(diagnosis, /until 2026-02-03 04:05 UTC/, /clock of this machine says \d{4}-\d\d-\d\d/);
  });

  test("a certificate that isn't valid yet is named with its first day", async () => {
    const notBefore = new Date(Date.now() + 3 * DAY_MILLIS);
    const notAfter = new Date(Date.now() + 9 * DAY_MILLIS);
    const identity = await authority.issue('localhost', { ...local, notBefore, notAfter });
    const diagnosis = await behind(identity, trusting());
    assertFailsAt(diagnosis, 'tls', 'certificate-not-yet-valid');
    assertSeen(
      diagnosis,
      new RegExp(`from ${notBefore.toISOString().slice(0, 10)}`),
      /clock of this machine/,
    );
  });

  test('a certificate for other names is named with them, and for which name it was held', async () => {
    const identity = await authority.issue('db.example.test', {
      hosts: ['db.example.test', '*.example.test'],
    });
    const diagnosis = await behind(identity, trusting());
    assertFailsAt(diagnosis, 'tls', 'certificate-name');
    assertSeen(diagnosis, /db\.example\.test, \*\.example\.test/);
    assert.match(diagnosis.message, /and not for (localhost|127\.0\.0\.1)\./);
    const wrong = await behind(identity, trusting({ servername: 'example.org' }));
    assertFailsAt(wrong, 'tls', 'certificate-name');
    assertSeen(wrong, /ssl\.servername/);
    assert.equal((await behind(identity, trusting({ servername: 'db.example.test' }))).ok, true);
  });

  test("a certificate that isn't trusted, is over and is for another name isn't trusted first", async () => {
    const other = await createAuthority('Another');
    const identity = await other.issue('db.example.test', {
      hosts: ['db.example.test'],
      notBefore: new Date('2026-01-01'),
      notAfter: new Date('2026-02-03'),
    });
    const diagnosis = await behind(identity, trusting());
    assertFailsAt(diagnosis, 'tls', 'root-not-trusted');
    assertSeen(diagnosis, /db\.example\.test/, /until 2026-02-03/);
  });

  test('a certificate that nobody verifies is told of, and is no failure where it is over', async () => {
    const own = { notBefore: new Date('2026-01-01'), notAfter: new Date('2026-02-03') };
    const identity = await authority.issue('db.example.test', { hosts: ['db.example.test'], ...own });
    const diagnosis = await behind(identity, { ssl: { rejectUnauthorized: false } });
    assert.equal(diagnosis.ok, true, JSON.stringify(diagnosis));
    assert.match(tlsDetail(diagnosis), /db\.example\.test, issued by The Authority/);
    assert.match(tlsDetail(diagnosis), /has expired.*2026-02-03.*not verified/);
  });

  test('texts of a certificate are cut, and have nothing in them but letters and signs', async () => {
    const long = `evil\u001b[31m\u202e\u0007${'x'.repeat(5000)}`;
    const hosts = Array.from({ length: 500 }, (_, at) => `host-${at}.example.test`);
    const identity = await createSelfSigned(long, { hosts });
    const diagnosis = await behind(identity, { ssl: true });
    assertFailsAt(diagnosis, 'tls', 'self-signed');
    const said = diagnosis.evidence.join('');
    assert.match(said, /evil/);
    assert.ok([...said].every((letter) => letter >= ' ' && letter !== '\u202e'));
    assert.ok(said.length < 2000, said);
    assert.match(said, /host-7\.example\.test and 492 more/);
  });

  test("a program's own check is asked, and what it refuses is a certificate of another name", async () => {
    const identity = await authority.issue('localhost', local);
    const asked = [];
    const accepts = trusting({ checkServerIdentity: (name) => void asked.push(name) });
    assert.equal((await behind(identity, accepts)).ok, true);
    assert.ok(asked.includes('127.0.0.1'), asked.join());
    const refuses = trusting({ checkServerIdentity: () => new Error('not my fingerprint') });
    const diagnosis = await behind(identity, refuses);
    assertFailsAt(diagnosis, 'tls', 'certificate-name');
    assertSeen(diagnosis, /not my fingerprint/, /localhost/);
    const tells = trusting({ checkServerIdentity: () => new Error(`not ${bench.server.password}`) });
    assertFailsAt(await behind(identity, tells), 'tls', 'certificate-name');
  });

  describe('versions', () => {
    let identity;
    before(async () => {
      identity = await authority.issue('localhost', local);
    });

    test('a server that wants a newer version than this side takes has none in common with it', async () => {
      const diagnosis = await behind(identity, trusting({ maxVersion: 'TLSv1.2' }), {
        minVersion: 'TLSv1.3',
      });
      assertFailsAt(diagnosis, 'tls', 'tls-version');
      assertSeen(diagnosis, /TLS 1\.3 comes about/);
    });

    test('a server that takes an older version alone has none in common with it', async () => {
      const diagnosis = await behind(identity, trusting({ minVersion: 'TLSv1.3' }), {
        maxVersion: 'TLSv1.2',
      });
      assertFailsAt(diagnosis, 'tls', 'tls-version');
      assertSeen(diagnosis, /TLS 1\.2 comes about/);
    });

    test('the version comes before trust in the certificate', async () => {
      const ssl = { maxVersion: 'TLSv1.2' };
      assertFailsAt(await behind(identity, { ssl }, { minVersion: 'TLSv1.3' }), 'tls', 'tls-version');
    });

    test('a cipher that is missing is no version', async () => {
      const ssl = {
        maxVersion: 'TLSv1.2',
        ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384',
        rejectUnauthorized: false,
      };
      const ciphers = 'ECDHE-ECDSA-AES128-GCM-SHA256';
      assertFailsAt(await behind(identity, { ssl }, { ciphers }), 'tls', 'tls-failed');
    });
  });

  describe("the client's certificate", () => {
    const wanting = (extra) => ({
      requestCert: true,
      rejectUnauthorized: true,
      ca: authority.certificate,
      ...extra,
    });

    for (const [at, version] of [
      ['startup', 'TLSv1.3'],
      ['tls', 'TLSv1.2'],
    ]) {
      test(`one of another authority is refused with ${version}, which is told`, async () => {
        const other = await createAuthority('Another');
        const { certificate: cert, key } = await other.issue('someone');
        const ssl = { cert, key, maxVersion: version, rejectUnauthorized: false };
        const diagnosis = await diagnose(bench.server, { ssl });
        assertFailsAt(diagnosis, at, 'client-certificate');
      });
    }

    test('one that is missing is told where the server demands it in TLS 1.3', async () => {
      const identity = await authority.issue('localhost', local);
      const diagnosis = await behind(identity, trusting(), wanting());
      assertFailsAt(diagnosis, 'startup', 'client-certificate');
    });

    test('what a server misses in TLS 1.2 it may not name', async () => {
      const identity = await authority.issue('localhost', local);
      const diagnosis = await behind(identity, trusting(), wanting({ maxVersion: 'TLSv1.2' }));
      assertFailsAt(diagnosis, 'tls', 'tls-failed');
    });
  });

  describe('a server that agrees to speak TLS', () => {
    const agreeing = (then) =>
      fakeServer(async ({ socket }) => {
        await once(socket, 'data').catch(() => []);
        socket.write('S');
        then(socket);
      });

    async function meet(then) {
      const server = await agreeing(then);
      try {
        return await diagnose(server, { ssl: true });
      } finally {
        await server.close();
      }
    }

    test('and says nothing more is silent', async () => {
      assertFailsAt(await meet(() => {}), 'tls', 'silent-server');
    });

    test('and dribbles is silent', async () => {
      const diagnosis = await meet((socket) => {
        const head = Buffer.from([22, 3, 3, 0, 90, 2, 0, 0, 86, 3, 3]);
        let at = 0;
        const timer = setInterval(() => socket.write(head.subarray(at % 11, (at++ % 11) + 1)), 400);
        socket.on('close', () => clearInterval(timer));
      });
      assertFailsAt(diagnosis, 'tls', 'silent-server');
    });

    test('and closes has failed at TLS', async () => {
      assertFailsAt(await meet((socket) => socket.once('data', () => socket.end())), 'tls', 'tls-failed');
      assertFailsAt(
        await meet((socket) => socket.once('data', () => socket.resetAndDestroy())),
        'tls',
        'tls-failed',
      );
    });

    test('and speaks something else, however much of it, has failed at TLS', async () => {
      for (const what of ['HTTP/1.1 400 Bad Request\r\n\r\n', Buffer.alloc(4 << 20, 0xff)]) {
        assertFailsAt(
          await meet((socket) => socket.once('data', () => socket.write(what))),
          'tls',
          'tls-failed',
        );
      }
    });
  });

  test('a server that wants to be asked for TLS is told from one that closes', async () => {
    const url = bench.server.url().replace('postgresql://', 'postgres://');
    const manager = bench.keep(new bench.DatabaseManager());
    const identity = await authority.issue('localhost', local);
    const asked = await tlsProxy(bench.server, identity);
    // Asked first, as all servers before 17 are; it takes nothing else.
    const server = await fakeServer(async ({ socket }) => {
      const [first] = await once(socket, 'data');
      if (first.length !== 8) return socket.end();
      const forward = net.connect(asked.port, asked.host);
      forward.on('error', () => socket.destroy());
      forward.write(first);
      return void socket.pipe(forward).pipe(socket);
    });
    const closing = await fakeServer(({ socket }) => void socket.once('data', () => socket.end()));
    try {
      for (const [name, { host, port }] of Object.entries({ asked: server, closing })) {
        const target = url.replace(`${bench.server.host}:${bench.server.port}`, `${host}:${port}`);
        manager._addLazily(name, { connectionString: `${target}?sslmode=no-verify&sslnegotiation=direct` });
      }
      const [first, second] = await manager.diagnose();
      assertFailsAt(first, 'tls', 'tls-failed');
      assertSeen(first, /Asked first/);
      assertFailsAt(second, 'tls', 'closes-at-once');
    } finally {
      for (const each of [server, closing, asked]) await each.close();
    }
  });

  describe("at Supabase's hosts", { skip: withoutNames }, () => {
    const POOLER = 'aws-0-eu-central-1.pooler.supabase.com';
    const DIRECT = 'db.abcdefghijklmnopqrst.supabase.co';
    const ROOT_NAME = 'Supabase Root 2021 CA,O=Supabase Inc';

    async function at(host, identity, ssl) {
      const proxy = await tlsProxy(bench.server, identity);
      try {
        const config = { dbHost: host, dbPort: proxy.port, dbUser: 'postgres.abcdefghijklmnopqrst' };
        const ours = bench.config({ ...config, ssl });
        const hosts = { [host]: '127.0.0.1' };
        const { stdout, stderr } = await runWithNames(PROGRAM, { args: [JSON.stringify(ours)], hosts });
        assert.equal(stderr, '');
        return JSON.parse(stdout);
      } finally {
        await proxy.close();
      }
    }

    for (const host of [POOLER, DIRECT]) {
      test(`another authority's certificate for ${host} is an interception`, async () => {
        const identity = await authority.issue(host, { hosts: [host] });
        const diagnosis = await at(host, identity, true);
        assertFailsAt(diagnosis, 'tls', 'intercepted');
        assertSeen(diagnosis, /issued by The Authority \(Some Company\)/);
        const certificate = `${identity.certificate}\n${authority.certificate}`;
        assertFailsAt(await at(host, { ...identity, certificate }, true), 'tls', 'intercepted');
      });
    }

    test('so is one that is trusted here and for another name', async () => {
      const identity = await authority.issue('proxy.example.test', { hosts: ['proxy.example.test'] });
      assertFailsAt(await at(POOLER, identity, { ca: authority.certificate }), 'tls', 'intercepted');
    });

    test("so is one of an authority that bears the root's name and isn't it", async () => {
      const imitation = await createAuthority(ROOT_NAME);
      const identity = await imitation.issue(POOLER, { hosts: [POOLER] });
      const certificate = `${identity.certificate}\n${imitation.certificate}`;
      const diagnosis = await at(POOLER, { ...identity, certificate }, true);
      assertFailsAt(diagnosis, 'tls', 'intercepted');
      assertSeen(diagnosis, /of the same name/);
    });

    test("a root of the caller's own in the place of Supabase's is no interception", async () => {
      const supabase = await createAuthority(ROOT_NAME);
      const identity = await supabase.issue(POOLER, { hosts: [POOLER] });
      const diagnosis = await at(POOLER, identity, { ca: authority.certificate });
      assertFailsAt(diagnosis, 'tls', 'root-not-trusted');
      assertSeen(diagnosis, /ssl\.ca/, /issued by Supabase Root 2021 CA \(Supabase Inc\)/);
    });

    test('where nothing is verified, another authority is no failure, and is told', async () => {
      const identity = await authority.issue(POOLER, { hosts: [POOLER] });
      const diagnosis = await at(POOLER, identity, { rejectUnauthorized: false });
      assert.equal(diagnosis.checks[4].state, 'ok', JSON.stringify(diagnosis));
      assert.match(tlsDetail(diagnosis), /The Authority/);
    });
  });
});

ofOurManager('what a diagnosis says of a server with TLS settings of its own', (bench) => {
  /** @type {import('../../scripts/support/embedded-server.js').EmbeddedServer} */
  let own;

  before(async () => {
    own = await startEmbedded({
      version: bench.server.version,
      settings: { ssl_min_protocol_version: 'TLSv1.3' },
    });
  });

  after(() => own.stop());

  async function diagnose(ssl) {
    const manager = bench.keep(new bench.DatabaseManager());
    const { host, port, user, password, database } = own;
    manager._addLazily('it', { host, port, user, password, database, ssl });
    const [diagnosis] = await manager.diagnose();
    return diagnosis;
  }

  test('its lowest version is above the highest that is taken', async () => {
    const ca = fs.readFileSync(own.caPath, 'utf8');
    assertFailsAt(await diagnose({ ca, maxVersion: 'TLSv1.2' }), 'tls', 'tls-version');
    assert.equal((await diagnose({ ca })).ok, true);
  });
});
