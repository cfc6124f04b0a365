'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');
const { before, after, describe, test } = require('node:test');
const pgfleet = require('../..');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const { eventually, failure } = require('../support/failure');
const { tappedProxy } = require('../support/proxy');

describe('several hosts', () => {
  let writable;
  let readOnly;
  let superuser;
  before(async () => {
    const start = (settings) =>
      startEmbedded({
        tls: false,
        settings,
        roles: [{ name: 'app', password: 'secret', method: 'scram-sha-256' }],
      });
    [writable, readOnly] = await Promise.all([start({}), start({ default_transaction_read_only: 'on' })]);
    superuser = { user: 'app', password: 'secret', database: 'postgres' };
  });
  after(() => Promise.all([writable, readOnly].filter(Boolean).map((server) => server.stop())));

  const hosts = (...servers) => ({
    ...superuser,
    host: servers.map(({ host }) => host).join(','),
    port: servers.map(({ port }) => port).join(','),
  });
  const url = (parameters, ...servers) =>
    `postgres://app:secret@${servers.map(({ host, port }) => `${host}:${port}`).join(',')}/postgres?${parameters}`;

  /** The port of the server that a client gets to. */
  async function reached(config) {
    const client = new pgfleet.Client(config);
    await client.connect();
    try {
      return (await client.query('SELECT inet_server_port() AS port')).rows[0].port;
    } finally {
      await client.end();
    }
  }

  async function closedPort() {
    const listener = net.createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address();
    listener.close();
    await once(listener, 'close');
    return { host: '127.0.0.1', port };
  }

  test('the first that answers is taken', async () => {
    assert.equal(await reached(hosts(writable, readOnly)), writable.port);
    assert.equal(await reached(hosts(readOnly, writable)), readOnly.port);
    assert.equal(await reached(hosts(await closedPort(), readOnly, writable)), readOnly.port);
  });

  test('target_session_attrs chooses by what the server is', async () => {
    const wanted = [
      ['any', readOnly],
      ['read-write', writable],
      ['read-only', readOnly],
      ['primary', readOnly],
      ['prefer-standby', readOnly],
    ];
    for (const [target_session_attrs, server] of wanted) {
      const port = await reached({ ...hosts(readOnly, writable), target_session_attrs });
      assert.equal(port, server.port, target_session_attrs);
    }
    assert.equal(
      await reached({ ...hosts(writable, readOnly), target_session_attrs: 'read-only' }),
      readOnly.port,
    );
  });

  test('a connection string can list hosts and say which will do', async () => {
    assert.equal(await reached(url('target_session_attrs=read-write', readOnly, writable)), writable.port);
    assert.equal(await reached({ connectionString: url('', readOnly, writable) }), readOnly.port);
  });

  test('the environment can list hosts and say which will do', async () => {
    const { run } = require('../support/program');
    const source = `
      const { Client } = require('./index.js');
      const client = new Client();
      (async () => {
        await client.connect();
        console.log((await client.query('SELECT inet_server_port() AS port')).rows[0].port);
        await client.end();
      })();`;
    const env = {
      PGHOST: `${readOnly.host},${writable.host}`,
      PGPORT: `${readOnly.port},${writable.port}`,
      PGUSER: 'app',
      PGPASSWORD: 'secret',
      PGDATABASE: 'postgres',
      PGTARGETSESSIONATTRS: 'read-write',
    };
    const outcome = await run({ source }, { env });
    assert.equal(outcome.stderr, '');
    assert.equal(outcome.stdout, `${writable.port}\n`);
  });

  test('an error when none will do says which server was what', async () => {
    const client = new pgfleet.Client({ ...hosts(readOnly), target_session_attrs: 'read-write' });
    const error = await failure(client.connect());
    assert.match(error.message, /read-only/);
    assert.match(error.message, /target_session_attrs/);
    assert.doesNotMatch(error.message, /secret/);
    const standby = new pgfleet.Client({ ...hosts(readOnly, writable), target_session_attrs: 'standby' });
    assert.match((await failure(standby.connect())).message, /target_session_attrs/);
    const unknown = new pgfleet.Client({ ...hosts(writable), target_session_attrs: 'fastest' });
    assert.ok((await failure(unknown.connect())) instanceof TypeError);
  });

  test('a wrong password is tried at one host only', async () => {
    const proxies = [await tappedProxy(writable), await tappedProxy(readOnly)];
    const client = new pgfleet.Client({ ...hosts(...proxies), password: 'wrong' });
    assert.equal((await failure(client.connect())).code, '28P01');
    assert.deepEqual(
      proxies.map(({ accepted }) => accepted),
      [1, 0],
    );
    for (const proxy of proxies) await proxy.close();
  });

  test('a pool whose server goes away goes on with the other', async () => {
    const proxy = await tappedProxy(writable);
    const pool = new pgfleet.Pool({ ...hosts(proxy, readOnly), max: 2 });
    const port = async () => (await pool.query('SELECT inet_server_port() AS port')).rows[0].port;
    assert.equal(await port(), writable.port);
    await proxy.close();
    const next = await eventually(() => port().catch(() => undefined), 'an answer');
    assert.equal(next, readOnly.port);
    await pool.end();
  });

  test('a query is cancelled at the server that it runs on', async () => {
    const pool = new pgfleet.Pool({
      ...hosts(readOnly, writable),
      target_session_attrs: 'read-write',
      max: 1,
    });
    const controller = new AbortController();
    const query = failure(pool.query({ text: 'SELECT pg_sleep(600)', signal: controller.signal }));
    setTimeout(() => controller.abort(), 100);
    assert.equal(await query, controller.signal.reason);
    const { rows } = await pool.query('SELECT inet_server_port() AS port');
    assert.equal(rows[0].port, writable.port);
    await pool.end();
  });
});
