'use strict';

const { before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { run, ROOT } = require('../support/program.js');
const { postgres } = require('../support/server.js');

const PROGRAM = path.join(__dirname, 'programs', 'fake-timers.js');

const SETTLED = [
  'a pool: "Cannot use a pool after calling end on the pool"',
  'a client: ["42703","cancelled","Client was closed and is not queryable"]',
  'a pool whose clients are of the program: settled',
  'a server that refuses: ["ECONNREFUSED","ECONNREFUSED"]',
  'a manager: "42601"',
  'a cursor: 3',
];

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  describe("under a test's fake timers", () => {
    let env;
    before(async () => {
      const server = await postgres();
      env = { PROGRAM_TARGET: JSON.stringify(server.config({ ssl: { rejectUnauthorized: false } })) };
    });

    test('everything settles without setTimeout, setInterval, setImmediate and queueMicrotask', async () => {
      const { code, stdout, stderr } = await run(PROGRAM, { env });
      const streams = ['streams: [500,2]', 'a client with a socket of the program: settled'];
      assert.deepEqual([code, stderr, stdout.trim().split('\n')], [0, '', [...SETTLED, ...streams]]);
    });

    test("everything but Node's own streams settles without process.nextTick as well", async () => {
      const { code, stdout, stderr } = await run(PROGRAM, { env, args: ['ticks'] });
      assert.deepEqual([code, stderr, stdout.trim().split('\n')], [0, '', SETTLED]);
    });
  });
}
