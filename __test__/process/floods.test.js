'use strict';

const { describe, test } = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const pgfleet = require('../..');
const { failure, settled } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');

const PROGRAM = path.join(__dirname, 'programs', 'floods.js');

/** What a Node program takes by the way, and more; the floods are several hundred megabytes each. */
const MOST_MEGABYTES = 160;

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  describe('a server that says more than a program listens to', () => {
    async function flood(what, config) {
      const env = { PROGRAM_TARGET: JSON.stringify(config) };
      // The young generation of later versions of Node may grow by more than what is measured here.
      const outcome = await run(PROGRAM, {
        args: [what],
        env,
        execArgv: ['--max-semi-space-size=16'],
        timeoutMillis: 120_000,
      });
      assert.deepEqual([outcome.code, outcome.stderr], [0, '']);
      const { heard, grownMegabytes } = JSON.parse(outcome.stdout);
      assert.ok(grownMegabytes < MOST_MEGABYTES, `${grownMegabytes} MB more`);
      return heard;
    }

    test('waits with its notices until they are heard', async () => {
      const server = await postgres();
      assert.equal(await flood('notices', server.config()), 400_000);
    });

    test('waits with its notifications while the program is busy', async () => {
      const server = await postgres();
      assert.equal(await flood('notifications', server.config()), 25_000);
    });

    /** Sends messages without end as soon as it is asked something, and answers after so many megabytes. */
    async function repeating(messageOf, megabytes) {
      return fakeServer(async (connection) => {
        await connection.greet();
        if (!(await connection.readUntil('Q'))) return;
        let sent = 0;
        await connection.flood((number) => {
          if (sent >= megabytes * 1024 * 1024) return null;
          const message = messageOf(number);
          sent += message.length;
          return message;
        });
        connection.send(messages.oneRow('after all'));
        await connection.read();
      });
    }

    test('waits with its parameters', async () => {
      const parameters = Buffer.concat(Array(4096).fill(messages.parameterStatus('a', 'b')));
      const fake = await repeating(() => parameters, 16);
      assert.deepEqual(await flood('others', fake.config()), [{ value: 'after all' }]);
      await fake.close();
    });

    test('waits with descriptions of results', async () => {
      const columns = (number) => Array.from({ length: 500 }, (_, n) => `column ${n} of ${number}`);
      const fake = await repeating((number) => messages.rowDescription(...columns(number)), 24);
      assert.deepEqual(await flood('others', fake.config()), [{ value: 'after all' }]);
      await fake.close();
    });

    test('is refused when it does so before the log-in is over', async () => {
      const notice = messages.noticeResponse();
      const fake = await fakeServer(async (connection) => {
        await connection.startup();
        connection.send(messages.authenticationOk());
        connection.send(Buffer.concat(Array(Math.ceil((2 * 1024 * 1024) / notice.length)).fill(notice)));
        await connection.read();
      });
      const client = new pgfleet.Client(fake.config());
      client.on('error', () => {}); // what comes after a failed connect is not the matter here
      const error = await settled(failure(client.connect()), 'connecting');
      assert.match(error.message, /sent more than 1 MB before it was ready for queries/);
      await client.end();
      await fake.close();
    });
  });
}
