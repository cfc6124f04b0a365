'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs/promises');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { ofOurManager } = require('../support/managers');

ofOurManager('what a diagnosis says of a configuration', (bench) => {
  let folder;

  before(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'pgfleet-diagnose-'));
  });

  after(async () => {
    await fs.rm(folder, { recursive: true });
  });

  /** The diagnosis of one configuration, of which no secret is told. */
  async function diagnose(config, options) {
    const manager = bench.keep(new bench.DatabaseManager());
    manager._addLazily('it', config);
    const [diagnosis] = await manager.diagnose(options);
    for (const secret of secretsOf(config)) {
      assert.ok(!JSON.stringify(diagnosis).includes(secret), `${secret} is told`);
    }
    return diagnosis;
  }

  function secretsOf({ password, dbPassword, secrets = [] }) {
    return [password, dbPassword, ...secrets].filter(
      (value) => typeof value === 'string' && value.length > 7,
    );
  }

  function assertNamed(diagnosis, cause) {
    assert.deepEqual([diagnosis.cause, diagnosis.ok], [cause, false], JSON.stringify(diagnosis));
    const [first, ...others] = diagnosis.checks;
    assert.deepEqual([first.name, first.state], ['configuration', 'failed']);
    assert.deepEqual(new Set(others.map(({ state }) => state)), new Set(['skipped']));
    assert.equal(others.length, 7);
  }

  const url = (login, rest = '') =>
    `postgres://${login}@${bench.server.host}:${bench.server.port}/${bench.database}${rest}`;
  /** Where nobody listens: whatever comes after the configuration fails. */
  const NOWHERE = { dbHost: '127.0.0.1', dbPort: 1, dbUser: 'someone', ssl: false };

  for (const [what, password] of [
    ['@', 'p@ss/word'],
    ['#', 'pass#word'],
    ['/', 'pass/word'],
    ['?', 'pass?word'],
    ['% without two digits', 'pass%zzword'],
  ]) {
    test(`a URL whose password has ${what} in it as it is, and that leads nowhere, isn't encoded`, async () => {
      const config = {
        connectionString: `postgres://someone:${password}@127.0.0.1:1/db`,
        ssl: false,
        secrets: [password],
      };
      const diagnosis = await diagnose(config);
      assertNamed(diagnosis, 'url-not-encoded');
      assert.equal(diagnosis.authAttempts, 0);
    });
  }

  test('a URL that works is no failure, and that its password is not encoded is still told', async () => {
    const role = bench.unique('role');
    await bench.look(`CREATE ROLE ${role} LOGIN PASSWORD 'pass#word'`);
    await bench.look(`GRANT CREATE ON SCHEMA public TO ${role}`);
    const works = await diagnose({ connectionString: url(`${role}:pass#word`), ssl: false });
    assert.deepEqual([works.ok, works.cause], [true, 'url-not-encoded']);
    assert.equal(works.checks[0].state, 'warning');
    const encoded = await diagnose({ connectionString: url(`${role}:pass%23word`), ssl: false });
    assert.notEqual(encoded.cause, 'url-not-encoded');
  });

  for (const config of [
    { connectionString: 'postgres://postgres:[YOUR-PASSWORD]@127.0.0.1:1/db' },
    {
      connectionString: 'postgres://postgres.[YOUR_PROJECT_REF]:secret99@127.0.0.1:1/db',
      secrets: ['secret99'],
    },
    {
      connectionString: 'postgres://postgres:secret99@db.YOUR_PROJECT_REF.supabase.co:5432/db',
      secrets: ['secret99'],
    },
    { ...NOWHERE, dbPassword: '[YOUR-PASSWORD]' },
    { ...NOWHERE, dbUser: 'postgres.YOUR_PROJECT_REF', dbPassword: 'secret99' },
    { ref: 'your-project-ref', password: 'secret99' },
  ]) {
    test(`words of a template are named: ${Object.values(config)[0]}, ${config.dbUser ?? ''}`, async () => {
      const diagnosis = await diagnose(config);
      assertNamed(diagnosis, 'placeholder');
      assert.equal(diagnosis.authAttempts, 0);
    });
  }

  test('a database that has kept the name of a template works, and is no fault', async () => {
    const dbName = bench.unique('your_database');
    await bench.look(`CREATE DATABASE ${dbName}`);
    try {
      const { ok, cause } = await diagnose(bench.config({ dbName }));
      assert.deepEqual([ok, cause], [true, 'ok']);
    } finally {
      await bench.look(`DROP DATABASE ${dbName} WITH (FORCE)`);
    }
    assertNamed(await diagnose(bench.config({ dbName })), 'placeholder');
  });

  for (const [what, password] of [
    ['empty', ''],
    ['with a line end', 'secret99\r\n'],
    ['in quotes', '"secret99"'],
    ['with a blank', ' secret99'],
  ]) {
    test(`a password ${what} has stray characters, of which none is shown`, async () => {
      assertNamed(
        await diagnose({ ...NOWHERE, dbPassword: password, secrets: ['secret99'] }),
        'stray-characters',
      );
    });
  }

  test('a password that really begins with a blank works, and is no fault', async () => {
    const role = bench.unique('role');
    await bench.look(`CREATE ROLE ${role} LOGIN PASSWORD ' secret99'`);
    const { ok, cause } = await diagnose(bench.config({ dbUser: role, dbPassword: ' secret99' }));
    assert.equal(ok, true);
    assert.notEqual(cause, 'stray-characters');
  });

  test('a host in quotes, and a password from a function with a line end, have stray characters', async () => {
    assertNamed(await diagnose({ ...NOWHERE, dbHost: '"127.0.0.1"' }), 'stray-characters');
    const diagnosis = await diagnose({
      ...NOWHERE,
      dbPassword: async () => 'secret99\n',
      secrets: ['secret99'],
    });
    assertNamed(diagnosis, 'stray-characters');
  });

  for (const dbHost of ['abcdefghijklmnopqrst.supabase.co', 'https://abcdefghijklmnopqrst.supabase.co']) {
    test(`${dbHost} is the address of an API`, async () => {
      assertNamed(await diagnose({ dbHost, dbUser: 'postgres', dbPassword: 'secret99' }), 'api-host');
    });
  }

  const claims = Buffer.from('{"iss":"supabase","role":"anon"}').toString('base64url');
  for (const dbPassword of [
    `eyJhbGciOiJIUzI1NiJ9.${claims}.c2ln`,
    'sbp_0123456789abcdef0123',
    'sb_secret_0123456789',
  ]) {
    test(`a key ${dbPassword.slice(0, 4)}… is no password, and isn't sent`, async () => {
      const diagnosis = await diagnose(bench.config({ dbPassword }));
      assertNamed(diagnosis, 'api-key-as-password');
      assert.equal(diagnosis.authAttempts, 0);
    });
  }

  test('a key in the place of the host, the user or the database is not repeated', async () => {
    const key = `eyJhbGciOiJIUzI1NiJ9.${claims}.c2ln`;
    for (const place of ['dbHost', 'dbUser', 'dbName']) {
      const diagnosis = await diagnose({ ...bench.config({ [place]: key }), secrets: [key] });
      assert.equal(diagnosis.ok, false, place);
    }
  });

  test('sslmode in the URL against the ssl object is named where the connection fails', async () => {
    const login = `${bench.server.user}:${bench.server.password}`;
    const ssl = { rejectUnauthorized: false };
    const diagnosis = await diagnose({ connectionString: url(login, '?sslmode=verify-full'), ssl });
    assertNamed(diagnosis, 'sslmode-conflict');
    const agreed = await diagnose({ connectionString: url(login, '?sslmode=no-verify'), ssl });
    assert.equal(agreed.ok, true);
  });

  test("a file of certificates that isn't there or has none in it is named, before anything is sent", async () => {
    const empty = path.join(folder, 'empty.pem');
    await fs.writeFile(empty, 'no certificate\n');
    for (const file of [path.join(folder, 'missing.pem'), empty, folder]) {
      const connectionString = `postgres://someone:secret99@127.0.0.1:1/db?sslmode=verify-full&sslrootcert=${file}`;
      assertNamed(await diagnose({ connectionString, secrets: ['secret99'] }), 'ca-file');
    }
    assertNamed(await diagnose({ ...NOWHERE, ssl: { ca: 'not a certificate' } }), 'ca-file');
  });

  test("what can't be a configuration is named by its own error", async () => {
    const diagnosis = await diagnose({ ...NOWHERE, dbPort: 'many' });
    assertNamed(diagnosis, 'configuration');
    assert.match(JSON.stringify(diagnosis), /dbPort/);
  });

  test("what stands in the wrong place isn't repeated", async () => {
    const odd = 'S3cret!$^ pw';
    for (const name of [
      'target_session_attrs',
      'statement_timeout',
      'max',
      'sslnegotiation',
      'require_auth',
    ]) {
      const diagnosis = await diagnose({ ...NOWHERE, [name]: odd, secrets: [odd] });
      assertNamed(diagnosis, 'configuration');
      assert.ok(diagnosis.message.includes(name), diagnosis.message);
    }
    const ciphers = await diagnose(
      bench.config({ ssl: { rejectUnauthorized: false, ciphers: odd }, secrets: [odd] }),
    );
    assertNamed(ciphers, 'configuration');
    const key = await fs.readFile(bench.server.certificatePath('client.key'), 'utf8');
    const inside = key.replace(/-----.*-----|\n/g, '');
    for (const text of [key, inside]) {
      const connectionString = `postgres://u@127.0.0.1:1/db?sslmode=require&sslkey=${encodeURIComponent(text)}`;
      const diagnosis = await diagnose({ connectionString, secrets: [inside.slice(0, 40)] });
      assertNamed(diagnosis, 'ca-file');
    }
    const missing = path.join(folder, 'missing.pem');
    const named = await diagnose({
      connectionString: `postgres://u@127.0.0.1:1/db?sslmode=require&sslrootcert=${missing}`,
    });
    assert.ok(named.message.includes(missing), named.message);
  });

  test('variables and words in capitals that nobody has replaced are named, and not sent', async () => {
    for (const dbPassword of ['${DB_PASSWORD}', '{{ password }}', 'YOUR_PASSWORD']) {
      const diagnosis = await diagnose(bench.config({ dbPassword }));
      assertNamed(diagnosis, 'placeholder');
      assert.equal(diagnosis.authAttempts, 0);
    }
  });

  test('a name of its own with the words of a template works', async () => {
    const role = bench.unique('your_user');
    await bench.look(`CREATE ROLE ${role} LOGIN PASSWORD 'secret99'`);
    assert.equal((await diagnose(bench.config({ dbUser: role, dbPassword: 'secret99' }))).ok, true);
    const wrong = await diagnose(bench.config({ dbUser: role, dbPassword: 'secret77' }));
    assertNamed(wrong, 'placeholder');
  });

  test('an empty variable in the place of the server has stray characters', async () => {
    for (const config of [{ connectionString: '' }, { host: '' }]) {
      const manager = bench.keep(new bench.DatabaseManager());
      await manager.addDatabase('it', { ...config, user: 'someone', password: 'secret99' });
      const [diagnosis] = await manager.diagnose();
      assertNamed(diagnosis, 'stray-characters');
      assert.ok(diagnosis.message.includes(Object.keys(config)[0]), diagnosis.message);
    }
  });

  test('a function that gives no password is named, and nothing is sent', async () => {
    const dbPassword = () => {
      throw new Error('no vault today');
    };
    const diagnosis = await diagnose(bench.config({ dbPassword }));
    assertNamed(diagnosis, 'password-source');
    assert.equal(diagnosis.authAttempts, 0);
  });
});
