'use strict';

const { after, afterEach, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { forBoth } = require('../support/both.js');
const { failure, settled } = require('../support/failure.js');
const { runWithNames, withoutNames } = require('../support/names.js');
const { pgbouncer, startPgBouncer } = require('../support/pgbouncer.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');
const { startSupavisor } = require('../support/supavisor/index.js');

const skip = pgbouncer === undefined && 'PgBouncer is not installed (PGFLEET_PGBOUNCER says where it is)';

const CODE = 'PGFLEET_TRANSACTION_MODE';

/** What the session of a statement is needed for beyond the transaction: statements, and what the error calls them. */
const REFUSED = {
  'LISTEN c': 'LISTEN',
  "/* why */ SET work_mem = '1MB'": 'SET',
  'SELECT 1; RESET ALL': 'RESET',
  'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY': 'SET SESSION CHARACTERISTICS',
  "SELECT set_config('work_mem', '1MB', false)": 'set_config',
  'SELECT pg_advisory_lock(1)': 'pg_advisory_lock',
  'SELECT pg_try_advisory_lock_shared(1, 2)': 'pg_try_advisory_lock_shared',
  'CREATE TEMP TABLE kept (a int)': 'CREATE TEMPORARY TABLE',
  'SELECT 1 AS a INTO TEMP kept': 'SELECT INTO TEMPORARY',
  'PREPARE s AS SELECT 1': 'PREPARE',
  'DECLARE c CURSOR WITH HOLD FOR SELECT 1': 'DECLARE ... WITH HOLD',
};

/** A suite with a pool of this package behind a pooler of its own. */
function behind(mode, body) {
  describe(`behind PgBouncer in ${mode} mode`, { skip }, () => {
    const pgfleet = require('../..');
    const bench = { pgfleet, server: null, pooler: null, database: null, made: [] };
    /** Options for the pooler's database. */
    bench.config = (overrides) =>
      bench.server.config({
        host: bench.pooler.host,
        port: bench.pooler.port,
        database: bench.database,
        ssl: false,
        ...overrides,
      });
    bench.pool = (overrides) => {
      const pool = new pgfleet.Pool(bench.config(overrides));
      bench.made.push(pool);
      return pool;
    };
    bench.client = async (overrides) => {
      const client = new pgfleet.Client(bench.config(overrides));
      bench.made.push(client);
      await client.connect();
      return client;
    };
    before(async () => {
      bench.server = await postgres();
      bench.database = await bench.server.createDatabase();
      bench.pooler = await startPgBouncer(bench.server, mode);
    });
    afterEach(async () => {
      await Promise.all(bench.made.splice(0).map((one) => settled(one.end(), 'ending')));
    });
    after(() => bench.pooler?.stop());
    body(bench);
  });
}

forBoth(({ pg, ours }) => {
  describe('two clients of a pooler in transaction mode', { skip }, () => {
    let server;
    let pooler;
    before(async () => {
      server = await postgres();
      pooler = await startPgBouncer(server, 'transaction');
    });
    after(() => pooler?.stop());

    async function two(work) {
      const clients = await Promise.all(
        [1, 2].map(async () => {
          const client = new pg.Client(server.config({ host: pooler.host, port: pooler.port, ssl: false }));
          await client.connect();
          return client;
        }),
      );
      try {
        return await work(...clients);
      } finally {
        await Promise.all(clients.map((client) => client.end()));
      }
    }

    test(`${ours ? 'keep' : "can't keep"} statements of one name apart`, async () => {
      await two(async (one, other) => {
        const name = `mine_${ours}`;
        assert.deepEqual((await one.query({ name, text: "SELECT 'one' AS who" })).rows, [{ who: 'one' }]);
        const others = other.query({ name, text: "SELECT 'other' AS who" });
        if (ours) assert.deepEqual((await others).rows, [{ who: 'other' }]);
        else assert.equal((await failure(others)).code, '42P05');
        assert.deepEqual((await one.query({ name })).rows, [{ who: 'one' }]);
      });
    });

    test(`${ours ? 'leave' : "don't leave"} each other's settings alone`, async () => {
      await two(async (one, other) => {
        const set = one.query(`SET application_name = 'left over'`);
        if (ours) assert.equal((await failure(set)).code, CODE);
        else await set;
        const { rows } = await other.query("SELECT current_setting('application_name') AS name");
        assert.equal(rows[0].name === 'left over', !ours);
        if (!ours) await other.query('RESET application_name');
      });
    });
  });
});

behind('transaction', (bench) => {
  const { pgfleet } = bench;

  /** Every way to send a text. */
  const ways = {
    'pool.query': (text) => bench.pool().query(text),
    'pool.query with values': (text) => bench.pool().query({ text, values: [], queryMode: 'extended' }),
    'client.query': async (text) => (await bench.client()).query(text),
    'a Query': async (text) => {
      const client = await bench.client();
      return new Promise((resolve, reject) => {
        const query = client.query(new pgfleet.Query(text));
        query.on('end', resolve);
        query.on('error', reject);
      });
    },
    'a query with pages': async (text) => (await bench.client()).query({ text, rows: 10 }),
    'a pipelining client': async (text) => {
      const client = await bench.client({ pipeline: true });
      return (await Promise.all([client.query('SELECT 1'), client.query(text), client.query('SELECT 2')]))[1];
    },
    'a cursor': async (text) => {
      const { Cursor } = require('../../lib/streams');
      const cursor = (await bench.client()).query(new Cursor(text));
      return cursor.read(1);
    },
    executeDDL: async (text) => {
      const manager = new pgfleet.DatabaseManager();
      bench.made.push({ end: () => manager.close() });
      await manager.addConnection('main', bench.config());
      return manager.executeDDL(text, false);
    },
  };

  for (const [way, send] of Object.entries(ways)) {
    test(`what would outlive its transaction is refused by ${way}`, async () => {
      for (const [text, name] of Object.entries(REFUSED)) {
        const error = await failure(send(text), text);
        assert.equal(error.code, CODE, `${text}: ${error.stack}`);
        assert.ok(error.message.startsWith(name), error.message);
        if (way === 'executeDDL') assert.equal(error.outcome, 'not applied');
      }
    });
  }

  test('a refusal leaves the connection and its transaction as they were', async () => {
    const client = await bench.client();
    await client.query('BEGIN');
    const [{ pid }] = (await client.query('SELECT pg_backend_pid() AS pid')).rows;
    for (const text of Object.keys(REFUSED)) assert.equal((await failure(client.query(text))).code, CODE);
    assert.deepEqual((await client.query('SELECT pg_backend_pid() AS pid')).rows, [{ pid }]);
    await client.query('COMMIT');
    assert.equal((await client.query('SHOW work_mem')).rows[0].work_mem, '4MB');
  });

  test('what ends with its transaction is none of that', async () => {
    const client = await bench.client();
    await client.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
    for (const text of [
      "SET LOCAL work_mem = '1MB'",
      "SELECT set_config('app.user', '7', true)",
      'SELECT pg_advisory_xact_lock(1)',
      'CREATE TEMP TABLE passing (a int) ON COMMIT DROP',
      'CREATE TEMP TABLE gone (a int); DROP TABLE gone',
      'DECLARE c CURSOR FOR SELECT 1',
      'SET TRANSACTION READ ONLY',
      "NOTIFY c, 'LISTEN'",
    ]) {
      await client.query(text);
    }
    await client.query('COMMIT');
  });

  test('statements with a name are the same wherever their transaction runs', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => bench.client()));
    const name = 'who';
    const pids = new Set();
    for (let round = 0; round < 5; round += 1) {
      // Each holds a server connection, so that the next one gets another.
      for (const client of clients.slice(round % 4)) await client.query('BEGIN');
      for (const [at, client] of clients.entries()) {
        const text = `SELECT ${at} AS at, $1::int AS value, pg_backend_pid() AS pid`;
        const [row] = (await client.query({ name, text, values: [round] })).rows;
        assert.deepEqual([row.at, row.value], [at, round]);
        pids.add(row.pid);
      }
      for (const client of clients) await client.query('COMMIT');
    }
    assert.ok(pids.size > 1, 'they have met several server connections');
    const error = await failure(clients[0].query({ name, text: 'SELECT 2' }));
    assert.match(error.message, /must be unique/);
    const { rows } = await clients[0].query('SELECT count(*)::int AS n FROM pg_prepared_statements');
    assert.deepEqual(rows, [{ n: 0 }]);
  });

  test('a statement with a name whose text is wrong gives that name back', async () => {
    const client = await bench.client();
    assert.equal((await failure(client.query({ name: 'a', text: 'SELECT nothing_of_it' }))).code, '42703');
    assert.deepEqual((await client.query({ name: 'a', text: 'SELECT 1 AS a' })).rows, [{ a: 1 }]);
  });

  test('a statement with a name may have other columns the next time', async () => {
    const client = await bench.client();
    await client.query('CREATE TABLE wider (a int); INSERT INTO wider VALUES (1)');
    const query = { name: 'wider', text: 'SELECT * FROM wider' };
    assert.deepEqual((await client.query(query)).rows, [{ a: 1 }]);
    await client.query("ALTER TABLE wider ADD b text DEFAULT 'x'");
    assert.deepEqual((await client.query(query)).rows, [{ a: 1, b: 'x' }]);
  });

  test('repeated texts are not prepared', async () => {
    const client = await bench.client({ autoPrepare: true });
    await failure(client.query('LISTEN c'));
    for (let i = 0; i < 4; i += 1) await client.query('SELECT $1::int', [i]);
    const { rows } = await client.query('SELECT count(*)::int AS n FROM pg_prepared_statements');
    assert.deepEqual(rows, [{ n: 0 }]);
  });

  test('a cursor reads its pages on one server connection', async () => {
    const { Cursor } = require('../../lib/streams');
    const [one, other] = [await bench.client(), await bench.client()];
    const cursor = one.query(new Cursor('SELECT n, pg_backend_pid() AS pid FROM generate_series(1, 6) AS n'));
    const pids = new Set();
    for (let page = 0; page < 3; page += 1) {
      const rows = await cursor.read(2);
      assert.deepEqual(
        rows.map(({ n }) => n),
        [2 * page + 1, 2 * page + 2],
      );
      for (const { pid } of rows) pids.add(pid);
      await other.query('SELECT 1');
    }
    await cursor.close();
    assert.equal(pids.size, 1);
  });

  test('pool.listen is refused', async () => {
    const error = await failure(settled(bench.pool().listen('c', assert.fail), 'listen'));
    assert.equal(error.code, CODE);
  });

  test("poolMode: 'session' has it all sent, as with pg", async () => {
    const client = await bench.client({ poolMode: 'session' });
    await client.query("SET work_mem = '1MB'; RESET work_mem");
    await client.query('SELECT pg_advisory_lock(3), pg_advisory_unlock(3)');
  });

  test('a script may set what it likes and leaves none of it', async () => {
    const manager = new pgfleet.DatabaseManager();
    bench.made.push({ end: () => manager.close() });
    await manager.addConnection('main', { ...bench.config(), max: 1 });
    const head = `SELECT pg_catalog.set_config('search_path', '', false);
      SET lock_timeout = '7s'; SET app.tenant = '5'; CREATE TABLE public.`;
    await manager.executeDDL(`${head}plain (a int)`);
    await manager.executeDDL(`${head}pipelined (a int)`, { commit: 'pipelined' });
    await manager.executeDDL(`${head}automatic (a int)`, { transaction: 'auto' });
    await failure(manager.executeDDL(`${head}plain (a int)`));
    const { rows } = await manager.executeDDL(
      `SELECT current_setting('search_path') AS path, current_setting('lock_timeout') AS lock,
        nullif(current_setting('app.tenant', true), '') AS tenant,
        (SELECT count(*)::int FROM pg_tables WHERE tablename IN ('plain', 'pipelined', 'automatic')) AS tables`,
    );
    assert.deepEqual(rows, [{ path: '"$user", public', lock: '0', tenant: null, tables: 3 }]);
  });

  test('a script whose settings would be missed by its next part is refused, before anything is run', async () => {
    const manager = new pgfleet.DatabaseManager();
    bench.made.push({ end: () => manager.close() });
    await manager.addConnection('main', bench.config());
    const script = "CREATE TABLE never (a int); SET search_path = ''; ";
    for (const [end, options] of [
      ['VACUUM pg_catalog.pg_class', { transaction: 'auto' }],
      ['COMMIT; BEGIN; SELECT 1', {}],
      ['SELECT 1', { transaction: false }],
      ['SELECT 1', { transaction: false, lockTimeout: 100 }],
    ]) {
      const error = await failure(manager.executeDDL(script + end, options), end);
      assert.deepEqual([error.code, error.outcome], [CODE, 'not applied'], end);
    }
    const { rows } = await manager.executeDDL("SELECT to_regclass('public.never') AS never");
    assert.deepEqual(rows, [{ never: null }]);
  });
});

