'use strict';

// Opening connections to Supabase's pooler where that fails or half works: its slots, wrong passwords, parameters.

const { afterEach, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { Client, DatabaseManager, Pool } = require('../..');
const { forBoth } = require('../support/both.js');
const { eventually, failure, settled } = require('../support/failure.js');
const { pgbouncer, startPgBouncer } = require('../support/pgbouncer.js');
const { postgres } = require('../support/server.js');
const { startSupavisor } = require('../support/supavisor/index.js');

const REF = 'abcdefghijklmnopqrst';
const FULL =
  '(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 1';

let server;
let pooler;
const open = [];
before(async () => {
  server = await postgres();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.end().catch(() => {})));
  await pooler?.close();
  pooler = undefined;
});

async function start(tenant = {}) {
  pooler = await startSupavisor({ server, tenants: { [REF]: tenant } });
  return pooler;
}

const config = (overrides) => pooler.config(REF, { connectionTimeoutMillis: 20_000, ...overrides });

function kept(one) {
  one.on('error', () => {});
  open.push(one);
  return one;
}

const client = (overrides) => kept(new Client(config(overrides)));
const pool = (overrides) => kept(new Pool(config(overrides)));

async function connected(overrides) {
  const made = client(overrides);
  await made.connect();
  return made;
}

const value = async (from, sql) => Object.values((await from.query(sql)).rows[0])[0];
const attempts = () => pooler.ledger.startups.length;

describe('when the pooler has no room', () => {
  test('a client waits for a place within connectionTimeoutMillis', async () => {
    await start({ poolSize: 1 });
    const first = await connected();
    const second = client();
    const connecting = second.connect();
    await eventually(() => attempts() >= 3, 'another try');
    await first.end();
    await settled(connecting, 'the second client');
    assert.equal(await value(second, 'SELECT 1'), 1);
  });

  test('a client and a pool get the answer of the pooler, and not a timeout, when the time is up', async () => {
    await start({ poolSize: 1 });
    await connected();
    const limit = { connectionTimeoutMillis: 1500 };
    const refused = [client(limit).connect(), pool(limit).query('SELECT 1'), pool(limit).connect()];
    for (const error of await Promise.all(refused.map((one) => failure(settled(one, 'the refusal'))))) {
      assert.deepEqual([error.message, error.code], [FULL, 'XX000']);
      const { code, reaction, hint } = error.supabase;
      assert.deepEqual([code, reaction], ['EMAXCONNSESSION', 'wait']);
      assert.match(hint, /smaller `max`/);
    }
  });

  test('many requests of a pool begin by a few tries, go on by one at a time, and all are served', async () => {
    await start({ poolSize: 1 });
    const first = await connected();
    const before = attempts();
    const shared = pool({ max: 10 });
    const queries = Array.from({ length: 10 }, () => shared.query('SELECT pg_sleep(0.01)'));
    await eventually(() => attempts() >= before + 5, 'some tries');
    await first.end();
    await settled(Promise.all(queries), 'all queries');
    assert.ok(pooler.ledger.peak <= 4, `${pooler.ledger.peak} tries at a time`);
  });

  test('a connection that comes back serves the next, and nobody tries on', async () => {
    await start({ poolSize: 1 });
    const shared = pool({ max: 5 });
    const lent = await shared.connect();
    const waiting = shared.query('SELECT 1 AS one');
    await eventually(() => attempts() >= 2, 'a try');
    lent.release();
    assert.deepEqual((await settled(waiting, 'the query')).rows, [{ one: 1 }]);
    await eventually(() => shared.totalCount === 1, 'the end of the tries');
  });

  test('a pool ends and a client stops while they wait', async () => {
    await start({ poolSize: 1 });
    await connected();
    const waiting = client();
    const connecting = failure(waiting.connect());
    await eventually(() => attempts() >= 2, 'a try');
    await settled(waiting.end(), 'the end of the client');
    await settled(connecting, 'the connecting client');

    const shared = pool({ connectionTimeoutMillis: 1000 });
    const refused = failure(shared.query('SELECT 1'));
    const ending = shared.end();
    assert.equal((await refused).code, 'XX000');
    await settled(ending, 'the end of the pool');
  });

  test('trouble between pooler and database is waited out', async () => {
    let left = 2;
    await start({
      refuse: (_, at) =>
        at === 'login' && left-- > 0
          ? { S: 'FATAL', C: 'XX000', M: '(EDBHANDLEREXITED) connection to database closed' }
          : null,
    });
    const patient = await connected();
    assert.equal(await value(patient, 'SELECT 1'), 1);
    assert.equal(attempts(), 3);
  });
});

