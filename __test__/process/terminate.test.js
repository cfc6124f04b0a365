'use strict';

const { test, before, describe } = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { forBoth } = require('../support/both.js');
const { eventually, failure, settled } = require('../support/failure.js');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');

/** Ends the server's side of the connections of that name. */
async function terminate(server, applicationName) {
  const sql = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1';
  return server.asSuperuser(async (client) => (await client.query(sql, [applicationName])).rowCount);
}

forBoth(({ pg, label }) => {
  let server;
  before(async () => {
    server = await postgres();
  });

  const nameOf = (what) => `terminated ${what} ${label}`;

  test('an idle client of a pool that the server ends is reported once and replaced', async () => {
    const name = nameOf('idle');
    const pool = new pg.Pool(server.config({ application_name: name }));
    const reports = [];
    pool.on('error', (error, client) => reports.push({ code: error.code, client }));
    const client = await pool.connect();
    client.release();
    assert.equal(await terminate(server, name), 1);
    await eventually(() => reports.length > 0, 'the report');
    assert.deepEqual(
      reports.map(({ code }) => code),
      ['57P01'],
    );
    assert.equal(reports[0].client, client);
    assert.equal(pool.totalCount, 0);
    assert.deepEqual((await pool.query('SELECT 1 AS one')).rows, [{ one: 1 }]);
    await pool.end();
  });

  test("a query in flight is rejected with the server's error, and the pool goes on", async () => {
    const name = nameOf('in flight');
    const pool = new pg.Pool(server.config({ application_name: name, max: 1 }));
    pool.on('error', () => {});
    const waiting = failure(pool.query('SELECT pg_sleep(600)'));
    const next = pool.query('SELECT 1 AS one');
    await eventually(async () => (await terminate(server, name)) === 1, 'the ending');
    const error = await settled(waiting, 'the query');
    assert.equal(error.code, '57P01');
    assert.equal(error.message, 'terminating connection due to administrator command');
    assert.deepEqual((await settled(next, 'the next query')).rows, [{ one: 1 }]);
    await pool.end();
  });

  test('a client whose connection the server ends says so, then ends', async () => {
    const name = nameOf('client');
    const client = new pg.Client(server.config({ application_name: name }));
    await client.connect();
    const events = [];
    client.on('error', (error) => events.push(error.code ?? error.message));
    client.on('end', () => events.push('end'));
    await terminate(server, name);
    await eventually(() => events.includes('end'), 'the end');
    assert.deepEqual(events, ['57P01', 'Connection terminated unexpectedly', 'end']);
    const error = await failure(client.query('SELECT 1'));
    assert.equal(error.message, 'Client has encountered a connection error and is not queryable');
  });

  test('queries that wait behind the one in flight are all rejected', async () => {
    const name = nameOf('queue');
    const client = new pg.Client(server.config({ application_name: name }));
    client.on('error', () => {});
    await client.connect();
    const queries = Array.from({ length: 3 }, () => failure(client.query('SELECT pg_sleep(600)')));
    await eventually(async () => (await terminate(server, name)) === 1, 'the ending');
    const [first, ...others] = await settled(Promise.all(queries), 'the queries');
    assert.equal(first.code, '57P01');
    for (const error of others) assert.match(error.message, /^Connection terminated/);
  });
});

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  describe('a program with a manager', () => {
    test('survives pg_terminate_backend, idle, in flight and checked out, without listening to any event', async () => {
      const server = await postgres();
      const outcome = await run(path.join(__dirname, 'programs', 'terminated-backends.js'), {
        env: { PROGRAM_TARGET: JSON.stringify(server.config({ application_name: 'terminated program' })) },
      });
      assert.equal(outcome.stderr, '');
      const lines = outcome.stdout.trim().split('\n');
      assert.deepEqual(lines.slice(0, 6), [
        'idle: 1',
        'idle, at once: usable',
        'in flight: rejected 57P01',
        'in flight: rejected 57P01',
        'in flight: rejected 57P01',
        'after: 2',
      ]);
      assert.match(
        lines[6],
        /^checked out: (Client has encountered a connection error|terminating|Connection term)/,
      );
      assert.deepEqual(lines.slice(7), ['after: 3', 'connections: true']);
      assert.equal(outcome.code, 0);
    });
  });
}
