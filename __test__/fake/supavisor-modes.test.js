'use strict';

// The two modes of the fake Supavisor, looked at through npm's `pg`: specs of the package rely on them.

const { afterEach, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { Client } = require('pg');
const { eventually, failure } = require('../support/failure.js');
const { runWithNames, withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');
const { startSupavisor } = require('../support/supavisor/index.js');

const REF = 'abcdefghijklmnopqrst';

describe('a fake Supavisor', () => {
  let server;
  let pooler;
  const clients = [];
  before(async () => {
    server = await postgres();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()));
    await pooler.close();
  });

  async function start(tenant = {}, options = {}) {
    pooler = await startSupavisor({ server, tenants: { [REF]: tenant }, ...options });
    return pooler;
  }

  async function connected(mode, overrides = {}) {
    const port = mode === 'session' ? pooler.port : pooler.transactionPort;
    const client = new Client(pooler.config(REF, { port, ...overrides }));
    client.on('error', () => {});
    clients.push(client);
    await client.connect();
    return client;
  }

  const value = async (client, sql) => Object.values((await client.query(sql)).rows[0])[0];
  const PID = 'SELECT pg_backend_pid()';

  describe('in session mode', () => {
    test('leaves a client its backend, and the next one gets it as new', async () => {
      await start();
      const first = await connected('session');
      const pid = await value(first, PID);
      await first.query("SET search_path = 'nowhere'");
      await first.query('CREATE TEMPORARY TABLE left_behind (id int)');
      assert.equal(await value(first, PID), pid);
      await clients.pop().end();

      await eventually(() => pooler.clients === 0, 'the clean backend');
      const second = await connected('session');
      assert.equal(await value(second, PID), pid);
      assert.equal(await value(second, 'SHOW search_path'), '"$user", public');
      assert.equal(await value(second, "SELECT to_regclass('left_behind')"), null);
    });

    test('keeps the name and the search_path of a client, and drops what else it asks for', async () => {
      await start();
      const client = await connected('session', {
        application_name: "it's me",
        statement_timeout: 5000,
        options: '-c search_path=elsewhere -c lock_timeout=3s',
      });
      assert.equal(await value(client, 'SHOW application_name'), "it's me");
      assert.equal(await value(client, 'SHOW search_path'), 'elsewhere');
      assert.equal(await value(client, 'SHOW statement_timeout'), '0');
      assert.equal(await value(client, 'SHOW lock_timeout'), '0');
    });
  });

  describe('in transaction mode', () => {
    test('gives successive transactions of a client different backends, and one transaction the same', async () => {
      await start();
      const client = await connected('transaction');
      const pids = [await value(client, PID), await value(client, PID)];
      assert.notEqual(pids[0], pids[1]);
      await client.query('BEGIN');
      const inside = [await value(client, PID), await value(client, PID)];
      await client.query('COMMIT');
      assert.equal(inside[0], inside[1]);
    });

    test('loses what belongs to a session', async () => {
      await start();
      const client = await connected('transaction');
      await client.query("SET statement_timeout = '7s'");
      assert.equal(await value(client, 'SHOW statement_timeout'), '0');
      await client.query('CREATE TEMPORARY TABLE lost (id int)');
      assert.equal(await value(client, "SELECT to_regclass('lost')"), null);
    });

    test('breaks named statements: missing on one backend, there already on another', async () => {
      await start({ poolSize: 2 });
      const [first, second] = [await connected('transaction'), await connected('transaction')];
      const named = { name: 'same', text: 'SELECT 1' };
      await first.query(named);
      assert.equal((await failure(first.query(named))).code, '26000');
      const errors = [
        await second.query(named).catch((error) => error.code),
        await second.query(named).catch((error) => error.code),
      ];
      assert.ok(errors.includes('42P05'), String(errors));
    });

    test('has named statements work where the flag is on', async () => {
      await start({ namedPreparedStatements: true, poolSize: 2 });
      const [first, second] = [await connected('transaction'), await connected('transaction')];
      for (const number of [1, 2, 3]) {
        for (const client of [first, second]) {
          const { rows } = await client.query({
            name: 'same',
            text: 'SELECT $1::int AS number',
            values: [number],
          });
          assert.deepEqual(rows, [{ number }]);
        }
      }
    });

    test('closes the connection of a client that prepares in SQL', async () => {
      await start();
      for (const sql of ['PREPARE one AS SELECT 1', 'execute one', 'SELECT 1; DEALLOCATE ALL']) {
        const client = await connected('transaction');
        const error = await failure(client.query(sql));
        assert.equal(
          error.message,
          '(EPSSIMPLEQUERY) transaction mode only supports prepared statements using the Extended Query Protocol',
        );
      }
    });

    test('copies in, and gives the backend back behind it', async () => {
      await start({ poolSize: 1 });
      const client = await connected('transaction');
      const { from } = require('pg-copy-streams');
      await client.query('CREATE TABLE IF NOT EXISTS copied_by_fake (id int)');
      const stream = client.query(from('COPY copied_by_fake FROM STDIN'));
      stream.end('1\n2\n');
      await new Promise((resolve, reject) => stream.on('finish', resolve).on('error', reject));
      const other = await connected('transaction');
      assert.equal(await value(other, 'SELECT count(*)::int FROM copied_by_fake'), 2);
      await other.query('DROP TABLE copied_by_fake');
    });

    test('drops a backend whose client left in the middle of a transaction', async () => {
      await start({ poolSize: 1 });
      const client = await connected('transaction');
      await client.query('BEGIN');
      client.connection.stream.destroy();
      clients.pop();
      const other = await connected('transaction');
      assert.equal(await value(other, 'SELECT pg_current_xact_id_if_assigned() IS NULL'), true);
    });
  });

  test('cancels what runs when the request arrives, which may be the next query', async () => {
    await start();
    const client = await connected('session');
    pooler.cancels.hold();
    const { processID, secretKey } = client;
    const canceller = new Client(pooler.config(REF));
    canceller.connection.once('connect', () => canceller.connection.cancel(processID, secretKey));
    canceller.connection.on('error', () => {});
    canceller.connection.connect(pooler.port, pooler.host);
    await eventually(() => pooler.cancels.received === 1, 'the request');
    assert.equal(await value(client, 'SELECT 1'), 1);
    const next = failure(client.query('SELECT pg_sleep(30)'));
    await eventually(() => pooler.busyClients === 1, 'the next query');
    pooler.cancels.release();
    assert.equal((await next).code, '57014');
    assert.equal(pooler.cancels.forwarded, 1);
  });

  test('tells idle clients a parameter now and then, and ends all of them when it restarts', async () => {
    await start();
    const client = await connected('session');
    const told = new Promise((resolve) => client.connection.once('parameterStatus', resolve));
    pooler.heartbeat();
    const { parameterName, parameterValue } = await told;
    assert.deepEqual([parameterName, parameterValue], ['application_name', 'Supavisor']);

    const ended = new Promise((resolve) => client.once('error', resolve));
    pooler.shutDownClients();
    assert.equal((await ended).code, '57P01');
  });
});

