'use strict';

// One short query after the other: then this thread reads the answers by itself, and has to leave that to the runtime
// again in time, whatever comes next.

const { test, before, beforeEach, afterEach, describe } = require('node:test');
const assert = require('node:assert/strict');
const { once } = require('node:events');
const { setTimeout: pause } = require('node:timers/promises');
const { eventually, settled } = require('../support/failure.js');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');

if (process.env.PGFLEET_CONTENDER !== 'pg' && process.platform !== 'win32') {
  const { Client, Pool } = require('../../index.js');
  const { native } = require('../../lib/native/binding.js');

  const LONE = 40;

  /** Makes one query after the other, until this thread reads. */
  async function settleIn(target) {
    for (let n = 0; n < LONE; n++) {
      const { rows } = await target.query('SELECT $1::int AS n', [n]);
      assert.deepEqual(rows, [{ n }]);
    }
    assert.equal(native.watchedConnections(), 1, 'this thread reads');
  }

  describe('after one short query followed the other', () => {
    let server;
    before(async () => {
      server = await postgres();
    });

    test('a pool ends, whenever that is asked for, again and again', async () => {
      for (let round = 0; round < 60; round++) {
        const pool = new Pool(server.config({ ssl: false }));
        for (let n = 0; n < 15; n++) await pool.query('SELECT $1::int AS n', [n]);
        await pool.query('SELECT nothing').catch(() => {});
        await settled(pool.end(), `the end of pool ${round}`);
      }
      assert.equal(native.watchedConnections(), 0);
    });

    for (const [name, options] of Object.entries({
      'in the clear': { ssl: false },
      'under TLS': { ssl: { rejectUnauthorized: false } },
    })) {
      describe(name, () => {
        let client;
        beforeEach(async () => {
          client = new Client(server.config(options));
          await client.connect();
          await settleIn(client);
        });
        afterEach(() => client.end());

        test('a result of many rows is whole, and read by the runtime', async () => {
          const { rows } = await client.query(
            `SELECT i, repeat('x', 50) AS t FROM generate_series(1, 50000) AS i`,
          );
          assert.equal(rows.length, 50000);
          assert.deepEqual(rows.at(-1), { i: 50000, t: 'x'.repeat(50) });
          assert.equal(native.watchedConnections(), 0);
          await settleIn(client);
        });

        test('results of every size from nothing to several reads are whole', async () => {
          for (let size = 1; size < 120_000; size = Math.ceil(size * 1.7)) {
            const { rows } = await client.query(`SELECT repeat('y', $1::int) AS t`, [size]);
            assert.equal(rows[0].t.length, size);
          }
        });

        test('a value that fills the socket is sent whole', async () => {
          const value = 'z'.repeat(8 * 1024 * 1024);
          const { rows } = await client.query('SELECT length($1::text) AS n', [value]);
          assert.equal(rows[0].n, value.length);
          await settleIn(client);
        });

        test('queries that fail reject, and the next one answers', async () => {
          await assert.rejects(client.query('SELECT 1/0'), { code: '22012' });
          await settleIn(client);
        });

        test('notifications and notices arrive while nothing is asked', async () => {
          await client.query('LISTEN lone');
          await settleIn(client);
          const heard = once(client, 'notification');
          await server.asSuperuser((other) => other.query(`NOTIFY lone, 'hello'`));
          assert.equal((await heard)[0].payload, 'hello');
        });

        test('many queries at once are answered in order', async () => {
          const answers = await Promise.all(
            Array.from({ length: 200 }, (_, n) => client.query('SELECT $1::int AS n', [n])),
          );
          assert.deepEqual(
            answers.map(({ rows }) => rows[0].n),
            Array.from({ length: 200 }, (_, n) => n),
          );
          await settleIn(client);
        });

        test('a cursor, a stream and a COPY take the connection over', async () => {
          const { Cursor, copyStreams } = require('../../index.js');
          const cursor = client.query(new Cursor('SELECT generate_series(1, 1000) AS n'));
          assert.equal((await cursor.read(300)).length, 300);
          await cursor.close();
          await settleIn(client);
          let bytes = 0;
          const copy = client.query(
            copyStreams.to(`COPY (SELECT repeat('c', 999) FROM generate_series(1, 500)) TO STDOUT`),
          );
          for await (const chunk of copy) bytes += chunk.length;
          assert.equal(bytes, 500_000);
        });

        test('a terminated backend is told as an error, in a query and between queries', async () => {
          const lost = once(client, 'error');
          client.on('error', () => {});
          await server.asSuperuser((other) =>
            other.query('SELECT pg_terminate_backend($1)', [client.processID]),
          );
          assert.match((await lost)[0].message, /terminat/);
          await assert.rejects(client.query('SELECT 1'), /not queryable/);
          await eventually(() => native.watchedConnections() === 0, 'the end of the connection');
        });
      });
    }

    test('a pool closes the connection for its idle time, and makes another', async () => {
      const pool = new Pool(server.config({ ssl: false, idleTimeoutMillis: 50 }));
      await settleIn(pool);
      await eventually(() => pool.totalCount === 0, 'the end of the idle connection');
      assert.equal(native.watchedConnections(), 0);
      await settleIn(pool);
      await pool.end();
      assert.equal(native.watchedConnections(), 0);
    });

    test('a pool goes on when the backend of an idle connection is terminated', async () => {
      const pool = new Pool(server.config({ ssl: false }));
      pool.on('error', () => {});
      await settleIn(pool);
      const { rows } = await pool.query('SELECT pg_backend_pid() AS pid');
      await server.asSuperuser((other) => other.query('SELECT pg_terminate_backend($1)', [rows[0].pid]));
      await eventually(() => pool.totalCount === 0, 'the loss of the connection');
      await settleIn(pool);
      await pool.end();
    });

    test('one query, then many, then one again, are all answered', async () => {
      const pool = new Pool(server.config({ ssl: false, max: 4 }));
      for (const crowd of [1, 2, 3, 50, 1, 2, 200, 1]) {
        for (let round = 0; round < 15; round++) {
          const numbers = Array.from({ length: crowd }, (_, n) => n);
          const answers = await Promise.all(numbers.map((n) => pool.query('SELECT $1::int AS n', [n])));
          assert.deepEqual(
            answers.map(({ rows }) => rows[0].n),
            numbers,
          );
        }
      }
      await pool.end();
    });

    test('two clients by turns are answered, and both may be read by this thread', async () => {
      const clients = [new Client(server.config({ ssl: false })), new Client(server.config({ ssl: false }))];
      for (const client of clients) await client.connect();
      for (let n = 0; n < LONE; n++) {
        for (const client of clients)
          assert.deepEqual((await client.query(`SELECT ${n} AS n`)).rows, [{ n }]);
      }
      assert.equal(native.watchedConnections(), 2);
      for (const client of clients) await client.end();
      assert.equal(native.watchedConnections(), 0);
    });

    /** Makes one query after the other until this thread has just begun to read, so that it hasn't waited yet. */
    async function beginToRead(client) {
      for (let n = 0; native.watchedConnections() === 0; n++) {
        assert.ok(n < LONE, 'this thread reads');
        await client.query('SELECT 1');
      }
    }

    test('the event loop stays awake for an answer, not without a query, and not for long', async () => {
      const client = new Client(server.config({ ssl: false }));
      await client.connect();
      await beginToRead(client);
      assert.equal(native.isAwake(), false);
      const quick = client.query('SELECT 1');
      assert.equal(native.isAwake(), true);
      await quick;
      await eventually(() => !native.isAwake(), 'sleep after an answer');

      await client.query('SELECT 1, repeat($1, 40000)', ['leaves reading to the runtime']);
      assert.equal(native.watchedConnections(), 0);
      await beginToRead(client);
      let isAnswered = false;
      const slow = client.query('SELECT pg_sleep(60)').then(
        () => (isAnswered = true),
        () => (isAnswered = true),
      );
      assert.equal(native.isAwake(), true);
      await eventually(() => !native.isAwake(), 'sleep while a query is under way');
      assert.equal(isAnswered, false);
      await server.asSuperuser((other) => other.query('SELECT pg_terminate_backend($1)', [client.processID]));
      await slow;
      assert.equal(native.isAwake(), false);
    });

    for (const [what, connect] of Object.entries({
      'a client': async (config) => {
        const client = new Client(config);
        await client.connect();
        return client;
      },
      'a pool': async (config) => new Pool({ ...config, max: 1 }),
    })) {
      test(`busyWait: false lets the event loop sleep for the answers of ${what}`, async () => {
        const target = await connect({ ...server.config({ ssl: false }), busyWait: false });
        await beginToRead(target);
        for (let n = 0; n < LONE; n++) {
          const quick = target.query('SELECT 1');
          assert.equal(native.isAwake(), false);
          await quick;
        }
        assert.equal(native.watchedConnections(), 1);
        await target.end();
      });
    }

    test('busyWait is refused unless it is true or false', () => {
      const message = '"busyWait" must be true or false, got "no"';
      assert.throws(() => new Client({ busyWait: 'no' }), { name: 'TypeError', message });
      assert.throws(() => new Pool({ busyWait: 'no' }), { name: 'TypeError', message });
    });

    test('timers, immediates and other connections have their turns while the event loop stays awake', async () => {
      const [client, other] = [
        new Client(server.config({ ssl: false })),
        new Client(server.config({ ssl: false })),
      ];
      for (const one of [client, other]) await one.connect();
      for (let round = 0; round < 30; round++) {
        await beginToRead(client);
        const slow = client.query('SELECT pg_sleep(0.01)');
        await Promise.all([
          new Promise((resolve) => setTimeout(resolve, 1)),
          new Promise((resolve) => setImmediate(resolve)),
          other.query('SELECT 1'),
        ]);
        await slow;
      }
      for (const one of [client, other]) await one.end();
    });

    test('a query that is cancelled by its signal leaves a client that works', async () => {
      const client = new Client(server.config({ ssl: false }));
      await client.connect();
      await settleIn(client);
      const signal = AbortSignal.timeout(50);
      await assert.rejects(client.query({ text: 'SELECT pg_sleep(60)', signal }), { name: 'TimeoutError' });
      await settleIn(client);
      await client.end();
    });

    const programOf = (body) => ({
      source: `
        const { Client, Pool } = require('./index.js');
        const { native } = require('./lib/native/binding.js');
        const target = JSON.parse(process.env.PROGRAM_TARGET);
        async function settleIn(target) {
          for (let n = 0; n < ${LONE}; n++) await target.query('SELECT $1::int AS n', [n]);
          if (native.watchedConnections() === 0) console.log('the runtime still reads');
        }
        async function main() { ${body} }
        main();`,
    });
    const PROGRAMS = {
      'a pool that is left alone lets the process end': [
        `const pool = new Pool({ ...target, allowExitOnIdle: true }); await settleIn(pool); console.log('done');`,
        'done\n',
      ],
      "a client that is left open and unref'd lets the process end": [
        `const client = new Client(target); await client.connect(); client.unref(); await settleIn(client); console.log('done');`,
        'done\n',
      ],
      'process.exit ends the process in mid-query': [
        `const pool = new Pool(target); await settleIn(pool); pool.query('SELECT pg_sleep(60)'); setTimeout(() => process.exit(0), 20);`,
        '',
      ],
      'what a caller throws reaches uncaughtException, and the next query answers': [
        `process.once('uncaughtException', async (error) => {
           console.log(error.message, (await client.query('SELECT 2 AS n')).rows[0].n);
           await client.end();
         });
         const client = new Client(target); await client.connect(); await settleIn(client);
         client.query('SELECT 1', () => { throw new Error('thrown'); });`,
        'thrown 2\n',
      ],
      'worker threads end in every state': [
        `const { Worker } = require('node:worker_threads');
         for (let n = 0; n < 12; n++) {
           const worker = new Worker(\`
             const { Pool } = require('./index.js');
             const { parentPort } = require('node:worker_threads');
             const pool = new Pool(JSON.parse(process.env.PROGRAM_TARGET));
             (async () => {
               for (let n = 0; n < ${LONE}; n++) await pool.query('SELECT 1');
               parentPort.postMessage('settled');
               for (;;) await pool.query('SELECT 1');
             })();\`, { eval: true });
           await new Promise((resolve) => worker.once('message', resolve));
           await new Promise((resolve) => setTimeout(resolve, n));
           await worker.terminate();
         }
         console.log('ended');`,
        'ended\n',
      ],
    };
    for (const [name, [body, expected]] of Object.entries(PROGRAMS)) {
      test(name, async () => {
        const outcome = await run(programOf(body), {
          timeoutMillis: 60_000,
          env: { PROGRAM_TARGET: JSON.stringify(server.config({ ssl: false })) },
        });
        assert.deepEqual(
          [outcome.code, outcome.signal, outcome.stderr, outcome.stdout],
          [0, null, '', expected],
        );
      });
    }

    test('a thread that is busy elsewhere gets its answers afterwards', async () => {
      const client = new Client(server.config({ ssl: false }));
      await client.connect();
      await settleIn(client);
      const answer = client.query('SELECT 1 AS one');
      const until = Date.now() + 200;
      while (Date.now() < until);
      assert.deepEqual((await answer).rows, [{ one: 1 }]);
      await pause(20);
      await settleIn(client);
      await client.end();
    });
  });
}
