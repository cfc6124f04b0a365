'use strict';

const { test, before, describe } = require('node:test');
const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const { Worker } = require('node:worker_threads');
const { eventually } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { run } = require('../support/program.js');
const { postgres, ROLE_PASSWORD } = require('../support/server.js');

const program = (name) => path.join(__dirname, 'programs', `${name}.js`);

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  describe('worker threads', () => {
    let server;
    before(async () => {
      server = await postgres();
    });

    async function runProgram(name, args, applicationName) {
      const outcome = await run(program(name), {
        args,
        timeoutMillis: 120_000,
        env: { PROGRAM_TARGET: JSON.stringify(server.config({ application_name: applicationName })) },
      });
      assert.deepEqual([outcome.code, outcome.signal, outcome.stderr], [0, null, '']);
      // Nothing that a worker opened outlives the program; the server notices at its own pace.
      await eventually(
        () =>
          server.asSuperuser(async (client) => {
            const sql = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = $1`;
            return (await client.query(sql, [applicationName])).rowCount === 0;
          }),
        'the end of the connections',
      );
      return outcome.stdout.trim().split('\n');
    }

    const WAYS = {
      closing: 'that close what they opened',
      leaving: 'that leave a manager open',
      querying: 'that are terminated in mid-query',
      connecting: 'that are terminated while connecting',
      throwing: 'that throw while a query runs',
    };
    for (const [how, description] of Object.entries(WAYS)) {
      test(`20 workers ${description}, one after another, leave a process that works and exits with 0`, async () => {
        const lines = await runProgram('workers', [how, '20'], `workers ${how}`);
        assert.deepEqual(lines, ['20 workers, and the main thread still counts to 1']);
      });
    }

    test('workers of every kind in turn do so as well', async () => {
      const lines = await runProgram('workers', ['all', '40'], 'workers of all kinds');
      assert.deepEqual(lines, ['40 workers, and the main thread still counts to 1']);
    });

    test('a worker that has ended its part of a shared pool goes, even if others still use it', async () => {
      const source = `
        const { once } = require('node:events');
        const { Worker } = require('node:worker_threads');
        const { Pool } = require('./index.js');
        const config = { ...JSON.parse(process.env.PROGRAM_TARGET), shared: true };
        const text = \`
          const { Pool } = require('./index.js');
          const pool = new Pool(\${JSON.stringify(config)});
          pool.query('SELECT 1').then(() => pool.end());\`;
        (async () => {
          const pool = new Pool(config);
          const client = await pool.connect();
          const [code] = await once(new Worker(text, { eval: true }), 'exit');
          console.log(code, (await client.query('SELECT 7 AS n')).rows[0].n);
          client.release();
          await pool.end();
        })();`;
      const { stdout, stderr } = await run(
        { source },
        { env: { PROGRAM_TARGET: JSON.stringify(server.config()) } },
      );
      assert.equal(stdout, '0 7\n', stderr);
    });

    test("a terminated worker's connections are closed while the process goes on", async () => {
      const name = 'workers that end early';
      const source = `
        const { Worker } = require('node:worker_threads');
        const { once } = require('node:events');
        const { Pool } = require('./index.js');
        const target = JSON.parse(process.env.PROGRAM_TARGET);
        async function main() {
          const text = \`
            const { Pool } = require('./index.js');
            const pool = new Pool({ ...\${JSON.stringify(target)}, max: 3 });
            Promise.all([1, 2, 3].map(() => pool.connect())).then((clients) => {
              for (const client of clients) client.release();
              pool.query('SELECT pg_sleep(600)').catch(() => {});
              require('node:worker_threads').parentPort.postMessage('ready');
            });\`;
          const worker = new Worker(text, { eval: true });
          await once(worker, 'message');
          const pool = new Pool({ ...target, application_name: 'observer' });
          const count = async () => (await pool.query(
            'SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = $1',
            [target.application_name])).rows[0].n;
          console.log(await count());
          await worker.terminate();
          while ((await count()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
          console.log(0);
          await pool.end();
        }
        main();`;
      const outcome = await run(
        { source },
        {
          timeoutMillis: 30_000,
          env: { PROGRAM_TARGET: JSON.stringify(server.config({ application_name: name })) },
        },
      );
      assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr], [0, '3\n0\n', '']);
    });

    describe('a worker that is terminated', () => {
      /** Runs the text in a worker, with `pgfleet` and `config`, until it is told to end. */
      function start(text, config) {
        const source = `const pgfleet = require('./index.js');
          const config = ${JSON.stringify(config)};
          ${text}`;
        return new Worker(source, { eval: true });
      }

      const WAYS_TO_CONNECT = {
        'a client': 'new pgfleet.Client(config).connect();',
        "a pool's client": 'new pgfleet.Pool(config).connect();',
        "a pool's query": "new pgfleet.Pool(config).query('SELECT 1');",
      };
      for (const [way, text] of Object.entries(WAYS_TO_CONNECT)) {
        test(`gives up the connection that ${way} is waiting for`, async () => {
          const fake = await fakeServer(async (connection) => {
            await connection.startup();
            await connection.read();
          });
          const worker = start(text, fake.config());
          await eventually(() => fake.connections.length === 1, 'the connection');
          await worker.terminate();
          await eventually(() => fake.connections[0].socket.destroyed, 'the end of the connection');
          await fake.close();
        });
      }

      /** What a server says, before it says no more. */
      const SILENCES = {
        'shakes hands for TLS': {
          text: 'new pgfleet.Client({ ...config, ssl: { rejectUnauthorized: false } }).connect();',
          async script(connection) {
            await new Promise((resolve) => connection.socket.once('data', resolve));
            connection.send(Buffer.from('S'));
          },
        },
        'is asked for its password': {
          text: 'new pgfleet.Pool({ ...config, password: () => new Promise(() => {}) }).connect();',
          async script(connection) {
            await connection.startup();
            connection.send(messages.authenticationCleartext());
          },
        },
        'derives keys from it': {
          text: 'new pgfleet.Pool({ ...config, scramMaxIterations: 0 }).connect();',
          async script(connection) {
            await connection.startup();
            connection.send(messages.authenticationSasl('SCRAM-SHA-256'));
            const { body } = await connection.readUntil('p');
            const nonce = /r=([^,]*)/.exec(body.toString('latin1'))[1];
            connection.send(messages.authenticationSaslContinue(`r=${nonce}x,s=c2FsdA==,i=${2 ** 31}`));
          },
        },
      };
      for (const [when, { text, script }] of Object.entries(SILENCES)) {
        test(`gives up its connection while it ${when}`, async () => {
          let said;
          const isSilent = new Promise((resolve) => (said = resolve));
          const fake = await fakeServer((connection) => script(connection).then(said));
          const worker = start(text, fake.config());
          await isSilent;
          await worker.terminate();
          await eventually(() => fake.connections[0].socket.destroyed, 'the end of the connection');
          await fake.close();
        });
      }

      /** What it is in the middle of; `ready()` says that it is. */
      const MIDDLES = {
        'a transaction': `const client = new pgfleet.Client(config);
          client.connect().then(() => client.query('BEGIN; CREATE TABLE of_a_worker ()')).then(ready);`,
        'a COPY that it sends': `const client = new pgfleet.Client(config);
          client.connect().then(async () => {
            await client.query('CREATE TEMP TABLE t (a text)');
            client.query(pgfleet.copyStreams.from('COPY t FROM STDIN')).write('a\\n', ready);
          });`,
        'a COPY that it reads': `const client = new pgfleet.Client(config);
          client.connect().then(() => {
            const text = 'COPY (SELECT * FROM generate_series(1, 100000000)) TO STDOUT';
            client.query(pgfleet.copyStreams.to(text)).once('data', ready);
          });`,
        'a page of a cursor': `const client = new pgfleet.Client(config);
          client.connect().then(() => {
            const cursor = client.query(new pgfleet.Cursor('SELECT generate_series(1, 1000)'));
            cursor.read(10, ready);
          });`,
        'a script of executeDDL': `const manager = new pgfleet.DatabaseManager();
          manager.addConnection('main', { ...config, ssl: false }).then(() => {
            manager.executeDDL('CREATE TABLE of_a_worker (); SELECT pg_sleep(600)');
            const pool = new pgfleet.Pool({ ...config, application_name: 'observer' });
            const text = "SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event = 'PgSleep'";
            const look = async () =>
              (await pool.query(text, [config.application_name])).rowCount > 0 ? ready() : look();
            look();
          });`,
        'a wait for a client': `const pool = new pgfleet.Pool({ ...config, max: 1 });
          pool.connect().then(() => { pool.connect(); pool.query('SELECT 1'); ready(); });`,
        'a wait for notifications': `const pool = new pgfleet.Pool(config);
          pool.listen('channel', () => {}).then(ready);`,
      };
      for (const [what, text] of Object.entries(MIDDLES)) {
        test(`leaves no connection and nothing done in the middle of ${what}`, async () => {
          const name = `worker in ${what}`;
          const ready = "const ready = () => require('node:worker_threads').parentPort.postMessage('ready');";
          const worker = start(ready + text, server.config({ application_name: name }));
          await once(worker, 'message');
          await worker.terminate();
          await eventually(
            () =>
              server.asSuperuser(async (client) => {
                const sql = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = $1`;
                return (await client.query(sql, [name])).rowCount === 0;
              }),
            'the end of its connections',
          );
          const { rowCount } = await server.asSuperuser((client) =>
            client.query("SELECT FROM pg_class WHERE relname = 'of_a_worker'"),
          );
          assert.equal(rowCount, 0);
        });
      }

      test('gives up its cancel request', async () => {
        const fake = await fakeServer(async (connection) => {
          const parameters = await connection.greet();
          if (parameters === null) await connection.read();
        });
        const text = `
          const client = new pgfleet.Client(config);
          const query = new pgfleet.Query('SELECT');
          query.on('error', () => {});
          client.connect().then(() => {
            client.query(query);
            new pgfleet.Client(config).cancel(client, query);
          });`;
        const worker = start(text, { ...fake.config(), connectionTimeoutMillis: 600_000 });
        await eventually(() => fake.connections.length === 2, 'the cancel request');
        fake.connections[0].drop();
        await worker.terminate();
        await eventually(() => fake.connections[1].socket.destroyed, 'the end of the cancel request');
        await fake.close();
      });
    });

    test('a busy thread does not hold up the next user of its connection of a shared pool', async () => {
      const outcome = await run(program('busy-thread'), {
        timeoutMillis: 60_000,
        env: { PROGRAM_TARGET: JSON.stringify(server.config({ application_name: 'busy thread' })) },
      });
      assert.deepEqual([outcome.code, outcome.stdout, outcome.stderr], [0, 'answered\n', '']);
    });

    for (const why of ['terminated', 'ended', 'busy', 'ended in the same thread']) {
      test(`a shared pool whose first user is ${why} asks another one for the password`, async () => {
        const config = server.config({ user: 'clear_user', password: ROLE_PASSWORD });
        const { code, stdout, stderr } = await run(program('shared-questions'), {
          args: [why],
          timeoutMillis: 60_000,
          env: { PROGRAM_TARGET: JSON.stringify(config) },
        });
        assert.deepEqual([code, stderr], [0, '']);
        const [, after] = stdout.split(`${why}\n`);
        assert.equal(after, 'asked\nasked\nconnected\n');
      });
    }

    test('pools with shared: true have one budget of connections in all threads', async () => {
      const lines = await runProgram('shared-pool', ['true'], 'shared pools');
      const { answered, connections } = JSON.parse(lines[0]);
      assert.equal(answered, 30);
      assert.ok(connections <= 2, `${connections} connections`);
      assert.equal(lines[1], 'after the end of one of them: 1');
    });

    test("without shared each pool is its owner's", async () => {
      const lines = await runProgram('shared-pool', ['false'], "pools of one's own");
      assert.deepEqual(JSON.parse(lines[0]), { answered: 30, connections: 10 });
    });
  });
}
