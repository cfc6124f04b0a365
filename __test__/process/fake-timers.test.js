'use strict';

const { before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
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

const NAMES = 'setTimeout|clearTimeout|setInterval|clearInterval|setImmediate|queueMicrotask|nextTick';

test('every file takes its timers from lib/timers.js', () => {
  const lib = path.join(ROOT, 'lib');
  const files = fs
    .readdirSync(lib, { recursive: true })
    .filter((name) => name.endsWith('.js') && name !== 'timers.js');
  const wrong = files.flatMap((name) => {
    const text = fs.readFileSync(path.join(lib, name), 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
    const taken = /const \{([^}]*)\} = require\('[./]+\/timers'\)/.exec(text)?.[1] ?? '';
    const used = [...text.matchAll(new RegExp(`(?<![\\w$.])(process\\.)?(${NAMES})\\b(?=[(),])`, 'g'))];
    return used
      .filter(([, owner, timer]) => owner || !taken.includes(timer))
      .map(([use]) => `${name}: ${use}`);
  });
  assert.deepEqual(wrong, []);
});

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
