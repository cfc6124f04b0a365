'use strict';

// While a long answer comes in, the thread that reads it doesn't take the CPU from a server that still sends.

const { test, before, afterEach, beforeEach, describe } = require('node:test');
const assert = require('node:assert/strict');
const path = require('node:path');
const { eventually } = require('../support/failure.js');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');
const { BATCH, IDLE, OTHER, threadPolicies } = require('../support/thread-policies.js');

if (process.env.PGFLEET_CONTENDER !== 'pg' && process.platform === 'linux') {
  const { Client, Cursor } = require('../../index.js');

  describe('the thread that reads', () => {
    let server;
    let client;
    before(async () => {
      server = await postgres();
    });
    beforeEach(async () => {
      client = new Client(server.config());
      await client.connect();
    });
    afterEach(() => client.end());

    async function amidLongAnswer() {
      const cursor = client.query(new Cursor('SELECT * FROM generate_series(1, 100000)'));
      await cursor.read(10_000);
      await cursor.read(10_000);
      assert.ok(threadPolicies().includes(BATCH), `policies: ${threadPolicies()}`);
      return cursor;
    }

    /** A thread that sleeps keeps its policy until it has something short to read: there may be several. */
    async function readShortAnswer() {
      const other = new Client(server.config());
      await other.connect();
      await other.query('SELECT 1');
      await other.end();
    }

    const isAsBefore = () =>
      eventually(async () => {
        await Promise.all([readShortAnswer(), readShortAnswer(), readShortAnswer()]);
        return threadPolicies().join() === `${OTHER}`;
      }, 'the policy of before');

    test('lets the server finish while the answer is long, and no longer', async () => {
      await client.query('SELECT 1');
      assert.deepEqual(threadPolicies(), [OTHER]);
      const cursor = await amidLongAnswer();
      assert.equal((await cursor.read(100_000)).length, 80_000);
      await cursor.close();
      await isAsBefore();
    });

    test('goes by what comes in last', async () => {
      const cursor = await amidLongAnswer();
      await isAsBefore();
      await cursor.close();
    });

    test('is as it was when the connection is lost in mid-answer', async () => {
      await amidLongAnswer();
      client.on('error', () => {});
      client.connection.stream.destroy();
      await isAsBefore();
    });

    test('keeps a policy that was set from outside', async (context) => {
      const outcome = await run(path.join(__dirname, 'programs', 'long-answer.js'), {
        env: { PROGRAM_TARGET: JSON.stringify(server.config()) },
        launcher: ['chrt', '--idle', '0'],
      }).catch((error) => error);
      if (outcome.code === 'ENOENT') return context.skip('there is no chrt here');
      assert.deepEqual([outcome.stdout, outcome.stderr], [`${IDLE}\n${IDLE}\n`, '']);
    });
  });
}
