'use strict';

const { test, before } = require('node:test');
const assert = require('node:assert/strict');
const util = require('node:util');
const { forBoth } = require('../support/both.js');
const { failure } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { postgres } = require('../support/server.js');

// Unmistakable, so that finding it anywhere is finding the secret.
const PASSWORD = 'Tr0ub4dor-and-3';
const KEY = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0LWtleS1ieXRlcw==\n-----END PRIVATE KEY-----\n';

/** All the ways in which a program writes a value into a log. */
function printed(value) {
  return [
    util.inspect(value, { depth: 12 }),
    util.inspect(value, { depth: 12, getters: true }),
    String(value),
    util.format('%s %O', value, value),
    safeJson(value),
    value instanceof Error ? value.stack : '',
  ].join('\n');
}

function safeJson(value) {
  const seen = new WeakSet();
  return JSON.stringify(value, (key, part) => {
    if (typeof part === 'bigint') return String(part);
    if (typeof part !== 'object' || part === null) return part;
    if (seen.has(part)) return '[again]';
    seen.add(part);
    return part;
  });
}

function assertSilent(value, what) {
  const text = printed(value);
  assert.ok(!text.includes(PASSWORD), `${what} shows the password`);
  assert.ok(!text.includes('c2VjcmV0LWtleS1ieXRlcw'), `${what} shows the key`);
}

forBoth(({ pg, ours }) => {
  let server;
  let role;
  before(async () => {
    server = await postgres();
    role = `secretive_${ours ? 'ours' : 'pg'}`;
    await server.asSuperuser((client) => client.query(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`));
  });

  const config = (overrides) => server.config({ user: role, password: PASSWORD, ...overrides });

  test('a client shows no password, before it is connected, while, and after', async () => {
    const client = new pg.Client(config());
    assertSilent(client, 'a new client');
    await client.connect();
    await client.query('SELECT 1');
    assertSilent(client, 'a connected client');
    await client.end();
    assertSilent(client, 'an ended client');
    assert.equal(client.password, PASSWORD, 'programs may still read it by name');
  });

  test('a pool and its clients show no password', async () => {
    const pool = new pg.Pool(config());
    const client = await pool.connect();
    assertSilent(pool, 'a pool');
    assertSilent(pool.options, "a pool's options");
    assertSilent(client, 'a pooled client');
    client.release();
    await pool.end();
    assertSilent(pool, 'an ended pool');
  });

  test('a client shows no private key', () => {
    const client = new pg.Client(config({ ssl: { key: KEY, cert: 'x', rejectUnauthorized: false } }));
    assertSilent(client, 'a client with a key');
  });

  test('an error of the server shows no password', async () => {
    const client = new pg.Client(config());
    await client.connect();
    assertSilent(await failure(client.query('SELECT * FROM nowhere')), 'an error');
    await client.end();
    assertSilent(await failure(client.query('SELECT 1')), 'the error of an ended client');
  });

  test('the errors of a failed connection show no password', async () => {
    const refused = new pg.Pool(config({ port: 1 }));
    assertSilent(await failure(refused.connect()), 'a refused connection');
    await refused.end();

    const wrong = new pg.Pool(config({ user: 'postgres' }));
    assertSilent(await failure(wrong.connect()), 'a wrong password');
    await wrong.end();

    const fake = await fakeServer(async (connection) => {
      await connection.startup();
      connection.send(messages.authenticationCleartext());
      await connection.readUntil('p');
      connection.drop();
    });
    const dropped = new pg.Pool(fake.config({ password: PASSWORD }));
    assertSilent(await failure(dropped.connect()), 'a connection that broke after the password');
    await dropped.end();
    await fake.close();
  });

  if (!ours) return;

  test('not even hidden properties show the password', async () => {
    const pool = new pg.Pool(config());
    const client = await pool.connect();
    const shown = util.inspect([pool, client, new pg.Client(config())], { depth: 12, showHidden: true });
    client.release();
    await pool.end();
    assert.ok(!shown.includes(PASSWORD));
  });

  test('a pool made from a connection string shows no password', async () => {
    const url = `postgresql://${role}:${PASSWORD}@${server.host}:${server.port}/postgres`;
    const pool = new pg.Pool({ connectionString: url });
    const client = await pool.connect();
    assertSilent(pool, 'a pool');
    assertSilent(client, 'its client');
    client.release();
    await pool.end();
    assertSilent(new pg.Client(url), 'a client');
  });

  test('a connection string that is none is an error that does not repeat its password', () => {
    for (const url of [`postgresql://u:${PASSWORD}@host:notaport/db`, `postgresql://u:${PASSWORD}@[::1/db`]) {
      assert.throws(
        () => new pg.Client({ connectionString: url }),
        (error) => {
          assertSilent(error, 'the error');
          return true;
        },
      );
    }
  });

  test('a manager and its entries show no password', async () => {
    const manager = new pg.DatabaseManager();
    await manager.addConnection('main', {
      dbHost: server.host,
      dbPort: server.port,
      dbUser: role,
      dbPassword: PASSWORD,
      ssl: false,
    });
    assertSilent(manager, 'the manager');
    assertSilent(manager.connections, 'its connections');
    assertSilent([...manager.connections.entries()], 'its entries');
    assertSilent(manager.currentPool, 'its pool');
    assert.equal(
      manager.connections.get('main').config.dbPassword,
      PASSWORD,
      'programs may still read it by name',
    );

    const failures = [
      manager.addConnection('refused', {
        dbHost: server.host,
        dbPort: 1,
        dbUser: role,
        dbPassword: PASSWORD,
      }),
      manager.addConnection('wrong', {
        dbHost: server.host,
        dbPort: server.port,
        dbUser: 'postgres',
        dbPassword: PASSWORD,
        ssl: false,
      }),
      manager.addConnection('bad', { dbPassword: PASSWORD, dbPort: PASSWORD }),
      manager.addConnection('bad', { connectionString: `postgresql://u:${PASSWORD}@host:x/db` }),
      manager.executeDDL('SELECT * FROM nowhere'),
      manager.switchConnection('nowhere'),
    ];
    for (const error of await Promise.all(failures.map((each) => failure(each)))) {
      assertSilent(error, `"${error.message.slice(0, 40)}"`);
    }
    await manager.close();
    assertSilent(manager, 'a closed manager');
  });
});
