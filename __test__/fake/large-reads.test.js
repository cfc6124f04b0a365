'use strict';

// A text without a name whose result was large is described first when it comes again, so that its columns can be asked
// for in binary format: Parse, Describe, Flush, and then Bind, Execute, Sync.

const { test, describe, afterEach } = require('node:test');
const assert = require('node:assert/strict');
const { failure, settled } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');

const { message, int16, errorResponse, bindComplete, parseComplete, readyForQuery } = messages;

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const { Client } = require('../../index.js');

  /** More bytes than the farthest server that counts as near has nanoseconds. */
  const WIDE = 'x'.repeat(1_100_000);
  /** On a busy machine a server may look like one that is far away. */
  const ATTEMPTS = 100;
  const TEXT = 'SELECT value FROM large';

  const described = [parseComplete(), message('t', int16(0)), messages.rowDescription('value')];
  const rows = (value) => [bindComplete(), messages.dataRow(value), messages.commandComplete('SELECT 1')];
  const withoutRows = [
    parseComplete(),
    bindComplete(),
    messages.noData(),
    messages.commandComplete('SELECT 1'),
    readyForQuery(),
  ];

  /** Reads messages of these types, and nothing else. */
  async function expect(connection, types) {
    const bodies = [];
    for (const type of types) {
      const next = await connection.read();
      assert.equal(next?.type, type);
      bodies.push(next.body);
    }
    return bodies;
  }

  async function answer(connection, value) {
    connection.send(...described);
    await expect(connection, 'BES');
    connection.send(...rows(value), readyForQuery());
  }

  describe('a read whose last result was large', () => {
    let server;
    let client;
    afterEach(async () => {
      await client.end().catch(() => {});
      await server.close();
    });

    /**
     * Opens a client that has found out about TEXT.
     *
     * @param {(connection: any) => Promise<unknown>} script what its server does from there on
     */
    async function open(script) {
      server = await fakeServer(async (connection) => {
        await connection.greet();
        await expect(connection, 'Q');
        connection.send(messages.rowDescription('value'), ...rows(WIDE).slice(1), readyForQuery());
        const next = await connection.read();
        if (next.type === 'Q') {
          connection.finish();
          return;
        }
        assert.equal(next.type, 'P');
        await expect(connection, 'DH');
        await answer(connection, WIDE);
        await script(connection);
      });
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        client = new Client(server.config());
        client.on('error', () => {});
        await client.connect();
        const first = await client.query(TEXT);
        const second = await client.query(TEXT).catch(() => null);
        if (second === null) continue;
        assert.equal(first.rows[0].value, WIDE);
        assert.deepEqual(second, first);
        return;
      }
      assert.fail(`all of ${ATTEMPTS} servers looked far away`);
    }

    test('asks for its plain columns in binary format, and its fields are those of text', async () => {
      await open(async (connection) => {
        const [text, statement] = await expect(connection, 'PDH');
        assert.equal(text.toString(), `\0${TEXT}\0\0\0`);
        assert.equal(statement.toString(), 'S\0');
        connection.send(...described);
        const [bind] = await expect(connection, 'BES');
        assert.deepEqual([...bind], [0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
        connection.send(...rows('y'), readyForQuery());
      });
      const { rows: found, fields, command, rowCount } = await client.query(TEXT);
      assert.deepEqual([found, command, rowCount], [[{ value: 'y' }], 'SELECT', 1]);
      assert.equal(fields[0].format, 'text');
    });

    test('with values and without is the same text', async () => {
      await open(async (connection) => {
        await expect(connection, 'PDH');
        connection.send(...described);
        const [bind] = await expect(connection, 'BES');
        assert.deepEqual([...bind], [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 55, 0, 1, 0, 1]);
        connection.send(...rows('y'), readyForQuery());
      });
      assert.deepEqual((await client.query(TEXT, [7])).rows, [{ value: 'y' }]);
    });

    test('is a simple query again after a small result', async () => {
      await open(async (connection) => {
        await expect(connection, 'PDH');
        await answer(connection, 'small');
        await expect(connection, 'Q');
        connection.send(messages.commandComplete('SELECT 0'), readyForQuery());
      });
      assert.deepEqual((await client.query(TEXT)).rows, [{ value: 'small' }]);
      assert.deepEqual((await client.query(TEXT)).rows, []);
    });

    test('is sent as it is when it has a name, wants binary format, or is another one', async () => {
      await open(async (connection) => {
        await expect(connection, 'PBDES');
        connection.send(...withoutRows);
        await expect(connection, 'PBDES');
        connection.send(...withoutRows);
        await expect(connection, 'Q');
        connection.send(messages.commandComplete('SELECT 0'), readyForQuery());
      });
      await client.query({ text: TEXT, name: 'named' });
      await client.query({ text: TEXT, values: [1], binary: true });
      await client.query(`${TEXT} `);
    });

    test('fails with what the server says of its text', async () => {
      await open(async (connection) => {
        await expect(connection, 'PDH');
        connection.send(errorResponse({ C: '42P01', M: 'it is gone' }));
        await expect(connection, 'S');
        connection.send(readyForQuery());
        await expect(connection, 'Q');
        connection.send(messages.commandComplete('SELECT 0'), readyForQuery());
      });
      assert.equal((await failure(client.query(TEXT))).message, 'it is gone');
      assert.equal((await client.query('SELECT')).rowCount, 0);
    });

    test('fails with what the server says of its values', async () => {
      await open(async (connection) => {
        await expect(connection, 'PDH');
        connection.send(...described);
        await expect(connection, 'BES');
        connection.send(errorResponse({ C: '22P02', M: 'no number' }), readyForQuery());
        await expect(connection, 'PDH');
        await answer(connection, WIDE);
      });
      assert.equal((await failure(client.query(TEXT, ['x']))).message, 'no number');
      assert.equal((await client.query(TEXT)).rows[0].value, WIDE);
    });

    test('fails when there are more values than the protocol can say, and nothing is sent', async () => {
      await open(async (connection) => {
        await expect(connection, 'Q');
        connection.send(messages.commandComplete('SELECT 0'), readyForQuery());
      });
      const error = await failure(client.query(TEXT, new Array(65_536).fill('')));
      assert.match(error.message, /at most 65535 values/);
      assert.equal((await client.query('SELECT')).rowCount, 0);
    });

    test('may have no columns any more', async () => {
      await open(async (connection) => {
        await expect(connection, 'PDH');
        connection.send(parseComplete(), message('t', int16(0)), messages.noData());
        const [bind] = await expect(connection, 'BES');
        assert.deepEqual([...bind], [0, 0, 0, 0, 0, 0, 0, 0]);
        connection.send(bindComplete(), messages.commandComplete('UPDATE 3'), readyForQuery());
      });
      const { command, rowCount } = await client.query(TEXT);
      assert.deepEqual([command, rowCount], ['UPDATE', 3]);
    });

    test('has the connection for itself until it is answered', async () => {
      await open(async (connection) => {
        await expect(connection, 'PDH');
        await answer(connection, WIDE);
        await expect(connection, 'Q');
        connection.send(messages.commandComplete('SELECT 0'), readyForQuery());
      });
      const [large, other] = await Promise.all([client.query(TEXT), client.query('SELECT')]);
      assert.deepEqual([large.rowCount, other.rowCount], [1, 0]);
    });

    for (const [moment, said] of Object.entries({
      'before it is described': [],
      'in the middle of it': [parseComplete()],
      'before it is bound': described,
    })) {
      test(`fails when the connection is lost ${moment}`, async () => {
        await open(async (connection) => {
          await expect(connection, 'PDH');
          connection.finish(...said);
        });
        const error = await settled(failure(client.query(TEXT)), 'the query');
        assert.match(error.message, /Connection terminated|ECONNRESET|EPIPE/);
      });
    }
  });
}
