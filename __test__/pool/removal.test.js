'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { eventually } = require('../support/failure');
const { postgres } = require('../support/server');

// What went wrong here did so when several connections went at once, and not every time.
const ROUNDS = 10;

describe('clients that leave a pool', () => {
  forBoth(({ pg, label, ours }) => {
    let server;
    before(async () => {
      server = await postgres();
    });

    /** A pool with two clients that are out, and what it tells of them. */
    const twoOut = async (options) => {
      const pool = new pg.Pool(server.config(options));
      const errors = [];
      const removed = [];
      pool.on('error', (error) => errors.push(error.message));
      const clients = await Promise.all([pool.connect(), pool.connect()]);
      // A listener that comes when the clients are there already.
      pool.on('remove', (client) => removed.push(client));
      return { pool, clients, errors, removed };
    };

    const release = ({ clients }) => clients.forEach((client) => client.release());
    const ways = {
      'the end of the pool': {
        leave: (held) => {
          release(held);
          return held.pool.end();
        },
      },
      'the end of the pool while they are out': {
        leave: (held) => {
          const ended = held.pool.end();
          release(held);
          return ended;
        },
      },
      'the end of the pool while they are busy': {
        leave: (held) => {
          // node-postgres cuts them off.
          const answers = held.clients.map((client) => client.query('SELECT 1'));
          release(held);
          return Promise.all([held.pool.end(), Promise.allSettled(answers)]);
        },
      },
      'their idle time': { options: { idleTimeoutMillis: 10 }, leave: release },
      'their lifetime': { options: { maxLifetimeSeconds: 0.05 }, leave: release },
      'the number of their uses': { options: { maxUses: 1 }, leave: release },
      'a release with an error': {
        leave: ({ clients }) => clients.forEach((client) => client.release(true)),
      },
      'their own end, after which they are released': {
        leave: async (held) => {
          await Promise.all(held.clients.map((client) => client.end()));
          release(held);
        },
      },
    };
    for (const [reason, { options, leave }] of Object.entries(ways)) {
      test(`for ${reason} are removed, each once, and are no error of the pool`, async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const held = await twoOut(options);
          await leave(held);
          await eventually(() => held.removed.length >= 2, 'the removal of both');
          assert.deepEqual(new Set(held.removed), new Set(held.clients));
          assert.equal(held.removed.length, 2);
          if (!held.pool.ending) await held.pool.end();
          assert.deepEqual(held.errors, [], `round ${round}`);
        }
      });
    }

    test('are told to a listener that comes when the end has begun', async () => {
      const { pool, clients } = await twoOut();
      for (const client of clients) client.release();
      const ended = pool.end();
      const removed = [];
      pool.on('remove', (client) => removed.push(client));
      await ended;
      await eventually(() => removed.length === 2, 'the removal of both');
    });

    const usings = {
      'that were lent': (pool, count) => Promise.all(Array.from({ length: count }, () => pool.connect())),
      'that only queries of the pool have used': async (pool, count) => {
        await Promise.all(Array.from({ length: count }, () => pool.query('SELECT pg_sleep(0.1)')));
        return [];
      },
    };
    for (const [which, use] of Object.entries(usings)) {
      test(`ten idle ones ${which}, ended by the server at once, are ten errors in the server's own words`, async () => {
        const name = `ten ${label} ${which}`.slice(0, 60);
        const pool = new pg.Pool(server.config({ application_name: name, idleTimeoutMillis: 0 }));
        const told = [];
        const removed = [];
        pool.on('error', (error, client) => told.push({ error, client }));
        const clients = await use(pool, 10);
        for (const client of clients) client.release();
        assert.equal(pool.idleCount, 10);
        pool.on('remove', (client) => removed.push(client));
        const ids = await server.asSuperuser(async (other) => {
          const { rows } = await other.query(
            'SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
            [name],
          );
          return rows.map(({ pid }) => pid);
        });
        await eventually(() => told.length >= 10, 'ten errors');
        assert.deepEqual(
          told.map(({ error }) => error.code),
          Array(10).fill('57P01'),
        );
        for (const { error, client } of told) assert.equal(error.client, client);
        assert.deepEqual(new Set(told.map(({ client }) => client.processID)), new Set(ids));
        await eventually(() => removed.length >= 10, 'ten removals');
        assert.equal(pool.totalCount, 0);
        assert.deepEqual((await pool.query('SELECT 7 AS n')).rows, [{ n: 7 }]);
        await pool.end();
        assert.equal(told.length, 10);
      });
    }

    if (ours) {
      test('with the end of their manager are no error of its pools', async () => {
        const manager = new pg();
        const { host, port, user, password, database } = server.config();
        const where = { dbHost: host, dbPort: port, dbUser: user, dbPassword: password, dbName: database };
        await manager.addConnection('a', where);
        const { currentPool: pool } = manager;
        const errors = [];
        let removed = 0;
        pool.on('error', (error) => errors.push(error.message));
        const clients = await Promise.all([pool.connect(), pool.connect()]);
        pool.on('remove', () => (removed += 1));
        for (const client of clients) client.release();
        await manager.close();
        assert.deepEqual([errors, removed], [[], 2]);
      });

      test('with an error of their own behind their release are no error of the pool', async () => {
        for (const listen of [false, true]) {
          const pool = new pg.Pool(server.config());
          const errors = [];
          pool.on('error', (error) => errors.push(error.message));
          if (listen) pool.on('acquire', () => undefined);
          const client = await pool.connect();
          client.release();
          await pool.end();
          client.emit('error', new Error('late'));
          assert.deepEqual(errors, []);
        }
      });

      test('in a pool that is ending are no error of it when the server ends them first', async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const name = `ending ${round}`;
          const { pool, clients, errors, removed } = await twoOut({ application_name: name });
          const killed = server.asSuperuser((other) =>
            other.query(
              'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
              [name],
            ),
          );
          for (const client of clients) client.on('error', () => undefined);
          const ended = pool.end();
          for (const client of clients) client.release();
          await Promise.all([killed, ended]);
          await eventually(() => removed.length === 2, 'the removal of both');
          assert.deepEqual(errors, []);
        }
      });
    }
  });
});
