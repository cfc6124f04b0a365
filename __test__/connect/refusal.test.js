'use strict';

const { test, before } = require('node:test');
const assert = require('node:assert/strict');
const { forBoth } = require('../support/both.js');
const { deafPort } = require('../support/deaf-port.js');
const { failure, settled } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { postgres } = require('../support/server.js');
const { tappedProxy } = require('../support/proxy.js');

// What happens before the server falls silent has to happen within the time, on a busy machine too.
const SHORT_MILLIS = 600;
// A real server has to complete a log-in within it.
const LONG_MILLIS = 1000;

/** A port of the loopback address on which nothing listens. */
async function refusingPort() {
  const proxy = await tappedProxy({ host: '127.0.0.1', port: 1 });
  await proxy.close();
  return proxy.port;
}

forBoth(({ pg, ours }) => {
  let server;
  before(async () => {
    server = await postgres();
  });

  async function connectClient(config) {
    const client = new pg.Client(config);
    try {
      await client.connect();
    } finally {
      await client.end();
    }
  }

  test("an unknown database is 3D000 in the server's words", async () => {
    const error = await failure(connectClient(server.config({ database: 'not_here' })));
    assert.ok(error instanceof pg.DatabaseError);
    assert.equal(error.code, '3D000');
    assert.equal(error.severity, 'FATAL');
    assert.equal(error.message, 'database "not_here" does not exist');
    assert.equal(error.routine, 'InitPostgres');
  });

  test('a role that may not log in is 28000', async () => {
    const role = `no_login_${ours ? 'ours' : 'pg'}`;
    await server.asSuperuser((client) => client.query(`CREATE ROLE ${role} NOLOGIN PASSWORD 'secret'`));
    const error = await failure(connectClient(server.config({ user: role, password: 'secret' })));
    assert.equal(error.code, '28000');
    assert.equal(error.message, `role "${role}" is not permitted to log in`);
  });

  test("a parameter that the server refuses is the server's own error", async () => {
    const error = await failure(connectClient(server.config({ options: '-c statement_timeout=soon' })));
    assert.equal(error.code, '22023');
  });

  test('a port on which nothing listens is ECONNREFUSED with address and port', async () => {
    const port = await refusingPort();
    const error = await failure(connectClient(server.config({ port })));
    assert.equal(error.code, 'ECONNREFUSED');
    assert.equal(error.syscall, 'connect');
    assert.equal(error.address, '127.0.0.1');
    assert.equal(error.port, port);
    assert.equal(error.message, `connect ECONNREFUSED 127.0.0.1:${port}`);
    assert.equal(error.errno, -111);
  });

  test('a host name that is not there is ENOTFOUND with the name', async () => {
    const error = await failure(connectClient(server.config({ host: 'no-such-host.invalid' })));
    // EAI_AGAIN where the machine has no name server to ask.
    assert.match(error.code, /^(ENOTFOUND|EAI_AGAIN)$/);
    assert.equal(error.syscall, 'getaddrinfo');
    assert.equal(error.hostname, 'no-such-host.invalid');
    assert.equal(error.message, `getaddrinfo ${error.code} no-such-host.invalid`);
  });

  test('a pool gives the same errors as a client', async () => {
    const port = await refusingPort();
    const expectations = [
      [server.config({ port }), 'ECONNREFUSED'],
      [server.config({ password: 'wrong' }), '28P01'],
      [server.config({ database: 'not_here' }), '3D000'],
    ];
    for (const [config, code] of expectations) {
      const pool = new pg.Pool(config);
      assert.equal((await failure(pool.connect())).code, code);
      assert.equal((await failure(pool.query('SELECT 1'))).code, code);
      assert.equal(pool.totalCount, 0);
      await pool.end();
    }
  });

  test('the error of a refused connection has a stack that leads to the caller', async () => {
    const port = await refusingPort();
    const pool = new pg.Pool(server.config({ port }));
    async function theCallerOfConnect() {
      await pool.connect();
    }
    const error = await failure(theCallerOfConnect());
    assert.match(error.stack, /theCallerOfConnect/);
    await pool.end();
  });

  test('a server that is starting up or full is its own error', async () => {
    const fake = await fakeServer(async (connection) => {
      await connection.startup();
      connection.finish(
        messages.errorResponse({ S: 'FATAL', V: 'FATAL', C: '53300', M: 'sorry, too many clients already' }),
      );
    });
    try {
      const error = await failure(connectClient(fake.config()));
      assert.equal(error.code, '53300');
      assert.equal(error.message, 'sorry, too many clients already');
    } finally {
      await fake.close();
    }
  });

  const SILENCES = {
    'before the first byte': { phase: 'authenticate', script: () => {} },
    'after the request for TLS': { phase: 'tls', script: () => {}, ssl: { rejectUnauthorized: false } },
    'in the TLS handshake': {
      phase: 'tls',
      ssl: { rejectUnauthorized: false },
      script: (connection) => connection.send(Buffer.from('S')),
    },
    'after the demand for a password': {
      phase: 'authenticate',
      script: async (connection) => {
        await connection.startup();
        connection.send(messages.authenticationCleartext());
      },
    },
    'after the password was taken': {
      phase: 'authenticate',
      script: async (connection) => {
        await connection.startup();
        connection.send(messages.authenticationOk());
      },
    },
  };

  for (const [when, { phase, script, ssl }] of Object.entries(SILENCES)) {
    test(`connectionTimeoutMillis ends the wait for a server that falls silent ${when}`, async () => {
      const fake = await fakeServer(script);
      try {
        const config = fake.config({ ssl, connectionTimeoutMillis: SHORT_MILLIS });
        const error = await settled(failure(connectClient(config)), 'connecting');
        assert.equal(error.message, 'timeout expired');
        if (ours) {
          assert.equal(error.code, 'ETIMEDOUT');
          assert.equal(error.phase, phase);
        }
        await settled(fake.connections[0].gone(), 'the socket after the timeout');
      } finally {
        await fake.close();
      }
    });

    test(`a pool's connectionTimeoutMillis ends it ${when}, too`, async () => {
      const fake = await fakeServer(script);
      const pool = new pg.Pool(fake.config({ ssl, connectionTimeoutMillis: SHORT_MILLIS }));
      try {
        const error = await settled(failure(pool.connect()), 'connecting');
        assert.equal(error.message, 'Connection terminated due to connection timeout');
        if (ours) {
          assert.equal(error.code, 'ETIMEDOUT');
          assert.equal(error.phase, phase);
        }
        await settled(fake.connections[0].gone(), 'the socket after the timeout');
        assert.equal(pool.totalCount, 0);
      } finally {
        await pool.end();
        await fake.close();
      }
    });
  }

  test('connectionTimeoutMillis ends the wait for a route into nowhere', async () => {
    const port = await refusingPort();
    const deaf = await deafPort('127.0.0.1', port);
    try {
      const config = server.config({ port, connectionTimeoutMillis: SHORT_MILLIS });
      const error = await settled(failure(connectClient(config)), 'connecting');
      assert.equal(error.message, 'timeout expired');
      if (ours) {
        assert.equal(error.code, 'ETIMEDOUT');
        assert.equal(error.phase, 'connect');
      }
    } finally {
      await deaf.close();
    }
  });

  test('the wait for a free client of a full pool has its own message', async () => {
    const pool = new pg.Pool(server.config({ max: 1, connectionTimeoutMillis: 2000 }));
    const client = await pool.connect();
    try {
      const error = await settled(failure(pool.connect()), 'waiting');
      assert.equal(error.message, 'timeout exceeded when trying to connect');
      if (ours) {
        assert.equal(error.code, 'ETIMEDOUT');
        assert.equal(error.phase, 'wait');
      }
      assert.equal(pool.waitingCount, 0);
    } finally {
      client.release();
      await pool.end();
    }
  });

  test('connectionTimeoutMillis of 0 waits without an end', async () => {
    const fake = await fakeServer(async (connection) => {
      await connection.startup();
      // Longer than 0 ms, in which nothing may happen.
      setTimeout(() => connection.send(messages.greeting()), 100);
    });
    try {
      const client = new pg.Client(fake.config({ connectionTimeoutMillis: 0 }));
      await settled(client.connect(), 'connecting');
      await client.end();
    } finally {
      await fake.close();
    }
  });
});
