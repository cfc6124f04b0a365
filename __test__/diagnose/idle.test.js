'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const pg = require('pg');
const { eventually, failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');
const { tappedProxy } = require('../support/proxy.js');

ofOurManager('what a diagnosis says of idle connections that were lost', (bench) => {
  /** A manager with a pool through a proxy, which has `count` idle connections. */
  async function idle(count, overrides = {}) {
    const proxy = await tappedProxy(bench.server);
    const manager = await bench.manager({ dbPort: proxy.port, max: 5, ...overrides });
    const { pool } = manager.connections.get('main');
    pool.on('error', () => undefined);
    const clients = await Promise.all(Array.from({ length: count }, () => pool.connect()));
    clients.forEach((client) => client.release());
    return { proxy, manager, pool };
  }

  const diagnose = async (manager) => (await manager.diagnose())[0];

  const session = ({ checks }) => checks.find(({ name }) => name === 'session').state;

  test('idle connections that are reset are told, and the connection works', async () => {
    const { proxy, manager, pool } = await idle(3);
    for (const link of [...proxy.links]) link.client.resetAndDestroy();
    await eventually(() => pool.totalCount === 0, 'the loss of all');
    const diagnosis = await diagnose(manager);
    assert.deepEqual([diagnosis.ok, diagnosis.cause, session(diagnosis)], [true, 'idle-cut', 'warning']);
    assert.match(diagnosis.evidence.join('\n'), /3 idle connections .* after \d+ m?s, \d+ m?s, \d+ m?s/);
    assert.equal(diagnosis.authAttempts, 1);
    await proxy.close();
  });

  test('so are those that are closed without a word', async () => {
    const { proxy, manager, pool } = await idle(1);
    for (const link of [...proxy.links]) link.client.end();
    await eventually(() => pool.totalCount === 0, 'the loss');
    assert.equal((await diagnose(manager)).cause, 'idle-cut');
    await proxy.close();
  });

  test('those that the server ends for a reason are not', async () => {
    const name = bench.unique('app');
    const { proxy, manager, pool } = await idle(2, { application_name: name });
    await bench.look('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
      name,
    ]);
    await eventually(() => pool.totalCount === 0, 'the loss of both');
    assert.equal((await diagnose(manager)).cause, 'ok');
    await proxy.close();
  });

  test('those that the pool closes are not', async () => {
    const { proxy, manager, pool } = await idle(2, { idleTimeoutMillis: 50 });
    await eventually(() => pool.totalCount === 0, 'the end of both');
    assert.equal((await diagnose(manager)).cause, 'ok');
    await proxy.close();
  });

  test('one that is lost while a query runs is not', async () => {
    const { proxy, manager, pool } = await idle(1);
    const running = failure(pool.query('SELECT pg_sleep(60)'));
    await eventually(() => pool.idleCount === 0, 'the query');
    for (const link of [...proxy.links]) link.client.resetAndDestroy();
    await running;
    assert.equal((await diagnose(manager)).cause, 'ok');
    await proxy.close();
  });

  for (const [how, use] of [
    ['a query', (pool) => pool.query('SELECT 1')],
    [
      'a client',
      async (pool) => {
        const client = await pool.connect();
        client.on('error', () => undefined);
        try {
          await client.query('SELECT 1');
        } finally {
          client.release(true);
        }
      },
    ],
  ]) {
    test(`one that turns out to be gone when ${how} uses it after a rest is`, async () => {
      let isForgotten = false;
      const proxy = await tappedProxy(bench.server, {
        onClientBytes: (bytes, link) => {
          if (isForgotten) link.client.resetAndDestroy();
          return isForgotten ? null : undefined;
        },
      });
      const manager = await bench.manager({ dbPort: proxy.port });
      const { pool } = manager.connections.get('main');
      pool.on('error', () => undefined);
      await new Promise((resolve) => setTimeout(resolve, 1200));
      isForgotten = true;
      await failure(use(pool));
      isForgotten = false;
      assert.equal((await diagnose(manager)).cause, 'idle-cut');
      await proxy.close();
    });
  }

  test('all users of a shared pool know of what it has lost', async () => {
    const { proxy, manager, pool } = await idle(1, { shared: true });
    const other = await bench.manager({ dbPort: proxy.port, max: 5, shared: true });
    other.connections.get('main').pool.on('error', () => undefined);
    for (const link of [...proxy.links]) link.client.resetAndDestroy();
    await eventually(() => pool.totalCount === 0, 'the loss');
    for (const one of [manager, other]) assert.equal((await diagnose(one)).cause, 'idle-cut');
    await proxy.close();
  });

  test('a pool whose clients are made in JavaScript remembers them as well, twenty at most', async () => {
    class Own extends bench.DatabaseManager.Client {}
    const { proxy, manager, pool } = await idle(1, { Client: Own });
    for (let round = 0; round < 22; round++) {
      await pool.query('SELECT 1');
      for (const link of [...proxy.links]) link.client.resetAndDestroy();
      await eventually(() => pool.totalCount === 0, 'the loss');
    }
    assert.equal(pool._lostIdle().length, 20);
    assert.equal((await diagnose(manager)).cause, 'idle-cut');
    await proxy.close();
  });

  test('a pool of another package has no such record', async () => {
    const manager = await bench.manager();
    const entry = manager.connections.get('main');
    const { pool: own } = entry;
    entry.pool = new pg.Pool(bench.config({ host: bench.server.host }));
    assert.equal((await diagnose(manager)).cause, 'own-way');
    await entry.pool.end();
    entry.pool = own;
  });
});
