'use strict';

const { describe, test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { run } = require('../support/program.js');
const { postgres, ROLE_PASSWORD } = require('../support/server.js');

const PROGRAM = path.join(__dirname, 'programs', 'no-descriptors.js');
const PASSWORD_PROGRAM = path.join(__dirname, 'programs', 'no-descriptor-for-password.js');
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

    test('is told so when the password file is what it has none for', async (t) => {
      const server = await postgres();
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-'));
      t.after(() => fs.rmSync(directory, { recursive: true }));
      const file = path.join(directory, 'pgpass');
      fs.writeFileSync(file, `*:*:*:*:${ROLE_PASSWORD}\n`, { mode: 0o600 });
      const { password: _, ...target } = server.config({ user: 'clear_user' });
      const { code, stdout } = await run(PASSWORD_PROGRAM, {
        launcher: LIMITED,
        env: { PROGRAM_TARGET: JSON.stringify(target), PGPASSFILE: file },
      });
      assert.equal(code, 0); // pgpass has written a warning
      const expected = { failure: ['EMFILE', true], rows: [{ one: 1 }] };
      assert.deepEqual(JSON.parse(stdout), { natively: expected, 'on a stream': expected });
    });
  });
}
