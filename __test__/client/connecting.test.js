'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('connecting a client', () => {
  forBoth(({ pg }) => {
    let server;
    before(async () => {
      server = await postgres();
    });

    const connect = async (config) => {
      const client = new pg.Client(config);
      try {
        await client.connect();
      } catch (error) {
        // node-postgres leaves the socket of a client open whose password function failed
        client.on('error', () => {});
        client.end();
        throw error;
      }
      return client;
    };

    const answer = async (config) => {
      const client = await connect(config);
      const { rows } = await client.query('SELECT current_user AS name');
      await client.end();
      return rows[0].name;
    };

    test('by an object, a URL and a connectionString', async () => {
      assert.equal(await answer(server.config()), server.user);
      assert.equal(await answer(server.url()), server.user);
      assert.equal(await answer({ connectionString: server.url() }), server.user);
      assert.equal(await answer(server.config({ host: 'localhost' })), server.user);
    });

    test('by a URL whose login has commas, as they need no encoding', () => {
      for (const login of ['u:a,b', 'u:,ab', 'u:5,6', 'u,v:p', ',', 'u:a@b,c', 'u:a,b@c']) {
        const { user, password, host, port, database } = new pg.Client(`postgresql://${login}@h:1/d`);
        const colon = login.indexOf(':');
        assert.equal(user, colon === -1 ? login : login.slice(0, colon));
        if (colon !== -1) assert.equal(password, login.slice(colon + 1));
        assert.deepEqual([host, port, database], ['h', 1, 'd']);
      }
    });

    test('through a Unix socket', { skip: process.platform === 'win32' }, async () => {
      assert.equal(await answer(server.config({ host: server.socketDirectory })), server.user);
    });

    test('as each kind of role', async () => {
      for (const user of ['md5_user', 'clear_user', 'trust_user', 'postgres.abc123']) {
        assert.equal(await answer(server.config({ user, password: 'secret' })), user);
      }
    });

    test('with a password from a function, sync or async, that gets the parameters', async () => {
      const { password } = server;
      assert.equal(await answer(server.config({ password: () => password })), server.user);
      assert.equal(await answer(server.config({ password: async () => password })), server.user);
      let seen;
      const remember = (parameters) => {
        seen = parameters;
        return password;
      };
      await answer(server.config({ password: remember }));
      assert.equal(seen.user, server.user);
      assert.equal(seen.database, server.database);
    });

    test('with a password function that fails or gives no text', async () => {
      const failing = () => {
        throw new RangeError('no password today');
      };
      await assert.rejects(connect(server.config({ password: failing })), {
        name: 'RangeError',
        message: 'no password today',
      });
      await assert.rejects(connect(server.config({ password: async () => failing() })), {
        message: 'no password today',
      });
      await assert.rejects(connect(server.config({ password: () => 5 })), {
        name: 'TypeError',
        message: 'Password must be a string',
      });
    });

    test('with a wrong password, user or database', async () => {
      await assert.rejects(connect(server.config({ password: 'wrong' })), {
        code: '28P01',
        message: `password authentication failed for user "${server.user}"`,
      });
      await assert.rejects(connect(server.config({ user: 'nobody_at_all' })), { code: '28P01' });
      await assert.rejects(connect(server.config({ database: 'no_such_database' })), { code: '3D000' });
    });

    test('with a password that is no text, for SCRAM', async () => {
      for (const password of [5, '', null, undefined]) {
        await assert.rejects(connect(server.config({ password })), {
          message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string',
        });
      }
      await assert.rejects(connect(server.config({ password: () => '' })), {
        message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string',
      });
    });

    test('to a closed port', async () => {
      const probe = net.createServer().listen(0, '127.0.0.1');
      await once(probe, 'listening');
      const { port } = probe.address();
      probe.close();
      await once(probe, 'close');
      await assert.rejects(connect(server.config({ port })), {
        code: 'ECONNREFUSED',
        syscall: 'connect',
        address: '127.0.0.1',
        port,
        message: `connect ECONNREFUSED 127.0.0.1:${port}`,
      });
    });

    test('to a host that does not exist', async () => {
      await assert.rejects(connect(server.config({ host: 'no-such-host.invalid' })), (error) => {
        assert.match(error.code, /^(ENOTFOUND|EAI_AGAIN)$/);
        assert.equal(error.syscall, 'getaddrinfo');
        assert.equal(error.hostname, 'no-such-host.invalid');
        return true;
      });
    });

    test('to a socket that does not exist', { skip: process.platform === 'win32' }, async () => {
      await assert.rejects(connect(server.config({ host: '/no/such/directory' })), { code: 'ENOENT' });
    });

    test('to a server that says nothing, with connectionTimeoutMillis', async (context) => {
      const sockets = [];
      const silent = net.createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      context.after(() => {
        for (const socket of sockets) socket.destroy();
        silent.close();
      });
      const { port } = silent.address();
      await assert.rejects(connect(server.config({ port, connectionTimeoutMillis: 100 })), {
        message: 'timeout expired',
      });
    });

    test('to a server that closes the door', async (context) => {
      const closing = net.createServer((socket) => socket.end()).listen(0, '127.0.0.1');
      await once(closing, 'listening');
      context.after(() => closing.close());
      const { port } = closing.address();
      await assert.rejects(connect(server.config({ port })), {
        message: 'Connection terminated unexpectedly',
      });
    });

    test('with TLS', async () => {
      const client = await connect(
        server.config({
          host: 'localhost',
          ssl: { ca: require('node:fs').readFileSync(server.caPath, 'utf8') },
        }),
      );
      const { rows } = await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
      await client.end();
      assert.deepEqual(rows, [{ ssl: true }]);
      const lax = await connect(server.config({ ssl: { rejectUnauthorized: false } }));
      await lax.end();
    });

    test('with TLS and a certificate that is not trusted', async () => {
      await assert.rejects(connect(server.config({ ssl: true })), (error) => {
        assert.match(
          error.code,
          /^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)$/,
        );
        return true;
      });
    });

    test('with settings for the session', async () => {
      const client = await connect(
        server.config({
          application_name: 'é app',
          options: '-c geqo=off -c work_mem=5MB',
          statement_timeout: 4321,
        }),
      );
      const { rows } = await client.query(
        "SELECT current_setting('application_name') AS name, current_setting('geqo') AS geqo, current_setting('work_mem') AS memory, current_setting('statement_timeout') AS timeout",
      );
      await client.end();
      assert.deepEqual(rows[0].geqo, 'off');
      assert.deepEqual(rows[0].memory, '5MB');
      assert.deepEqual(rows[0].timeout, '4321ms');
    });

    test('with a fallback_application_name, which is used when there is no other', async () => {
      const nameOf = async (config) => {
        const client = await connect(server.config(config));
        const { rows } = await client.query('SHOW application_name');
        await client.end();
        return rows[0].application_name;
      };
      assert.equal(await nameOf({ fallback_application_name: 'fallback' }), 'fallback');
      assert.equal(
        await nameOf({ fallback_application_name: 'fallback', application_name: 'first' }),
        'first',
      );
      assert.equal(await nameOf({}), '');
    });

    test('with replication, as a walsender that answers its own commands', async () => {
      const client = await connect(server.config({ replication: 'database' }));
      const result = await client.query('IDENTIFY_SYSTEM');
      await client.end();
      assert.deepEqual(
        result.fields.map(({ name }) => name),
        ['systemid', 'timeline', 'xlogpos', 'dbname'],
      );
    });
  });
});
