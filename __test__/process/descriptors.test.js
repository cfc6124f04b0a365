'use strict';

const { describe, test } = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');

const PROGRAM = path.join(__dirname, 'programs', 'no-descriptors.js');
const LIMITED = ['sh', '-c', 'ulimit -n 64; exec "$0" "$@"'];

if (process.env.PGFLEET_CONTENDER !== 'pg' && process.platform !== 'win32') {
  describe('a program without a file descriptor left', () => {
    for (const host of ['127.0.0.1', 'localhost']) {
      test(`is told so and what to do, and goes on when it has some again, by ${host}`, async () => {
        const server = await postgres();
        const outcome = await run(PROGRAM, {
          args: [host],
          launcher: LIMITED,
          env: { PROGRAM_TARGET: JSON.stringify(server.config()) },
        });
        assert.deepEqual([outcome.code, outcome.stderr], [0, '']);
        const refused = { code: 'EMFILE', advises: true };
        const all = { manager: refused, query: refused, client: refused, ddl: refused, own: refused };
        assert.deepEqual(JSON.parse(outcome.stdout), {
          failed: [all, all],
          rows: [{ one: 1 }],
          again: [{ one: 1 }],
          counts: [1, 1, 0],
        });
      });
    }
  });
}
