'use strict';

const assert = require('node:assert/strict');
const { randomBytes } = require('node:crypto');
const net = require('node:net');
const { once } = require('node:events');
const { before, beforeEach, afterEach, describe, test } = require('node:test');
const pgfleet = require('../..');
const { eventually, failure, settled } = require('../support/failure');
const { tappedProxy } = require('../support/proxy');
const { heldLock } = require('../support/held-lock');
const { postgres } = require('../support/server');
const { endless, running, untilRunning, untilStopped } = require('./observer');

const unique = () => `marker_${randomBytes(6).toString('hex')}`;
const pidOf = async (client) => (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;

describe('a signal on a query of a client', () => {
  let server;
  let client;
  before(async () => {
    server = await postgres();
  });
  beforeEach(async () => {
    client = new pgfleet.Client(server.config());
    await client.connect();
  });
  afterEach(() => client.end());

  test('rejects with the AbortError and stops the work on the server', async () => {
    const marker = unique();
    const controller = new AbortController();
    const query = failure(client.query({ text: endless(marker), signal: controller.signal }));
    await untilRunning(server, marker);
    controller.abort();
    const error = await settled(query, 'the query');
    assert.equal(error.name, 'AbortError');
    assert.equal(error, controller.signal.reason);
    await untilStopped(server, marker);
  });

  test('rejects with the reason that was given, whose stack stays as it was', async () => {
    const controller = new AbortController();
    const reason = new Error('the user went away');
    const { stack } = reason;
    const query = failure(client.query({ text: endless('x'), signal: controller.signal }));
    controller.abort(reason);
    assert.equal(await settled(query, 'the query'), reason);
    assert.equal(reason.stack, stack);
  });

  test('reaches a callback', async () => {
    const controller = new AbortController();
    const answer = new Promise((resolve) =>
      client.query({ text: endless('x'), signal: controller.signal }, (...all) => resolve(all)),
    );
    controller.abort();
    const [error, result] = await settled(answer, 'the query');
    assert.equal(error, controller.signal.reason);
    assert.equal(result, undefined);
  });

  test('works for queries with values and for named ones, which can be used again', async () => {
    for (const name of [undefined, 'sleeper']) {
      const controller = new AbortController();
      const marker = unique();
      const text = `SELECT pg_sleep($1), '${marker}' AS marker`;
      const query = failure(client.query({ text, name, values: [600], signal: controller.signal }));
      await untilRunning(server, marker);
      controller.abort();
      assert.equal((await settled(query, 'the query')).name, 'AbortError');
      const { rows } = await client.query({ text, name, values: [0] });
      assert.equal(rows[0].marker, marker);
    }
  });

  test('that has aborted before keeps the query from being sent', async () => {
    const table = unique();
    await client.query(`CREATE TEMP TABLE ${table} (n int4)`);
    const signal = AbortSignal.abort();
    const error = await failure(client.query({ text: `INSERT INTO ${table} VALUES (1)`, signal }));
    assert.equal(error, signal.reason);
    assert.deepEqual((await client.query(`SELECT n FROM ${table}`)).rows, []);
  });

  test('takes a query that waits behind another out of the queue, and leaves the other alone', async () => {
    const table = unique();
    await client.query(`CREATE TEMP TABLE ${table} (n int4)`);
    const controller = new AbortController();
    const lock = await heldLock(server.config());
    const first = client.query(`SELECT 1 AS n FROM (${lock.text}) AS held`);
    const second = failure(
      client.query({ text: `INSERT INTO ${table} VALUES (1)`, signal: controller.signal }),
    );
    const third = client.query('SELECT 3 AS n');
    controller.abort();
    assert.equal(await second, controller.signal.reason);
    await lock.release();
    assert.equal((await first).rows[0].n, 1);
    assert.equal((await third).rows[0].n, 3);
    assert.deepEqual((await client.query(`SELECT n FROM ${table}`)).rows, []);
  });

  test('never stops the next query, however late it aborts', async () => {
    const pid = await pidOf(client);
    for (let round = 0; round < 60; round += 1) {
      const controller = new AbortController();
      const first = client.query({ text: 'SELECT 1 AS n', signal: controller.signal }).then(
        ({ rows }) => rows[0].n,
        (error) => error.name,
      );
      const next = client.query('SELECT pg_sleep(0.002), 2 AS n');
      const abort = () => controller.abort();
      if (round % 3 === 0) abort();
      else if (round % 3 === 1) setImmediate(abort);
      else first.then(abort);
      assert.ok([1, 'AbortError'].includes(await first));
      assert.equal((await next).rows[0].n, 2);
    }
    assert.equal(await pidOf(client), pid);
  });

  test('that aborts after the query has ended does nothing', async () => {
    const controller = new AbortController();
    const { rows } = await client.query({ text: 'SELECT 1 AS n', signal: controller.signal });
    assert.deepEqual(rows, [{ n: 1 }]);
    controller.abort();
    assert.deepEqual((await client.query('SELECT pg_sleep(0.05), 2 AS n')).rows[0].n, 2);
  });

  test('leaves a transaction failed, as any cancelled statement does', async () => {
    await client.query('BEGIN');
    const marker = unique();
    const controller = new AbortController();
    const query = failure(client.query({ text: endless(marker), signal: controller.signal }));
    await untilRunning(server, marker);
    controller.abort();
    await query;
    await client.query('ROLLBACK');
    assert.equal(client.getTransactionStatus(), 'I');
  });

  test('of several queries stops all of them', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const queries = Array.from({ length: 30 }, () => failure(client.query({ text: endless('x'), signal })));
    controller.abort();
    for (const error of await settled(Promise.all(queries), 'the queries'))
      assert.equal(error, signal.reason);
    assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
  });

  test('that is none is refused', async () => {
    for (const signal of [true, {}, 'abort']) {
      const error = await failure(client.query({ text: 'SELECT 1', signal }));
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /AbortSignal/);
    }
    assert.deepEqual((await client.query({ text: 'SELECT 1 AS n', signal: null })).rows, [{ n: 1 }]);
  });

  test('doesn’t stop what is on the wire behind the query in pipeline mode', async () => {
    const pipelined = new pgfleet.Client(server.config({ pipeline: true }));
    await pipelined.connect();
    const controller = new AbortController();
    const first = failure(pipelined.query({ text: 'SELECT pg_sleep(0.2)', signal: controller.signal }));
    const second = pipelined.query('SELECT pg_sleep(0.1), 2 AS n');
    controller.abort();
    assert.equal((await first).name, 'AbortError');
    assert.equal((await second).rows[0].n, 2);
    const marker = unique();
    const alone = new AbortController();
    const last = failure(pipelined.query({ text: endless(marker), signal: alone.signal }));
    await untilRunning(server, marker);
    alone.abort();
    assert.equal((await last).name, 'AbortError');
    await untilStopped(server, marker);
    assert.equal((await pipelined.query('SELECT 3 AS n')).rows[0].n, 3);
    await pipelined.end();
  });
});