behind('session', (bench) => {
  test('nothing is refused, and a session stays one', async () => {
    const client = await bench.client();
    await client.query("SET work_mem = '1MB'");
    assert.equal((await client.query('SHOW work_mem')).rows[0].work_mem, '1MB');
    await client.query('CREATE TEMP TABLE kept (a int)');
    await client.query('PREPARE s AS SELECT 1 AS one');
    assert.deepEqual((await client.query('EXECUTE s')).rows, [{ one: 1 }]);
    assert.equal((await failure(client.query('EXECUTE another'))).code, '26000');
    await client.query('SELECT pg_advisory_lock(4)');
    assert.deepEqual((await client.query('SELECT pg_advisory_unlock(4) AS done')).rows, [{ done: true }]);
    await client.query('SELECT * FROM kept');
  });

  test('channels are listened to', async () => {
    const pool = bench.pool();
    const heard = new Promise((resolve) =>
      pool.listen('news', resolve).then(() => pool.query('NOTIFY news')),
    );
    assert.equal((await settled(heard, 'the notification')).channel, 'news');
  });
});

describe('the mode of a pooler', () => {
  const pgfleet = require('../..');

  test('may be said by the program, which wins', async () => {
    const server = await postgres();
    const pool = new pgfleet.Pool(server.config({ poolMode: 'transaction' }));
    try {
      assert.equal((await failure(pool.query('LISTEN c'))).code, CODE);
      const query = { name: 'a', text: 'SELECT count(*)::int AS n FROM pg_prepared_statements' };
      assert.deepEqual((await pool.query(query)).rows, [{ n: 0 }]);
    } finally {
      await pool.end();
    }
  });

  test('is one of two', () => {
    for (const poolMode of ['statement', true, '']) {
      for (const Of of [pgfleet.Pool, pgfleet.Client]) {
        assert.throws(() => new Of({ poolMode }), { name: 'TypeError', message: /"poolMode" must be/ });
      }
    }
  });

  test('is told of a stream of the program too', async () => {
    const net = require('node:net');
    const server = await postgres();
    const options = server.config({ poolMode: 'transaction', ssl: false, stream: () => new net.Socket() });
    const client = new pgfleet.Client(options);
    await client.connect();
    try {
      assert.equal((await failure(client.query('LISTEN c'))).code, CODE);
      const query = { name: 'a', text: 'SELECT count(*)::int AS n FROM pg_prepared_statements' };
      assert.deepEqual((await client.query(query)).rows, [{ n: 0 }]);
      assert.deepEqual((await client.query(query)).rows, [{ n: 0 }]);
    } finally {
      await client.end();
    }
  });
});