describe('with a wrong password', () => {
  const wrong = { password: 'wrong' };

  test('a pool sends it once, however many requests wait', async () => {
    await start();
    const shared = pool({ ...wrong, max: 10 });
    const errors = await Promise.all(Array.from({ length: 10 }, () => failure(shared.query('SELECT 1'))));
    assert.equal(pooler.ledger.authAttempts, 1);
    for (const { message, code, supabase } of errors) {
      assert.deepEqual([message, code], ['password authentication failed for user "postgres"', '28P01']);
      assert.deepEqual([supabase.code, supabase.reaction], ['EWRONGPASSWORD', 'stop']);
    }
    const untried = errors.filter(({ detail }) => detail?.includes('was not asked again'));
    assert.equal(untried.length, 9);
    assert.match(untried[0].supabase.hint, /another \d+ s/);
  });

  test('other clients of the process leave it alone, and the right one is let in at once', async () => {
    await start();
    for (let i = 0; i < 12; i++) assert.equal((await failure(client(wrong).connect())).code, '28P01');
    assert.equal(pooler.ledger.authAttempts, 1);
    assert.equal(await value(await connected(), 'SELECT 1'), 1);
  });

  test('a new password of a function is tried once more after a while, and an old one is not', async () => {
    await start();
    let password = server.password;
    const shared = pool({ password: () => password, max: 3 });
    const held = await shared.connect();
    pooler.tenant(REF).changePassword('postgres', 'rotated', { refusals: 1 });
    password = 'rotated';
    assert.equal(await value(shared, 'SELECT 1'), 1);
    assert.equal(pooler.ledger.authAttempts, 3);
    held.release();

    pooler.tenant(REF).changePassword('postgres', 'rotated again');
    const lent = [await shared.connect(), await shared.connect()];
    assert.equal((await failure(shared.connect())).code, '28P01');
    assert.equal(pooler.ledger.authAttempts, 4);
    lent.forEach((one) => one.release());
  });

  test('a function that takes long to give one keeps no pooler waiting', async () => {
    await start();
    pooler.millis.message = 200;
    const password = async () => {
      await new Promise((resolve) => setTimeout(resolve, 600));
      return server.password;
    };
    assert.equal(await value(await connected({ password }), 'SELECT 1'), 1);
    assert.equal(attempts(), 1);
  });

  test('the program is never the reason that the pooler shuts its address out', async () => {
    await start();
    const passwords = Array.from({ length: 15 }, (_, i) => `wrong ${i}`);
    await Promise.all(passwords.map((password) => failure(client({ password }).connect())));
    assert.ok(pooler.ledger.authAttempts < 5, `${pooler.ledger.authAttempts} wrong passwords`);
  });

  test('a breaker is respected until it lets go', async () => {
    await start({
      refuse: () => ({
        S: 'FATAL',
        C: 'XX000',
        M: '(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked',
      }),
    });
    for (let i = 0; i < 3; i++) {
      const error = await failure(client().connect());
      assert.match(error.message, /too many authentication failures/);
      assert.equal(error.supabase.reaction, 'stop');
    }
    assert.equal(attempts(), 1);
  });
});

