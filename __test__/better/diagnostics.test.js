'use strict';

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { tracingChannel } = require('node:diagnostics_channel');
const { before, describe, test } = require('node:test');
const Cursor = require('pg-cursor');
const pgfleet = require('../..');
const { failure } = require('../support/failure');
const { postgres } = require('../support/server');

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

/** Runs `work` with a subscriber to a channel, and gives what it was told. */
async function traced(name, work, events = EVENTS) {
  const told = [];
  const subscribers = {};
  for (const event of events) subscribers[event] = (context) => told.push({ event, context });
  const channel = tracingChannel(name);
  channel.subscribe(subscribers);
  try {
    await work();
  } finally {
    channel.unsubscribe(subscribers);
  }
  return told;
}

const namesOf = (told) => told.map(({ event }) => event);
const WHOLE = ['start', 'end', 'asyncStart', 'asyncEnd'];
const FAILED = ['start', 'end', 'error', 'asyncStart', 'asyncEnd'];

describe('diagnostics channels', () => {
  let server;
  before(async () => {
    server = await postgres();
  });

  async function withClient(work) {
    const client = new pgfleet.Client(server.config());
    await client.connect();
    try {
      await work(client);
    } finally {
      await client.end();
    }
  }
  async function withPool(options, work) {
    const pool = new pgfleet.Pool(server.config(options));
    try {
      await work(pool);
    } finally {
      await pool.end();
    }
  }

  test('pgfleet:query tells of a query of a client, without its values', async () => {
    await withClient(async (client) => {
      const config = { text: 'SELECT $1::text AS secret', name: 'asked', values: ['hush'] };
      const told = await traced('pgfleet:query', () => client.query(config));
      assert.deepEqual(namesOf(told), WHOLE);
      const [{ context }] = told;
      assert.ok(told.every((each) => each.context === context));
      const { host, port, database, user } = server;
      const { processID } = client;
      const { text, name } = config;
      assert.deepEqual(context, { text, name, host, port, database, user, processID, rowCount: 1 });
      assert.doesNotMatch(JSON.stringify(context), /hush/);
      assert.equal(JSON.stringify(context).includes(server.password), false);
    });
  });

  test('pgfleet:query tells of failures', async () => {
    await withClient(async (client) => {
      let error;
      const told = await traced('pgfleet:query', async () => {
        error = await failure(client.query('SELECT nothing'));
      });
      assert.deepEqual(namesOf(told), FAILED);
      assert.equal(told[0].context.error, error);
    });
  });

  test('pgfleet:query tells of callbacks, Query objects, cursors and aborted queries', async () => {
    await withClient(async (client) => {
      const viaCallback = () => new Promise((resolve) => client.query('SELECT 1', resolve));
      const viaObject = () =>
        new Promise((resolve) => client.query(new pgfleet.Query('SELECT 1')).on('end', resolve));
      const viaCursor = async () => {
        const cursor = client.query(new Cursor('SELECT 1'));
        await cursor.read(10);
        await cursor.close();
        await client.query('');
      };
      const aborted = () =>
        failure(client.query({ text: 'SELECT pg_sleep(600)', signal: AbortSignal.timeout(50) }));
      assert.deepEqual(namesOf(await traced('pgfleet:query', viaCallback)), WHOLE);
      assert.deepEqual(namesOf(await traced('pgfleet:query', viaObject)), WHOLE);
      assert.deepEqual(namesOf(await traced('pgfleet:query', aborted)), FAILED);
      const told = await traced('pgfleet:query', viaCursor);
      const ofCursor = told.filter(({ context }) => context.text === 'SELECT 1');
      assert.deepEqual(namesOf(ofCursor), WHOLE);
    });
  });

  test('pgfleet:query tells of queries of a pool, once each', async () => {
    await withPool({}, async (pool) => {
      const told = await traced('pgfleet:query', async () => {
        await pool.query('SELECT $1::int4', [1]);
        await failure(pool.query('SELECT nothing'));
      });
      assert.deepEqual(namesOf(told), [...WHOLE, ...FAILED]);
      assert.equal(told[0].context.text, 'SELECT $1::int4');
      assert.equal(told[0].context.database, server.database);
    });
    await withPool({ log: () => undefined }, async (pool) => {
      assert.deepEqual(namesOf(await traced('pgfleet:query', () => pool.query('SELECT 1'))), WHOLE);
    });
  });

  test('a subscriber to a single event is told of it', async () => {
    await withClient(async (client) => {
      for (const event of ['start', 'asyncEnd']) {
        assert.deepEqual(namesOf(await traced('pgfleet:query', () => client.query('SELECT 1'), [event])), [
          event,
        ]);
      }
    });
  });

  test('a store that is bound to the start is there when the query is made', async () => {
    const storage = new AsyncLocalStorage();
    const { start } = tracingChannel('pgfleet:query');
    start.bindStore(storage, ({ text }) => text);
    try {
      await withClient(async (client) => {
        const seen = await new Promise((resolve) =>
          client.query('SELECT 1 AS mark', () => resolve(storage.getStore())),
        );
        assert.equal(seen, 'SELECT 1 AS mark');
      });
    } finally {
      start.unbindStore(storage);
    }
  });

  test('pgfleet:connect tells of a client that connects, and of one that can’t', async () => {
    const told = await traced('pgfleet:connect', () => withClient(async () => undefined));
    assert.deepEqual(namesOf(told), WHOLE);
    const { host, port, database, user } = server;
    const { processID, ...rest } = told[0].context;
    assert.deepEqual(rest, { host, port, database, user });
    assert.ok(processID > 0);
    const client = new pgfleet.Client(server.config({ database: 'no_such_database' }));
    const failed = await traced('pgfleet:connect', () => failure(client.connect()));
    assert.deepEqual(namesOf(failed), FAILED);
    assert.equal(failed[0].context.error.code, '3D000');
    await client.end();
  });

  for (const [what, more] of Object.entries({ 'by itself': {}, 'for its hooks': { log: () => undefined } })) {
    test(`pgfleet:connect tells of the connections that a pool opens ${what}, once each`, async () => {
      await withPool({ max: 1, ...more }, async (pool) => {
        const ask = () => pool.query('SELECT pg_backend_pid() AS pid');
        let answers;
        const told = await traced('pgfleet:connect', async () => {
          answers = await Promise.all([ask(), ask()]);
          (await pool.connect()).release();
        });
        assert.deepEqual(namesOf(told), WHOLE);
        const { host, port, database, user } = server;
        const processID = answers[0].rows[0].pid;
        assert.deepEqual(told[0].context, { host, port, database, user, processID });
      });
      await withPool({ database: 'no_such_database', ...more }, async (pool) => {
        const told = await traced('pgfleet:connect', () => failure(pool.query('SELECT 1')));
        assert.deepEqual(namesOf(told), FAILED);
        assert.equal(told[0].context.error.code, '3D000');
      });
    });
  }

  test('pgfleet:pool:acquire tells how long a client was waited for, by queries too', async () => {
    await withPool({ max: 1 }, async (pool) => {
      const told = await traced('pgfleet:pool:acquire', async () => {
        const first = await pool.connect();
        const second = pool.query('SELECT 1');
        first.release();
        await second;
      });
      assert.deepEqual(namesOf(told).sort(), [...WHOLE, ...WHOLE].sort());
      const contexts = told.filter(({ event }) => event === 'start').map(({ context }) => context);
      assert.deepEqual(
        contexts.map(({ isNew }) => isNew),
        [true, false],
      );
      assert.ok(contexts[0].processID > 0);
      assert.equal(contexts[1].processID, contexts[0].processID);
    });
  });

  test('pgfleet:pool:acquire tells of waits that fail', async () => {
    await withPool({ max: 1, maxWaiting: 1 }, async (pool) => {
      const held = await pool.connect();
      const waiting = pool.connect();
      const told = await traced('pgfleet:pool:acquire', () => failure(pool.connect()));
      assert.deepEqual(namesOf(told), FAILED);
      assert.equal(told[0].context.error.code, 'EMAXWAITING');
      held.release();
      (await waiting).release();
    });
    const pool = new pgfleet.Pool(server.config());
    await pool.end();
    const ended = await traced('pgfleet:pool:acquire', () => failure(pool.connect()));
    assert.equal(ended.filter(({ event }) => event === 'error').length, 1);
  });
});
