'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');
const { run } = require('../support/program');

describe('pools and the process they live in', () => {
  forBoth(({ ours }) => {
    let env;
    before(async () => {
      env = { QUERY_CONFIG: JSON.stringify((await postgres()).config()) };
    });

    const program = (body) => ({
      source: `
        const pg = require(${JSON.stringify(ours ? '.' : 'pg')});
        const config = JSON.parse(process.env.QUERY_CONFIG);
        (async () => { ${body} })();
      `,
    });
    // What keeps a process shows in its being there when there was time to end: a pool looks every second whether it is
    // needed.
    const expectation = {
      'allowExitOnIdle lets the process go while clients are idle': [
        `const pool = new pg.Pool({ ...config, allowExitOnIdle: true, idleTimeoutMillis: 0 });
         await pool.query('SELECT 1');
         console.log('done');`,
        'done\n',
      ],
      'allowExitOnIdle keeps the process while a query runs': [
        `const pool = new pg.Pool({ ...config, allowExitOnIdle: true });
         await pool.query('SELECT 1');
         const { rows } = await pool.query('SELECT pg_sleep(0.3), 7 AS n');
         console.log(rows[0].n);`,
        '7\n',
      ],
      'a pool that was never used lets the process go': [
        `new pg.Pool(config); console.log('done');`,
        'done\n',
      ],
      'a pool that was ended lets the process go': [
        `const pool = new pg.Pool(config);
         await pool.query('SELECT 1');
         await pool.end();
         console.log('done');`,
        'done\n',
      ],
      'idleTimeoutMillis lets the process go when it has closed the last client': [
        `const pool = new pg.Pool({ ...config, idleTimeoutMillis: 50 });
         pool.on('remove', () => console.log('removed'));
         await pool.query('SELECT 1');`,
        'removed\n',
      ],
      'a query in flight keeps the process': [
        `const pool = new pg.Pool({ ...config, idleTimeoutMillis: 1 });
         const { rows } = await pool.query('SELECT pg_sleep(0.3), 7 AS n');
         console.log(rows[0].n);`,
        '7\n',
      ],
    };
    const ofNoUse = {
      'was ended': 'await client.end();',
      'was killed': `
        const other = new pg.Client(config);
        await other.connect();
        await other.query('SELECT pg_terminate_backend($1)', [client.processID]);
        await other.end();`,
      'lost its socket': 'client.connection.stream.destroy();',
    };
    for (const [fate, lose] of Object.entries(ofNoUse)) {
      for (const [whose, listen] of [
        ['', ''],
        [' of a pool that is listened to', "pool.on('acquire', () => {});"],
      ]) {
        expectation[`a client${whose} that ${fate} and never came back lets the process go`] = [
          `const pool = new pg.Pool(config);
           pool.on('error', () => {});
           ${listen}
           const client = await pool.connect();
           client.on('error', () => {});
           ${lose}
           console.log('done');`,
          'done\n',
        ];
      }
    }
    for (const [what, options] of [
      ['', ''],
      [' in spite of its limit', 'connectionTimeoutMillis: 60_000,'],
      [', where idle ones may be left,', 'allowExitOnIdle: true,'],
    ]) {
      expectation[`a request that waits${what} for a client which was lost lets the process go`] = [
        `const pool = new pg.Pool({ ...config, max: 1, ${options} });
         const client = await pool.connect();
         await client.end();
         pool.query('SELECT 1').then(console.log, console.log);
         pool.connect().then(console.log, console.log);
         console.log('done');`,
        'done\n',
      ];
    }
    expectation['a request that waits for a client which was lost is served when that comes back'] = [
      `const pool = new pg.Pool({ ...config, max: 1, idleTimeoutMillis: 50 });
       const client = await pool.connect();
       await client.end();
       const answer = pool.query('SELECT 7 AS n');
       setTimeout(() => client.release(), 2500);
       console.log((await answer).rows[0].n);`,
      '7\n',
    ];
    expectation['a request that waits for a client with unref is served when that comes back'] = [
      `const pool = new pg.Pool({ ...config, max: 1, idleTimeoutMillis: 50 });
       const client = await pool.connect();
       client.unref();
       const answer = pool.query('SELECT 7 AS n, pg_sleep(1)');
       setTimeout(() => client.release(), 2500);
       console.log((await answer).rows[0].n);`,
      '7\n',
    ];
    expectation['clients with unref let the process go'] = [
      `const pool = new pg.Pool(config);
       for (const client of [await pool.connect(), await pool.connect()]) client.unref();
       console.log('done');`,
      'done\n',
    ];
    expectation['a client with ref after unref keeps the process, until it is given back'] = [
      `const pool = new pg.Pool({ ...config, idleTimeoutMillis: 50 });
       const client = await pool.connect();
       client.unref();
       client.ref();
       setTimeout(() => { console.log('late'); client.release(); }, 1500).unref();
       pool.on('remove', () => console.log('removed'));`,
      'late\nremoved\n',
    ];
    for (const [what, [body, stdout]] of Object.entries(expectation)) {
      test(what, async () => {
        const outcome = await run(program(body), { env });
        assert.deepEqual([outcome.code, outcome.stdout], [0, stdout], outcome.stderr);
      });
    }

    const throwing = {
      'the callback of connect': `pool.connect((error, client, release) => { release(); throw new Error('thrown inside'); });`,
      'the callback of a query': `pool.query('SELECT 1', () => { throw new Error('thrown inside'); });`,
    };
    for (const [what, ask] of Object.entries(throwing)) {
      test(`what ${what} throws reaches uncaughtException, and the pool stays usable`, async () => {
        const body = `
          const pool = new pg.Pool({ ...config, max: 1 });
          await pool.query('SELECT 1');
          const caught = new Promise((resolve) => process.on('uncaughtException', resolve));
          ${ask}
          console.log((await caught).message);
          console.log((await pool.query('SELECT 7 AS n')).rows[0].n);
          await pool.end();`;
        const outcome = await run(program(body), { env });
        assert.deepEqual([outcome.code, outcome.stdout], [0, 'thrown inside\n7\n'], outcome.stderr);
      });
    }

    // node-postgres throws the error where it can't be caught. A pool has other clients, so ours goes on.
    const fate = ours ? 'leaves the process alone' : 'ends the process';
    test(`losing an idle client without an 'error' listener ${fate}`, async () => {
      const body = `
        const pool = new pg.Pool({ ...config, idleTimeoutMillis: 0 });
        const { rows } = await pool.query('SELECT pg_backend_pid() AS pid');
        const removed = new Promise((resolve) => pool.on('remove', resolve));
        const other = new pg.Client(config);
        await other.connect();
        await other.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
        await other.end();
        await removed;
        console.log((await pool.query('SELECT 7 AS n')).rows[0].n);
        await pool.end();`;
      const outcome = await run(program(body), { env });
      if (ours) {
        assert.deepEqual([outcome.code, outcome.stdout], [0, '7\n'], outcome.stderr);
      } else {
        assert.notEqual(outcome.code, 0);
        assert.match(outcome.stderr, /terminating connection due to administrator command/);
      }
    });
  });
});
