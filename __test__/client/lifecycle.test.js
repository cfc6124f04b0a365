'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

const called = (start) => new Promise((resolve) => start((...values) => resolve(values)));

describe('the life of a client', () => {
  forBoth(({ pg, ours }) => {
    let config;
    before(async () => {
      config = (await postgres()).config();
    });

    const REUSED = 'Client has already been connected. You cannot reuse a client.';
    const CLOSED = 'Client was closed and is not queryable';

    test('connect resolves to the client and emits connect', async () => {
      const client = new pg.Client(config);
      const connected = once(client, 'connect');
      assert.equal(await client.connect(), client);
      await connected;
      await client.end();
    });

    test(`connect that is overtaken by end ${ours ? 'rejects' : 'never settles'}, and end resolves`, async () => {
      const client = new pg.Client(config);
      const told = [];
      const connected = client.connect().then(
        () => told.push('connected'),
        (error) => told.push(error.message),
      );
      await client.end();
      if (ours) await connected;
      assert.deepEqual(told, ours ? ['Connection terminated'] : []);
    });

    if (ours) {
      test('connect that is overtaken by end calls back before the end is told', async () => {
        const client = new pg.Client(config);
        const told = [];
        client.connect((error) => told.push(error.message));
        client.once('end', () => told.push('end'));
        await called((callback) => client.end(callback));
        await new Promise(setImmediate);
        assert.deepEqual(told, ['Connection terminated', 'end']);
      });
    }

    test('connect calls back with null and the client, and returns nothing', async () => {
      const client = new pg.Client(config);
      let returned = 'nothing yet';
      let receiver;
      const values = await called((callback) => {
        returned = client.connect(function (...outcome) {
          receiver = this;
          callback(...outcome);
        });
      });
      assert.equal(returned, undefined);
      assert.equal(receiver, client);
      assert.equal(values[0], null);
      assert.equal(values[1], client);
      await client.end();
    });

    test('connect calls back with the error', async () => {
      const client = new pg.Client({ ...config, database: 'no_such_database' });
      const [error] = await called((callback) => client.connect(callback));
      assert.ok(error instanceof pg.DatabaseError);
      assert.equal(error.code, '3D000');
      assert.equal(error.message, 'database "no_such_database" does not exist');
    });

    test('connect a second time is refused and leaves the client usable', async () => {
      const client = new pg.Client(config);
      await client.connect();
      await assert.rejects(client.connect(), { name: 'Error', message: REUSED });
      const [error] = await called((callback) => client.connect(callback));
      assert.equal(error.message, REUSED);
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      await client.end();
    });

    // node-postgres forgets the first caller here, whose promise never settles
    if (ours) {
      test('connect while connecting is refused and leaves the first call alone', async () => {
        const client = new pg.Client(config);
        const first = client.connect();
        await assert.rejects(client.connect(), { message: REUSED });
        await first;
        await client.end();
      });
    }

    test('connect after end is refused', async () => {
      const client = new pg.Client(config);
      await client.connect();
      await client.end();
      await assert.rejects(client.connect(), { message: REUSED });
    });

    test('a client that could not connect cannot be connected later', async () => {
      const client = new pg.Client({ ...config, database: 'no_such_database' });
      client.on('error', () => {});
      await assert.rejects(client.connect(), { code: '3D000' });
      await assert.rejects(client.connect(), { message: REUSED });
      await client.end();
    });

    test('a query after end is refused through the promise and through the callback', async () => {
      const client = new pg.Client(config);
      await client.connect();
      await client.end();
      await assert.rejects(client.query('SELECT 1'), { name: 'Error', message: CLOSED });
      const values = await called((callback) => client.query('SELECT 1', callback));
      assert.equal(values.length, 1);
      assert.equal(values[0].message, CLOSED);
    });

    test('a query after end of a client that was never connected is refused', async () => {
      const client = new pg.Client(config);
      await client.end();
      await assert.rejects(client.query('SELECT 1'), { message: CLOSED });
    });

    test('end before connect, twice, and by callback does nothing and succeeds', async () => {
      const client = new pg.Client(config);
      assert.equal(await client.end(), undefined);
      assert.equal(await client.end(), undefined);
      await called((callback) => client.end(callback));
    });

    test('end emits end, resolves to undefined and may be called again', async () => {
      const client = new pg.Client(config);
      await client.connect();
      const ended = once(client, 'end');
      assert.equal(await client.end(), undefined);
      await ended;
      assert.equal(await client.end(), undefined);
      await called((callback) => client.end(callback));
    });

    test('end calls back and returns nothing', async () => {
      const client = new pg.Client(config);
      await client.connect();
      let returned = 'nothing yet';
      const values = await called((callback) => {
        returned = client.end(callback);
      });
      assert.equal(returned, undefined);
      assert.deepEqual(values.filter(Boolean), []);
    });

    test('end twice at once resolves both', async () => {
      const client = new pg.Client(config);
      await client.connect();
      await Promise.all([client.end(), client.end()]);
    });

    test('end closes the connection on the server', async () => {
      const server = await postgres();
      const client = new pg.Client(config);
      await client.connect();
      const { processID } = client;
      await client.end();
      await server.asSuperuser(async (observer) => {
        const present = 'SELECT count(*)::int4 AS count FROM pg_stat_activity WHERE pid = $1';
        let count = 1;
        while (count > 0) ({ rows: [{ count }] } = await observer.query(present, [processID])); // prettier-ignore
        assert.equal(count, 0);
      });
    });

    test('end in the middle of a query rejects it, and those behind it', async () => {
      const client = new pg.Client(config);
      client.on('error', () => {});
      await client.connect();
      const running = client.query('SELECT pg_sleep(600)');
      const waiting = client.query('SELECT 1');
      const outcomes = Promise.allSettled([running, waiting]);
      await client.end();
      for (const outcome of await outcomes) {
        assert.equal(outcome.status, 'rejected');
        assert.equal(outcome.reason.message, 'Connection terminated');
      }
    });

    test('end in the middle of a query is told before the queries that it broke off', async () => {
      const client = new pg.Client(config);
      await client.connect();
      const told = [];
      for (const name of ['running', 'waiting']) {
        client.query('SELECT pg_sleep(600)', ({ message }) => told.push(`${name}: ${message}`));
      }
      const ended = new Promise((resolve) => client.once('end', resolve));
      client.end(() => told.push('ended'));
      await ended;
      assert.deepEqual(told, ['ended', 'running: Connection terminated', 'waiting: Connection terminated']);
    });

    test('a client is known by its process on the server', async () => {
      const client = new pg.Client(config);
      assert.equal(client.processID, null);
      assert.equal(client.secretKey, null);
      await client.connect();
      assert.deepEqual((await client.query('SELECT pg_backend_pid() AS pid')).rows, [
        { pid: client.processID },
      ]);
      assert.equal(typeof client.secretKey, 'number');
      await client.end();
    });

    test('getTransactionStatus tells what the server said last', async () => {
      const client = new pg.Client(config);
      assert.equal(client.getTransactionStatus(), null);
      await client.connect();
      assert.equal(client.getTransactionStatus(), 'I');
      await client.query('BEGIN');
      assert.equal(client.getTransactionStatus(), 'T');
      await client.query('SELECT 1');
      assert.equal(client.getTransactionStatus(), 'T');
      await assert.rejects(client.query('SELECT 1 / 0'), { code: '22012' });
      // an error comes before the server's new state, which the end of the next query is sure to follow
      await assert.rejects(client.query('SELECT 1'), { code: '25P02' });
      assert.equal(client.getTransactionStatus(), 'E');
      await client.query('ROLLBACK');
      assert.equal(client.getTransactionStatus(), 'I');
      await client.query('SELECT $1::int4', [1]);
      assert.equal(client.getTransactionStatus(), 'I');
      await client.end();
    });

    test('a client can be subclassed', async () => {
      class Shouting extends pg.Client {
        constructor(...values) {
          super(...values);
          this.texts = [];
        }
        query(text, ...rest) {
          this.texts.push(text);
          return super.query(text, ...rest);
        }
      }
      const client = new Shouting(config);
      assert.ok(client instanceof pg.Client);
      await client.connect();
      await client.query('SELECT 1');
      await client.end();
      assert.deepEqual(client.texts, ['SELECT 1']);
    });

    test('a custom Promise is what its methods return', async () => {
      class Vow extends Promise {}
      const client = new pg.Client({ ...config, Promise: Vow });
      const connect = client.connect();
      assert.ok(connect instanceof Vow);
      await connect;
      const query = client.query('SELECT 1');
      assert.ok(query instanceof Vow);
      await query;
      const end = client.end();
      assert.ok(end instanceof Vow);
      await end;
    });
  });
});