describe('parameters that the pooler drops', () => {
  const limits = {
    application_name: "it's me",
    statement_timeout: 5000,
    lock_timeout: 3000,
    idle_in_transaction_session_timeout: 60_000,
    options: '-c work_mem=8MB --search_path=elsewhere -c app.tenant=a\\ b',
  };
  const shown = `SELECT concat_ws('|', current_setting('application_name'), current_setting('statement_timeout'),
    current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
    current_setting('work_mem'), current_setting('search_path'), current_setting('app.tenant'))`;

  test('are what they are on a server, for clients and pools', async () => {
    await start();
    const direct = kept(new Client({ ...server.config(), ...limits }));
    await direct.connect();
    const expected = await value(direct, shown);
    assert.equal(await value(await connected(limits), shown), expected);
    assert.equal(await value(pool(limits), shown), expected);
  });

  test('fail with the server’s words where their value is none', async () => {
    await start();
    const error = await failure(client({ options: '-c work_mem=much' }).connect());
    assert.equal(error.code, '22023');
    assert.match(error.message, /work_mem/);
  });

  test('are refused by name in transaction mode where a transaction can’t have them', async () => {
    await start();
    const mode = { port: pooler.transactionPort, poolMode: 'transaction' };
    const error = await failure(
      client({ ...mode, options: '-c default_transaction_read_only=on' }).connect(),
    );
    assert.match(error.message, /^"default_transaction_read_only" can't be kept in transaction mode/);
    assert.equal(error.code, 'PGFLEET_TRANSACTION_MODE');
    assert.equal(error.supabase.reaction, 'fix');
    assert.equal(attempts(), 0);
    assert.equal(await value(await connected({ ...mode, application_name: 'app' }), 'SELECT 1'), 1);
  });

  test('a bare reference beside -c still reaches the pooler', async () => {
    await start();
    const user = { user: 'postgres', options: `reference=${REF} -c work_mem=8MB` };
    assert.equal(await value(await connected(user), 'SHOW work_mem'), '8MB');
  });

  test('more of them than the pooler reads are refused with the name of the longest', async () => {
    await start();
    const error = await failure(client({ application_name: 'x'.repeat(1000) }).connect());
    assert.match(error.message, /the pooler reads 1024: shorten "application_name"/);
    assert.equal(attempts(), 0);
  });
});

test('temporary access asks a client of node-postgres’s surface for its password in the clear', async () => {
  await start({ jit: true });
  assert.equal(await value(await connected({ ssl: { rejectUnauthorized: false } }), 'SELECT 1'), 1);
  assert.deepEqual(
    pooler.ledger.entries.map(({ cleartext }) => cleartext),
    [1],
  );
});

test('an entry of a manager is told what the answer of a pooler means', async () => {
  await start();
  const manager = new DatabaseManager();
  const error = await failure(
    manager.addConnection('nowhere', config({ user: 'postgres.zyxwvutsrqponmlkjihg' })),
  );
  assert.deepEqual([error.supabase?.code, error.supabase?.reaction], ['ENOTFOUND', 'fix']);
});

forBoth(({ pg }) => {
  test('a server without room refuses at once', async () => {
    const role = `without_room_${Date.now()}`;
    const admin = new pg.Client(server.config());
    await admin.connect();
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret' CONNECTION LIMIT 0`);
    const refused = new pg.Client({
      ...server.config(),
      user: role,
      password: 'secret',
      connectionTimeoutMillis: 60_000,
    });
    const error = await failure(refused.connect());
    assert.deepEqual([error.code, error.supabase], ['53300', undefined]);
    await admin.query(`DROP ROLE ${role}`);
    await admin.end();
  });
});

describe('PgBouncer', { skip: pgbouncer === undefined && 'PgBouncer is not installed' }, () => {
  const limits = { statement_timeout: 5000, options: '-c work_mem=8MB' };

  test('in session mode has what it refuses set after connecting, once its mode is told', async () => {
    const bouncer = await startPgBouncer(server, 'session');
    const settings = { ...server.config(), host: bouncer.host, port: bouncer.port, ...limits };
    try {
      assert.equal((await failure(kept(new Client(settings)).connect())).code, '08P01');
      const told = kept(new Client({ ...settings, poolMode: 'session' }));
      await told.connect();
      assert.equal(await value(told, 'SHOW statement_timeout'), '5s');
      assert.equal(await value(told, 'SHOW work_mem'), '8MB');
      await told.end();
    } finally {
      bouncer.stop();
    }
  });

  test('in transaction mode refuses it, and sets nothing that others would meet', async () => {
    const bouncer = await startPgBouncer(server, 'transaction');
    const settings = { ...server.config(), host: bouncer.host, port: bouncer.port, poolMode: 'transaction' };
    try {
      const error = await failure(kept(new Client({ ...settings, ...limits })).connect());
      assert.equal(error.code, '08P01');
      assert.match(error.message, /statement_timeout/);
      const other = kept(new Client(settings));
      await other.connect();
      assert.equal(await value(other, 'SHOW statement_timeout'), '0');
      await other.end();
    } finally {
      bouncer.stop();
    }
  });
});