describe("at Supabase's poolers", () => {
  const REF = 'abcdefghijklmnopqrst';
  const pgfleet = require('../..');
  let server;
  before(async () => {
    server = await postgres();
  });

  test('transaction mode shows itself on any port', async () => {
    const pooler = await startSupavisor({ server, tenants: { [REF]: {} } });
    const client = new pgfleet.Client(
      pooler.config(REF, { port: pooler.transactionPort, ssl: { rejectUnauthorized: false } }),
    );
    try {
      await client.connect();
      const query = { name: 'who', text: 'SELECT pg_backend_pid() AS pid' };
      const met = [];
      for (let i = 0; i < 4; i += 1) met.push((await client.query(query)).rows[0].pid);
      assert.ok(new Set(met).size > 1, 'it has met several server connections');
      for (const [text, name] of Object.entries(REFUSED)) {
        const error = await failure(client.query(text), text);
        assert.equal(error.code, CODE, text);
        assert.ok(error.message.startsWith(name), error.message);
      }
    } finally {
      await client.end();
      await pooler.close();
    }
  });

  /** What a program prints that listens through transaction mode, with `entry` as the text of its configuration. */
  async function listening(entry) {
    const cluster = 'aws-1-eu-central-1';
    const supabase = await startSupabase({ server, clusters: { [cluster]: { tenants: { [REF]: {} } } } });
    const source = `
      const DatabaseManager = require('./index.js');
      (async () => {
        const manager = new DatabaseManager();
        const password = process.env.PASSWORD;
        await manager.addConnection('main', ${entry});
        const heard = [];
        const subscription = await manager.listen('news', ({ payload }) => heard.push(payload));
        await manager.executeDDL("NOTIFY news, 'one'");
        while (heard.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
        const { code } = await manager.currentPool.query('LISTEN others').catch((error) => error);
        await subscription.unlisten();
        await manager.close();
        console.log(JSON.stringify([heard, code]));
      })();`;
    try {
      const outcome = await runWithNames(
        { source },
        { hosts: supabase.hosts, env: { PASSWORD: server.password } },
      );
      assert.equal(outcome.stderr, '');
      const modes = supabase.ledger.entries
        .filter(({ outcome: end }) => end === 'logged in')
        .map(({ mode }) => mode);
      return { printed: JSON.parse(outcome.stdout), modes: new Set(modes) };
    } finally {
      await supabase.close();
    }
  }

  for (const [what, entry] of Object.entries({
    'a host': `{ host: 'aws-1-eu-central-1.pooler.supabase.com', port: 6543, user: 'postgres.${REF}', password }`,
    'a ref': `{ ref: '${REF}', region: 'eu-central-1', port: 6543, password }`,
    'a mode': `{ ref: '${REF}', region: 'eu-central-1', port: 6543, password, poolMode: 'transaction' }`,
  })) {
    test(
      `manager.listen listens in session mode where ${what} leads to transaction mode`,
      { skip: withoutNames },
      async () => {
        const { printed, modes } = await listening(entry);
        assert.deepEqual(printed, [['one'], CODE]);
        assert.deepEqual([...modes].sort(), ['session', 'transaction']);
      },
    );
  }
});
