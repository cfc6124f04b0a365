'use strict';

const { test, before, describe } = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const pg = require('../..');
const { failure, settled } = require('../support/failure.js');
const { postgres } = require('../support/server.js');

// Numbers at and beyond the edges are taken for what they mean, or refused by the name of their option. node-postgres
// passes them on to its timers, which fire at once for what they can't count to.

const EDGES = [Infinity, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, '1e9', 10n ** 9n];
const NOT_SET = [undefined, null, NaN, 0, -0, '', false];
const NO_NUMBERS = [-1, -Infinity, 'soon', '5s', true, {}, [5], () => 5];

const POOL_OPTIONS = [
  'max',
  'min',
  'maxUses',
  'maxLifetimeSeconds',
  'maxWaiting',
  'idleTimeoutMillis',
  'connectionTimeoutMillis',
  'pipelineDepth',
];
const OWN_OPTIONS = ['leakTimeoutMillis'];
const CLIENT_OPTIONS = [
  'query_timeout',
  'cancelTimeoutMillis',
  'keepAliveInitialDelayMillis',
  'scramMaxIterations',
  'connectionTimeoutMillis',
];

const shown = (value) => (typeof value === 'bigint' ? `${value}n` : String(value) || "''");

const POOLS = {
  'a pool': () => ({}),
  'a pool that is listened to': () => ({ log: () => undefined }),
  'a pool with a stream': () => ({ stream: () => new net.Socket() }),
};