describe('Supabase as the tests have it', () => {
  test('has its clusters and direct hosts at their own names and ports', { skip: withoutNames }, async () => {
    const server = await postgres();
    const supabase = await startSupabase({
      server,
      clusters: { 'aws-0-eu-central-1': {}, 'aws-1-eu-central-1': { tenants: { [REF]: {} } } },
      direct: { [REF]: {} },
    });
    try {
      const source = `
        const { Client } = require('pg');
        async function ask(config) {
          const client = new Client({
            password: process.env.PASSWORD, database: 'postgres', ssl: { ca: process.env.CA }, ...config
          });
          try {
            await client.connect();
            return (await client.query('SELECT 1 AS one')).rows[0].one;
          } catch (error) {
            return error.code;
          } finally {
            await client.end();
          }
        }
        (async () => {
          const told = [];
          for (const host of ['aws-0-eu-central-1', 'aws-1-eu-central-1', 'aws-2-eu-central-1'])
            for (const port of [5432, 6543])
              told.push(await ask({ host: host + '.pooler.supabase.com', port, user: 'postgres.${REF}' }));
          told.push(await ask({ host: 'db.${REF}.supabase.co', user: 'postgres' }));
          for (let attempt = 1; attempt <= 4; attempt += 1)
            told.push(await ask({ host: 'db.${REF}.supabase.co', user: 'postgres', password: 'wrong' }));
          console.log(JSON.stringify(told));
        })();`;
      const outcome = await runWithNames(
        { source },
        { hosts: supabase.hosts, env: { CA: supabase.ca, PASSWORD: server.password } },
      );
      assert.equal(outcome.stderr, '');
      assert.deepEqual(JSON.parse(outcome.stdout), [
        ...['XX000', 'XX000', 1, 1, 'ENOTFOUND', 'ENOTFOUND', 1],
        ...['28P01', '28P01', '28P01', 'ECONNREFUSED'],
      ]);
      assert.deepEqual(supabase.ledger.startupsByHost, {
        'aws-0-eu-central-1': 2,
        'aws-1-eu-central-1': 2,
        [`db.${REF}.supabase.co`]: 4,
      });
    } finally {
      await supabase.close();
    }
  });
});
