'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');
const { run } = require('../support/program');

describe('clients and the process they live in', () => {
  forBoth(({ ours }) => {
    let env;
    before(async () => {
      env = { QUERY_CONFIG: JSON.stringify((await postgres()).config()) };
    });

    const program = (body) => ({
      source: `
        const pg = require(${JSON.stringify(ours ? '.' : 'pg')});
        const config = JSON.parse(process.env.QUERY_CONFIG);
        const client = new pg.Client(config);
        (async () => { ${body} })();
      `,
    });

    test('a client that was ended lets the process go', async () => {
      const outcome = await run(program("await client.connect(); await client.end(); console.log('done');"), {
        env,
      });
      assert.deepEqual([outcome.code, outcome.stdout], [0, 'done\n'], outcome.stderr);
    });

    test('a client with unref lets the process go', async () => {
      const body =
        "await client.connect(); await client.query('SELECT 1'); client.unref(); console.log('done');";
      const outcome = await run(program(body), { env });
      assert.deepEqual([outcome.code, outcome.stdout], [0, 'done\n'], outcome.stderr);
    });

    test('a client with ref after unref keeps the process, until it ends', async () => {
      const body = `
        await client.connect();
        client.unref();
        client.ref();
        setTimeout(() => { console.log('still here'); client.end(); }, 300).unref();`;
      const outcome = await run(program(body), { env });
      assert.deepEqual([outcome.code, outcome.stdout], [0, 'still here\n'], outcome.stderr);
    });

    for (const [what, end] of Object.entries({
      'in the same turn': 'client.end();',
      'in the next tick': 'process.nextTick(() => client.end());',
      'in the same turn, behind a query': "client.query('SELECT 1').catch((error) => error); client.end();",
    })) {
      test(`a client that is ended ${what} as it connects, without a handler, lets the process exit`, async () => {
        const outcome = await run(program(`client.connect(); ${end}`), { env });
        assert.deepEqual([outcome.code, outcome.stderr], [0, '']);
      });
    }

    // What keeps a process shows in its being there when there was time to end.
    test('an open client keeps the process', async () => {
      const body = `
        await client.connect();
        setTimeout(() => { console.log('still here'); client.end(); }, 300).unref();`;
      const outcome = await run(program(body), { env });
      assert.deepEqual([outcome.code, outcome.stdout], [0, 'still here\n'], outcome.stderr);
    });

    test('a query in flight keeps the process', async () => {
      const body = `
        await client.connect();
        const { rows } = await client.query('SELECT pg_sleep(0.3), 7 AS n');
        console.log(rows[0].n);
        await client.end();`;
      const outcome = await run(program(body), { env });
      assert.deepEqual([outcome.code, outcome.stdout], [0, '7\n'], outcome.stderr);
    });

    test('a client never connected does not keep the process', async () => {
      const outcome = await run(program("console.log('done');"), { env });
      assert.deepEqual([outcome.code, outcome.stdout], [0, 'done\n'], outcome.stderr);
    });

    // node-postgres throws the error where it can't be caught; ours emits it if there is a listener.
    const fate = ours ? 'leaves the process alone' : 'ends the process';
    test(`losing an idle client without an 'error' listener ${fate}`, async () => {
      const body = `
        await client.connect();
        const ended = new Promise((resolve) => client.on('end', resolve));
        const other = new pg.Client(config);
        await other.connect();
        await other.query('SELECT pg_terminate_backend($1)', [client.processID]);
        await other.end();
        await ended;
        console.log('still here');`;
      const outcome = await run(program(body), { env });
      if (ours) {
        assert.deepEqual([outcome.code, outcome.stdout], [0, 'still here\n'], outcome.stderr);
        assert.equal(outcome.stderr.match(/PGFLEET_CONNECTION_LOST/g)?.length, 1);
      } else {
        assert.notEqual(outcome.code, 0);
        assert.match(outcome.stderr, /terminating connection due to administrator command/);
      }
    });

    test('an error event of a Query object without a listener ends the process', async () => {
      const body = `
        await client.connect();
        client.query(new pg.Query('SELECT 1 / 0'));`;
      const outcome = await run(program(body), { env });
      assert.notEqual(outcome.code, 0);
      assert.match(outcome.stderr, /division by zero/);
    });

    test('a rejected query without a handler ends the process', async () => {
      const body = "await client.connect(); client.query('SELECT 1 / 0');";
      const outcome = await run(program(body), { env });
      assert.equal(outcome.code, 1);
      assert.match(outcome.stderr, /division by zero/);
    });

    test('nothing printed about a failure holds the password', async () => {
      const source = `
        const pg = require(${JSON.stringify(ours ? '.' : 'pg')});
        const { inspect } = require('node:util');
        const config = { ...JSON.parse(process.env.QUERY_CONFIG), password: 'wrong-secret-word' };
        const client = new pg.Client(config);
        const pool = new pg.Pool(config);
        (async () => {
          for (const connect of [() => client.connect(), () => pool.query('SELECT 1')]) {
            await connect().catch((error) => console.log(error.code, inspect(error, { depth: 9 }), error.stack));
          }
          console.log(inspect(client, { depth: 9 }), inspect(pool, { depth: 9 }), JSON.stringify(pool.options));
        })();
      `;
      const outcome = await run({ source }, { env });
      assert.equal(outcome.code, 0, outcome.stderr);
      assert.match(outcome.stdout, /^28P01/);
      assert.equal(outcome.stdout.includes('wrong-secret-word'), false);
    });
  });
});