test('query_timeout stops the work on the server, and the client goes on', async () => {
  const server = await postgres();
  const client = new pgfleet.Client(server.config());
  await client.connect();
  const marker = unique();
  const error = await failure(client.query({ text: endless(marker), query_timeout: 50 }));
  assert.equal(error.message, 'Query read timeout');
  assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
  assert.equal(await running(server, marker), 0);
  await client.end();
});

test('a connection whose cancelled query doesn’t answer is closed', async () => {
  const server = await postgres();
  // Lets the session through, and swallows cancel requests, which come over connections of their own.
  const proxy = await tappedProxy(server, {
    onClientBytes: (bytes, link) => (link.number === 0 ? undefined : null),
  });
  const client = new pgfleet.Client(
    server.config({ host: proxy.host, port: proxy.port, cancelTimeoutMillis: 200 }),
  );
  const lost = new Promise((resolve) => client.once('error', resolve));
  await client.connect();
  const controller = new AbortController();
  const marker = unique();
  const query = failure(client.query({ text: endless(marker), signal: controller.signal }));
  const behind = failure(client.query('SELECT 1'));
  await untilRunning(server, marker);
  controller.abort();
  assert.equal((await query).name, 'AbortError');
  assert.match((await settled(behind, 'the query behind')).message, /Connection terminated/);
  assert.match((await settled(lost, 'the loss')).message, /Connection terminated/);
  assert.match((await failure(client.query('SELECT 1'))).message, /not queryable/);
  await client.end();
  await proxy.close();
});

describe('a signal on connect', () => {
  test('gives up a server that doesn’t answer, and closes the socket', async (context) => {
    const silent = net.createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    context.after(() => silent.close());
    const accepted = once(silent, 'connection');
    const { address: host, port } = silent.address();
    const client = new pgfleet.Client({ host, port, user: 'nobody' });
    const controller = new AbortController();
    const connecting = failure(client.connect({ signal: controller.signal }));
    const queued = failure(client.query('SELECT 1'));
    await accepted;
    controller.abort();
    assert.equal(await settled(connecting, 'connect'), controller.signal.reason);
    assert.match((await settled(queued, 'the query')).message, /Connection terminated/);
    const [socket] = await accepted;
    socket.resume();
    await settled(once(socket, 'close'), 'the socket');
    await client.end();
  });

  test('that has aborted before opens nothing, and the client can connect later', async () => {
    const server = await postgres();
    const client = new pgfleet.Client(server.config());
    const signal = AbortSignal.abort();
    assert.equal(await failure(client.connect({ signal })), signal.reason);
    assert.equal(await client.connect(), client);
    await client.end();
  });

  test('does nothing once the client is connected', async () => {
    const server = await postgres();
    const client = new pgfleet.Client(server.config());
    const controller = new AbortController();
    await client.connect({ signal: controller.signal });
    controller.abort();
    assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    await client.end();
  });

  test('of a call that is refused leaves the connection alone', async () => {
    const server = await postgres();
    const client = new pgfleet.Client(server.config());
    const controller = new AbortController();
    const first = client.connect();
    const second = failure(client.connect({ signal: controller.signal }));
    controller.abort();
    assert.match((await second).message, /already been connected/);
    assert.equal(await first, client);
    await client.end();
  });

  test('leaves no session behind', async () => {
    const server = await postgres();
    const name = unique();
    for (let round = 0; round < 20; round += 1) {
      const client = new pgfleet.Client(server.config({ application_name: name }));
      const controller = new AbortController();
      const connecting = client.connect({ signal: controller.signal }).catch((error) => {
        assert.equal(error.name, 'AbortError');
      });
      setTimeout(() => controller.abort(), round % 10);
      await connecting;
      await client.end();
    }
    const left = () =>
      server.asSuperuser(async (observer) => {
        const { rows } = await observer.query(
          'SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = $1',
          [name],
        );
        return rows[0].count === 0;
      });
    await eventually(left, 'the end of every session');
  });
});