describe('numbers of options', () => {
  let server;
  const warnings = [];
  before(async () => {
    server = await postgres();
    process.on('warning', (warning) => warnings.push(warning.name));
  });

  /** Asks twice, with a pause in which a timer that fires at once would have closed the connection. */
  async function assertWorks(options) {
    const pool = new pg.Pool(server.config({ keepAlive: true, ...options }));
    try {
      const ask = async () =>
        (await settled(pool.query('SELECT pg_backend_pid() AS pid'), 'a query')).rows[0].pid;
      const pid = await ask();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(await ask(), pid);
      const client = await settled(pool.connect(), 'connecting');
      client.release();
    } finally {
      await settled(pool.end(), 'the end');
    }
  }

  for (const [kind, base] of Object.entries(POOLS)) {
    for (const option of [...POOL_OPTIONS, ...OWN_OPTIONS, ...CLIENT_OPTIONS]) {
      test(`${option} of ${kind} may be any number that isn't negative`, async () => {
        await Promise.all([...EDGES, ...NOT_SET].map((value) => assertWorks({ ...base(), [option]: value })));
        assert.deepEqual(
          warnings.filter((name) => name === 'TimeoutOverflowWarning'),
          [],
        );
      });
    }

    for (const option of [
      ...POOL_OPTIONS,
      ...CLIENT_OPTIONS.filter((name) => name !== 'scramMaxIterations'),
    ]) {
      test(`${option} of ${kind} is refused by its name when it is no such number`, async () => {
        for (const value of NO_NUMBERS) {
          const pool = new pg.Pool(server.config({ ...base(), [option]: value }));
          for (const asked of [pool.query('SELECT 1'), pool.connect()]) {
            const error = await failure(settled(asked, 'asking'));
            assert.ok(error instanceof TypeError, `${option}: ${shown(value)} gave ${error}`);
            assert.match(
              error.message,
              new RegExp(`^"${option}" must be a number that isn't negative, got `),
            );
          }
          await settled(pool.end(), 'the end');
        }
      });
    }
  }

  test('leakTimeoutMillis is refused by its name where the pool is made', () => {
    for (const leakTimeoutMillis of NO_NUMBERS) {
      assert.throws(() => new pg.Pool({ leakTimeoutMillis }), {
        name: 'TypeError',
        message: /^"leakTimeoutMillis" must be a number/,
      });
    }
  });

  test('scramMaxIterations below zero is refused by its name', async () => {
    for (const scramMaxIterations of [-1, -Infinity, '-1']) {
      const client = new pg.Client(server.config({ scramMaxIterations }));
      const error = await failure(client.connect());
      assert.match(error.message, /^"scramMaxIterations" must be a number that isn't negative/);
    }
  });

  test('a fraction counts as what is reached first', async () => {
    const pool = new pg.Pool(server.config({ max: 1.5, maxUses: 1.5, maxWaiting: 0.5 }));
    const pids = new Set();
    for (let i = 0; i < 4; i++) pids.add((await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid);
    assert.equal(pids.size, 2, 'each connection is used twice');
    const clients = await Promise.all([pool.connect(), pool.connect()]);
    const waiting = pool.connect();
    assert.equal((await failure(pool.connect())).code, 'EMAXWAITING');
    for (const client of clients) client.release();
    (await waiting).release();
    await pool.end();
  });

  describe('that the server keeps', () => {
    for (const option of ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']) {
      test(`${option} is told in whole milliseconds, and none is no limit`, async () => {
        const cases = [
          [1500.5, '1501ms'],
          [0.5, '1ms'],
          [1e-7, '1ms'],
          ['250ms', '250ms'],
          [2 ** 31 - 1, '2147483647ms'],
          [Infinity, '0'],
          [7n, '7ms'],
        ];
        for (const [value, told] of cases) {
          const client = new pg.Client(server.config({ [option]: value }));
          await client.connect();
          assert.equal((await client.query(`SHOW ${option}`)).rows[0][option], told, shown(value));
          await client.end();
        }
      });

      test(`${option} is refused by its name beyond what the server can take`, async () => {
        for (const value of [-1, 2 ** 31, 1e21, 1e300, 'soon', true, {}]) {
          const error = await failure(new pg.Client(server.config({ [option]: value })).connect());
          assert.ok(error instanceof TypeError);
          assert.match(
            error.message,
            new RegExp(`^"${option}" must be a number of milliseconds from 0 to 2147483647, got `),
          );
        }
      });
    }
  });

  describe('of a query', () => {
    async function withClient(work) {
      const client = new pg.Client(server.config());
      await client.connect();
      try {
        await work(client);
      } finally {
        await client.end();
      }
    }

    test('query_timeout may be any number, and is refused by its name otherwise', () =>
      withClient(async (client) => {
        const text = 'SELECT 1 AS a FROM pg_sleep(0.02)';
        for (const query_timeout of [...EDGES, ...NOT_SET]) {
          assert.equal((await client.query({ text, query_timeout })).rowCount, 1);
        }
        for (const query_timeout of NO_NUMBERS) {
          const error = await failure(client.query({ text, query_timeout }));
          assert.match(error.message, /^"query_timeout" must be a number that isn't negative, got /);
        }
      }));

    test('rows may be any number, and is refused by its name below zero', () =>
      withClient(async (client) => {
        const text = 'SELECT n FROM generate_series(1, 5) n';
        for (const rows of [...EDGES, 2, 2.5, 0, NaN, '3']) {
          assert.equal((await client.query({ text, rows })).rows.length, 5, shown(rows));
        }
        for (const rows of [-1, -Infinity, '-2']) {
          const error = await failure(settled(client.query({ text, rows }), 'the query'));
          assert.match(error.message, /^"rows" must be a number that isn't negative, got /);
        }
      }));

    test('pages of a cursor may have any number of rows, and are refused below zero', () =>
      withClient(async (client) => {
        for (const rows of [...EDGES, 3.5]) {
          const cursor = client.query(new pg.Cursor('SELECT n FROM generate_series(1, 5) n'));
          const error = await failure(cursor.read(-1));
          assert.match(error.message, /^"rows" must be a number that isn't negative, got -1/);
          assert.equal((await cursor.read(rows)).length, rows === 3.5 ? 3 : 5, shown(rows));
          await cursor.close();
        }
      }));
  });
});
