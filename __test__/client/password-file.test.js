'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');
const { run } = require('../support/program');

describe('a password from the password file', { skip: process.platform === 'win32' }, () => {
  forBoth(({ ours }) => {
    const connect = async (context, lines) => {
      const server = await postgres();
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-password-'));
      context.after(() => fs.rmSync(directory, { recursive: true }));
      const file = path.join(directory, 'passwords');
      fs.writeFileSync(file, lines(server), { mode: 0o600 });
      const { host, port, user, database } = server.config();
      const source = `
        const pg = require(${JSON.stringify(ours ? '.' : 'pg')});
        const client = new pg.Client();
        client.connect()
          .then(() => client.query('SELECT current_user AS name'))
          .then(({ rows }) => { console.log(rows[0].name); return client.end(); })
          .catch((error) => { console.log(error.message); process.exit(); });
      `;
      const env = {
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: user,
        PGDATABASE: database,
        PGPASSFILE: file,
      };
      const outcome = await run({ source }, { env });
      return { outcome, server };
    };

    test('is used when there is no other', async (context) => {
      const { outcome, server } = await connect(
        context,
        ({ host, port, user, password }) => `elsewhere:1:*:*:wrong\n${host}:${port}:*:${user}:${password}\n`,
      );
      assert.equal(outcome.stdout, `${server.user}\n`, outcome.stderr);
    });

    test('is not there when no line fits', async (context) => {
      const { outcome } = await connect(context, () => 'elsewhere:1:*:*:wrong\n');
      assert.equal(
        outcome.stdout,
        'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string\n',
        outcome.stderr,
      );
    });
  });
});
