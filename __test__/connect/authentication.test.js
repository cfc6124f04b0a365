'use strict';

const { test, before } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { forBoth } = require('../support/both.js');
const { failure } = require('../support/failure.js');
const { postgres, ROLE_PASSWORD } = require('../support/server.js');
const { tappedProxy } = require('../support/proxy.js');
const { tlsProxy } = require('../support/tls-proxy.js');

const METHODS = {
  md5_user: 'MD5',
  clear_user: 'a cleartext password',
  trust_user: 'no password at all',
  'postgres.abc123': 'SCRAM-SHA-256',
};

forBoth(({ pg, ours }) => {
  let server;
  before(async () => {
    server = await postgres();
  });

  async function whoAmI(config) {
    const client = new pg.Client(config);
    try {
      await client.connect();
      return (await client.query('SELECT session_user AS name')).rows[0].name;
    } finally {
      await client.end(); // pg keeps its socket open when the failure was its own
    }
  }

  for (const [user, method] of Object.entries(METHODS)) {
    test(`a role that authenticates by ${method} gets in`, async () => {
      assert.equal(await whoAmI(server.config({ user, password: ROLE_PASSWORD })), user);
    });
  }

  test('a role that needs no password gets in without one', async () => {
    assert.equal(await whoAmI(server.config({ user: 'trust_user', password: undefined })), 'trust_user');
  });

  for (const user of ['md5_user', 'clear_user', 'postgres.abc123']) {
    test(`a wrong password by ${METHODS[user]} is refused with the server's own error`, async () => {
      const error = await failure(whoAmI(server.config({ user, password: 'wrong' })));
      assert.ok(error instanceof pg.DatabaseError);
      assert.equal(error.code, '28P01');
      assert.equal(error.severity, 'FATAL');
      assert.equal(error.message, `password authentication failed for user "${user}"`);
      assert.equal(error.file, 'auth.c');
    });
  }

  test('a role that is not there is refused in the same way as a wrong password', async () => {
    const error = await failure(whoAmI(server.config({ user: 'nobody.here', password: 'wrong' })));
    assert.equal(error.code, '28P01');
    assert.equal(error.message, 'password authentication failed for user "nobody.here"');
  });

  test('a SCRAM password goes through SASLprep, as the server does with its own copy', async () => {
    // A no-break space, a soft hyphen and a compatibility ligature: each is changed by one rule of SASLprep.
    const password = 'a\u00a0b\u00adc\ufb01';
    const user = `prepared_${ours ? 'ours' : 'pg'}`;
    await server.asSuperuser((client) =>
      client.query(`CREATE ROLE ${user} LOGIN PASSWORD ${client.escapeLiteral(password)}`),
    );
    assert.equal(await whoAmI(server.config({ user, password })), user);
    assert.equal(await whoAmI(server.config({ user, password: 'a bcfi' })), user);
  });

  test('the password may come from a function, called at each connection', async () => {
    let calls = 0;
    const password = () => {
      calls += 1;
      return ROLE_PASSWORD;
    };
    assert.equal(await whoAmI(server.config({ user: 'postgres.abc123', password })), 'postgres.abc123');
    assert.equal(
      await whoAmI(server.config({ user: 'md5_user', password: async () => password() })),
      'md5_user',
    );
    assert.equal(calls, 2);
  });

  test('a password function that fails makes the connection fail with its error', async () => {
    const reason = new Error('the vault is closed');
    const password = async () => {
      throw reason;
    };
    const error = await failure(whoAmI(server.config({ user: 'postgres.abc123', password })));
    assert.equal(error, reason);
  });

  test('a password function that gives no string is a TypeError', async () => {
    const error = await failure(whoAmI(server.config({ user: 'postgres.abc123', password: () => 42 })));
    assert.ok(error instanceof TypeError);
    assert.equal(error.message, 'Password must be a string');
  });

  test('SCRAM without a password says what is missing', async () => {
    const passfile = process.env.PGPASSFILE;
    process.env.PGPASSFILE = path.join(server.socketDirectory, 'no-such-pgpass');
    try {
      const error = await failure(whoAmI(server.config({ user: 'postgres.abc123', password: undefined })));
      assert.equal(error.message, 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string');
      const empty = await failure(whoAmI(server.config({ user: 'postgres.abc123', password: () => '' })));
      assert.equal(
        empty.message,
        'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string',
      );
    } finally {
      if (passfile === undefined) delete process.env.PGPASSFILE;
      else process.env.PGPASSFILE = passfile;
    }
  });

  test('a SCRAM password never crosses the wire', async () => {
    const seen = [];
    const proxy = await tappedProxy(server, { onClientBytes: (bytes) => void seen.push(Buffer.from(bytes)) });
    try {
      await whoAmI(server.config({ port: proxy.port, user: 'postgres.abc123', password: ROLE_PASSWORD }));
    } finally {
      await proxy.close();
    }
    assert.ok(seen.length >= 3);
    assert.ok(!Buffer.concat(seen).includes(ROLE_PASSWORD));
  });

  test('a server that proposes more SCRAM iterations than allowed is refused', async () => {
    const user = `slow_${ours ? 'ours' : 'pg'}`;
    await server.asSuperuser(async (client) => {
      const { rows } = await client.query(
        `SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres.abc123'`,
      );
      const verifier = rows[0].rolpassword.replace(/\$\d+:/, '$200000:');
      await client.query(`CREATE ROLE ${user} LOGIN PASSWORD '${verifier}'`);
    });
    const error = await failure(whoAmI(server.config({ user, password: ROLE_PASSWORD })));
    assert.equal(
      error.message,
      'SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration count 200000 exceeds scramMaxIterations of 100000',
    );
    // Allowed, it goes on to the server, whose verdict on this made-up verifier is a plain refusal.
    const allowed = await failure(
      whoAmI(server.config({ user, password: ROLE_PASSWORD, scramMaxIterations: 0 })),
    );
    assert.equal(allowed.code, '28P01');
  });

  test('keys that are kept from a connection let in neither another password nor an old one', async () => {
    const user = `changing_${ours ? 'ours' : 'pg'}`;
    const refusal = async (password) => (await failure(whoAmI(server.config({ user, password })))).code;
    const change = (action, password) =>
      server.asSuperuser((client) => client.query(`${action} ROLE ${user} LOGIN PASSWORD '${password}'`));
    await change('CREATE', 'first');
    for (let time = 0; time < 2; time += 1) {
      assert.equal(await whoAmI(server.config({ user, password: 'first' })), user);
      assert.equal(await refusal('second'), '28P01');
    }
    await change('ALTER', 'second');
    for (let time = 0; time < 2; time += 1) {
      assert.equal(await whoAmI(server.config({ user, password: 'second' })), user);
      assert.equal(await refusal('first'), '28P01');
    }
  });

  test('a certificate authenticates the role that it names', async () => {
    const ssl = {
      ca: fs.readFileSync(server.caPath, 'utf8'),
      cert: fs.readFileSync(server.certificatePath('client.pem'), 'utf8'),
      key: fs.readFileSync(server.certificatePath('client.key'), 'utf8'),
    };
    assert.equal(await whoAmI(server.config({ user: 'cert_user', password: undefined, ssl })), 'cert_user');

    const encrypted = {
      ...ssl,
      key: fs.readFileSync(server.certificatePath('client-encrypted.key'), 'utf8'),
    };
    const user = 'cert_user';
    assert.equal(await whoAmI(server.config({ user, ssl: { ...encrypted, passphrase: 'secret' } })), user);

    const none = await failure(whoAmI(server.config({ user, ssl: { ca: ssl.ca } })));
    assert.equal(none.code, '28000');
  });

  test('channel binding gets in over TLS', async () => {
    const config = server.config({
      enableChannelBinding: true,
      ssl: { ca: fs.readFileSync(server.caPath, 'utf8') },
    });
    assert.equal(await whoAmI(config), server.user);
  });

  async function throughInterceptor(overrides) {
    const interceptor = await tlsProxy(server, {
      certificate: fs.readFileSync(server.certificatePath('elsewhere.pem'), 'utf8'),
      key: fs.readFileSync(server.certificatePath('elsewhere.key'), 'utf8'),
    });
    try {
      return await whoAmI(
        server.config({ port: interceptor.port, ssl: { rejectUnauthorized: false }, ...overrides }),
      );
    } finally {
      await interceptor.close();
    }
  }

  test('channel binding detects a man in the middle of the TLS session', async () => {
    const error = await failure(throughInterceptor({ enableChannelBinding: true }));
    assert.ok(error instanceof pg.DatabaseError);
    assert.equal(error.code, '28000');
  });

  test('without channel binding a man in the middle goes unnoticed when no certificate is checked', async () => {
    assert.equal(await throughInterceptor({ enableChannelBinding: false }), server.user);
  });

  if (!ours) return;

  test('channel binding is used without being asked for, when the server offers it', async () => {
    const error = await failure(throughInterceptor({ enableChannelBinding: undefined }));
    assert.ok(error instanceof pg.DatabaseError);
    assert.equal(error.code, '28000');
  });
});
