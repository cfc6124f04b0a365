'use strict';

// Node's permission model: an app that may read its own folder and load addons, and no more.

const { before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { run, ROOT } = require('../support/program.js');
const { postgres } = require('../support/server.js');

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const hasOption = major > 22 || (major === 22 && minor >= 13);
  const option = hasOption ? '--permission' : '--experimental-permission';
  const permissions = ['--no-warnings', option, `--allow-fs-read=${ROOT}`];

  describe(`under ${option}`, () => {
    let env;
    before(async () => {
      env = { PROGRAM_TARGET: JSON.stringify((await postgres()).config()) };
    });

    /** @param {string} body of an async function @param {string[]} more options of Node */
    function outcomeOf(body, more) {
      const source = `const target = JSON.parse(process.env.PROGRAM_TARGET);
        (async () => {${body}})().catch((error) => console.log(error.message, error.cause?.code));`;
      return run({ source }, { env, execArgv: [...permissions, ...more] });
    }

    test('a program that may read its own folder and load addons has all that it needs', async () => {
      const body = `
        const { Client, Pool } = require('./index.js');
        const pool = new Pool({ ...target, ssl: { rejectUnauthorized: false } });
        console.log((await pool.query('SELECT 1 AS one')).rows);
        await pool.end();
        // Where a password file would be looked for.
        const { password, ...rest } = target;
        await new Client(rest).connect();`;
      const { code, stdout, stderr } = await outcomeOf(body, ['--allow-addons']);
      const refused = 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string undefined\n';
      assert.deepEqual([code, stderr, stdout], [0, '', `[ { one: 1 } ]\n${refused}`]);
    });

    test('one that may not run commands is told which of its references needs one', async () => {
      const body = `
        const manager = await require('./index.js').fromConfig({
          databases: {
            one: { host: '127.0.0.1', url: { command: ['a', 'b'] } },
            two: { ...target, password: { command: ['a', 'b'] } },
          },
        });
        for (const database of ['one', 'two']) {
          await manager.executeDDL('SELECT 1', { database }).catch(({ code, message }) => console.log(code, message));
        }`;
      const { code, stdout, stderr } = await outcomeOf(body, ['--allow-addons']);
      const refused = (option) =>
        `PGFLEET_REFERENCE "${option}" is to come from the command "a", which can't be run (ERR_ACCESS_DENIED)\n`;
      assert.deepEqual([code, stderr, stdout], [0, '', refused('url') + refused('password')]);
    });

    test('one that may not load addons is told the option', async () => {
      const { code, stdout, stderr } = await outcomeOf(`require('./index.js');`, []);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(
        stdout,
        /can't be loaded \(.*\); start Node with --allow-addons .* ERR_DLOPEN_DISABLED\n$/,
      );
    });
  });
}
