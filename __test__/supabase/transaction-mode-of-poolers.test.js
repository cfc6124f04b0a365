'use strict';

// Transaction mode, of Supavisor's at its port and at one that says nothing, and of PgBouncer's: what a program does there
// works as with a session of its own, or is refused with a word before anything is sent.

const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { from: copyFrom, to: copyTo } = require('pg-copy-streams');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');
const pgfleet = require('../..');
const { failure } = require('../support/failure.js');
const { pgbouncer, startPgBouncer } = require('../support/pgbouncer.js');
const { postgres } = require('../support/server.js');
const { startSupavisor } = require('../support/supavisor/index.js');

const REF = 'abcdefghijklmnopqrst';
const REFUSED = 'PGFLEET_TRANSACTION_MODE';

/** @type {Record<string, { skip?: string | false, start: (server: any) => Promise<{ config: object, stop: () => any }> }>} */
const POOLERS = {
  "Supavisor's transaction mode at its port": { start: (server) => supavisor(server, { transaction: 6543 }) },
  "Supavisor's transaction mode at some other port": { start: (server) => supavisor(server, {}) },
  'Supavisor with statements by name at some other port': {
    start: (server) => supavisor(server, {}, { namedPreparedStatements: true }),
  },
  "PgBouncer's transaction mode": {
    skip: pgbouncer === undefined && 'PgBouncer is not installed',
    async start(server) {
      const { host, port, stop } = await startPgBouncer(server, 'transaction');
      return { config: server.config({ host, port }), stop };
    },
  },
};

async function supavisor(server, ports, tenant = {}) {
  // An address of its own, where the port is free.
  const host = ports.transaction
    ? `127.${20 + (process.pid % 200)}.${1 + (Date.now() % 250)}.7`
    : '127.0.0.1';
  const tenants = { [REF]: { poolSize: 3, ...tenant } };
  const pooler = await startSupavisor({ server, host, ports, tenants });
  return { config: pooler.config(REF, { port: pooler.transactionPort }), stop: () => pooler.close() };
}

