'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, test } = require('node:test');
const { ROOT, run } = require('../support/program');

const PROGRAM = path.join(ROOT, 'bench', 'ledger', 'run.js');
const RANDOM_SEED = String(Math.floor(Math.random() * 1e9));

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  // `npm run ledger` goes on for half an hour.
  describe('the ledger, under kills, cuts, restarts, cancels and schema changes', () => {
    for (const seed of ['1', '2', RANDOM_SEED]) {
      test(`finds what callers were told to be what is there: seed ${seed}`, async () => {
        const { code, stdout, stderr } = await run(PROGRAM, {
          args: ['--minutes', '0', '--chapter-seconds', '10', '--seed', seed],
          timeoutMillis: 240_000,
        });
        assert.equal(code, 0, `${stdout}\n${stderr}`);
        assert.match(stdout, /^\d+ entries, all of them true$/m);
      });
    }
  });
}
