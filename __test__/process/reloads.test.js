'use strict';

const { before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');

const PROGRAM = path.join(__dirname, 'programs', 'reloads.js');

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  describe('a package that is loaded again and again', () => {
    let env;
    before(async () => {
      env = { PROGRAM_TARGET: JSON.stringify((await postgres()).config({ ssl: false })) };
    });

    const WAYS = {
      cache: 'because require.cache is emptied',
      context: 'for one global object after the other',
    };
    for (const [way, why] of Object.entries(WAYS)) {
      for (const used of [false, true]) {
        test(`${why} is collected each time, ${used ? 'when what it opened is closed' : 'unused'}`, async () => {
          const args = [way, ...(used ? ['used'] : [])];
          const outcome = await run(PROGRAM, { env, args, execArgv: ['--expose-gc'] });
          assert.deepEqual(
            [outcome.code, outcome.stderr, outcome.stdout],
            [0, '', 'none of 20 copies is left, and 1 addon was loaded\n'],
          );
        });
      }
    }
  });
}