for (const [what, { skip = false, start }] of Object.entries(POOLERS)) {
  describe(what, { skip }, () => {
    let pooler;
    let pool;
    before(async () => {
      const server = await postgres();
      pooler = await start(server);
      const database = await server.createDatabase();
      pool = new pgfleet.Pool({ ...pooler.config, database, max: 4 });
    });
    after(async () => {
      await pool.end();
      await pooler.stop();
    });

    test('takes named statements from several clients over and over', async () => {
      const ask = async (number) => {
        const { rows } = await pool.query({
          name: 'double',
          text: 'SELECT $1::int * 2 AS two',
          values: [number],
        });
        return rows[0].two;
      };
      const numbers = Array.from({ length: 24 }, (_, at) => at);
      assert.deepEqual(
        await Promise.all(numbers.map(ask)),
        numbers.map((number) => number * 2),
      );
      for (const number of numbers) assert.equal(await ask(number), number * 2);
    });

    test('runs transactions, in which a setting holds for as long as they last', async () => {
      await withClient(async (client) => {
        const show = async () => (await client.query('SHOW statement_timeout')).rows[0].statement_timeout;
        await client.query('BEGIN');
        await client.query("SET LOCAL statement_timeout = '7s'");
        assert.equal(await show(), '7s');
        await client.query('COMMIT');
        assert.equal(await show(), '0');
      });
    });

    // PgBouncer itself refuses such parameters, for pg as well.
    const limits = what.startsWith('PgBouncer') ? test.skip : test;
    limits('has a program’s limits in each transaction, and in no other client’s', async () => {
      const { database } = pool.options;
      const limited = new pgfleet.Pool({
        ...{ ...pooler.config, database, max: 2 },
        ...{ statement_timeout: 3000, options: "-c app.tenant=o'hara" },
      });
      const notices = [];
      limited.on('connect', (client) => client.on('notice', ({ message }) => notices.push(message)));
      const shown =
        "current_setting('statement_timeout') AS limit, current_setting('app.tenant', true) AS tenant";
      const expected = { limit: '3s', tenant: "o'hara" };
      const client = await limited.connect();
      try {
        assert.deepEqual((await client.query(`SELECT ${shown}`)).rows, [expected]);
        assert.deepEqual((await client.query(`SELECT ${shown}, $1::int AS n`, [1])).rows, [
          { ...expected, n: 1 },
        ]);
        assert.deepEqual((await client.query({ name: 'a', text: `SELECT ${shown}` })).rows, [expected]);
        const several = await client.query(`SELECT 1 AS one; SELECT ${shown}`);
        assert.deepEqual(
          several.map(({ rows }) => rows),
          [[{ one: 1 }], [expected]],
        );
        for (const begin of ['BEGIN', 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY']) {
          await client.query(begin);
          await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
          assert.deepEqual((await client.query(`SELECT ${shown}`)).rows, [expected]);
          await client.query('COMMIT');
        }
        const stream = client.query(new pgfleet.QueryStream(`SELECT ${shown}`));
        const streamed = [];
        for await (const row of stream) streamed.push(row);
        assert.deepEqual(streamed, [expected]);
        const late = await failure(client.query('SELECT pg_sleep(60)'));
        assert.equal(late.code, '57014');
        const wrong = await failure(client.query('SELECT 1; SELECT nothing'));
        assert.deepEqual([wrong.code, wrong.position], ['42703', '18']);
        assert.equal((await failure(client.query('SELECT nothing'))).position, '8');
        assert.equal((await client.query('')).rows.length, 0);
        await client.query('VACUUM pg_catalog.pg_namespace');
        await client.query("DO $$ BEGIN PERFORM '$1'; COMMIT; END $$");
        assert.deepEqual(notices, []);
      } finally {
        client.release();
        await limited.end();
      }
      assert.deepEqual((await pool.query(`SELECT ${shown}`)).rows[0].limit, '0');
    });

    limits('has the limits in what other packages send, with their results and errors', async () => {
      const { database } = pool.options;
      const client = new pgfleet.Client({ ...pooler.config, database, statement_timeout: 3000 });
      const notices = [];
      client.on('notice', ({ message }) => notices.push(message));
      await client.connect();
      const shown = "current_setting('statement_timeout')";
      const rows = async (stream) => {
        const found = [];
        for await (const row of stream) found.push(row);
        return found;
      };
      try {
        const sql = `SELECT number, ${shown} AS limit FROM generate_series(1, 3) AS number`;
        const expected = [1, 2, 3].map((number) => ({ number, limit: '3s' }));
        assert.deepEqual(await rows(client.query(new QueryStream(sql, [], { batchSize: 2 }))), expected);
        // What a stream sends behind its failure comes before the next one's first message.
        const wrong = await failure(rows(client.query(new QueryStream('SELECT nothing'))));
        assert.deepEqual([wrong.code, wrong.position], ['42703', '8']);
        const late = 'SELECT 1 / (2 - number) FROM generate_series(1, 3) AS number';
        const divided = await failure(rows(client.query(new QueryStream(late, [], { batchSize: 1 }))));
        assert.equal(divided.code, '22012');
        const cursor = client.query(new Cursor(sql));
        assert.deepEqual(await cursor.read(2), expected.slice(0, 2));
        await cursor.close();
        const copied = await rows(client.query(copyTo(`COPY (SELECT ${shown}) TO STDOUT`)));
        assert.equal(Buffer.concat(copied).toString(), '3s\n');
        const refused = await failure(rows(client.query(copyTo('COPY (SELECT nothing) TO STDOUT'))));
        assert.deepEqual([refused.code, refused.position], ['42703', '14']);
        const slow = await failure(rows(client.query(copyTo('COPY (SELECT pg_sleep(60)) TO STDOUT'))));
        assert.equal(slow.code, '57014');
        await client.query('CREATE TABLE copied (id int)');
        await pipeline(Readable.from(['1\n2\n']), client.query(copyFrom('COPY copied FROM STDIN')));
        // Another client sees it only if it is committed.
        assert.deepEqual((await pool.query('SELECT id FROM copied')).rows, [{ id: 1 }, { id: 2 }]);
        assert.deepEqual(notices, []);
      } finally {
        await client.end();
      }
    });

    limits('refuses by name what would go on in a transaction without the limits', async () => {
      const { database } = pool.options;
      const client = new pgfleet.Client({ ...pooler.config, database, statement_timeout: 3000 });
      await client.connect();
      try {
        const one = async () => (await client.query('SELECT 1 AS one')).rows[0].one;
        const chain = { text: 'BEGIN; SELECT 1; COMMIT AND CHAIN', values: undefined };
        for (const query of ['BEGIN; SELECT 1; COMMIT; SELECT 2', 'COMMIT; SELECT 1', chain]) {
          const error = await failure(client.query(query));
          assert.equal(error.code, REFUSED);
          assert.match(error.message, /^"statement_timeout" is set at the beginning of each transaction/);
          assert.equal(await one(), 1);
        }
        await client.query('BEGIN');
        assert.equal((await failure(client.query('COMMIT AND CHAIN'))).code, REFUSED);
        assert.equal(await one(), 1);
        await client.query('COMMIT');
        // As with a session of its own.
        for (const block of ['LOCK TABLE pg_class', 'DECLARE c CURSOR FOR SELECT 1', 'SAVEPOINT a']) {
          assert.equal((await failure(client.query(block))).code, '25P01', block);
          assert.equal((await failure(client.query({ name: block, text: block }))).code, '25P01', block);
        }
      } finally {
        await client.end();
      }
    });

    const KEEPS = {
      listening: 'LISTEN news',
      'a setting': "SET work_mem = '9MB'",
      'a lock of the session': 'SELECT pg_advisory_lock(5)',
      'a temporary table': 'CREATE TEMPORARY TABLE kept (id int)',
      'a statement prepared in SQL': 'PREPARE kept AS SELECT 1',
    };
    for (const [kind, sql] of Object.entries(KEEPS)) {
      test(`is not sent ${kind}, which would stay with somebody else`, async () => {
        await withClient(async (client) => {
          const error = await failure(client.query(sql));
          assert.equal(error.code, REFUSED, error.message);
          assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1);
        });
      });
    }

    test('is left as it was', async () => {
      const shown = new Set();
      for (let turn = 0; turn < 8; turn += 1) {
        const { rows } = await pool.query(
          `SELECT current_setting('work_mem') AS memory, current_setting('statement_timeout') AS timeout,
             (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks,
             (SELECT count(*)::int FROM pg_listening_channels()) AS channels, to_regclass('kept') AS kept`,
        );
        shown.add(JSON.stringify(rows[0]));
      }
      assert.deepEqual(
        [...shown].map((row) => JSON.parse(row)),
        [{ memory: '4MB', timeout: '0', locks: 0, channels: 0, kept: null }],
      );
    });

    test('runs DDL in a transaction', async () => {
      const manager = new pgfleet.DatabaseManager();
      const { user, password, host, port, ssl } = pooler.config;
      const { database } = pool.options;
      await manager.addConnection('main', {
        ...{ dbUser: user, dbPassword: password, dbHost: host, dbPort: port, dbName: database },
        ssl: ssl ?? false,
      });
      await manager.executeDDL('CREATE TABLE made (id int); INSERT INTO made VALUES (1)');
      assert.deepEqual((await pool.query('SELECT id FROM made')).rows, [{ id: 1 }]);
      await manager.close();
    });

    test('streams a result page by page', async () => {
      await withClient(async (client) => {
        const sql = 'SELECT generate_series(1, 250) AS number';
        const stream = client.query(new pgfleet.QueryStream(sql, [], { batchSize: 20 }));
        const numbers = [];
        for await (const { number } of stream) numbers.push(number);
        assert.equal(numbers.length, 250);
      });
    });

    async function withClient(work) {
      const client = await pool.connect();
      try {
        await work(client);
        client.release();
      } catch (error) {
        client.release(true);
        throw error;
      }
    }
  });
}
