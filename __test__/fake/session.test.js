'use strict';

const { test, describe } = require('node:test');
const assert = require('node:assert/strict');
const { failure, settled } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');

const { message, int16, int32 } = messages;

/** A message whose length is what the test says, not what it is. */
function withLength(type, length, body = Buffer.alloc(0)) {
  return Buffer.concat([Buffer.from(type), int32(length), body]);
}

/** Pseudo-random bytes that are the same in each run. */
function noise(length, seed) {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const end = Buffer.concat([messages.commandComplete('SELECT 1'), messages.readyForQuery()]);
const described = messages.rowDescription('a', 'b');

// What a server may say to a query that no server says, and that can't be read.
const MALFORMED = {
  'a length of zero': withLength('C', 0, Buffer.from('SELECT 1\0')),
  "a length that doesn't cover itself": withLength('C', 3, Buffer.from('SELECT 1\0')),
  'a negative length': withLength('C', -1),
  'a length of two gigabytes': withLength('D', 0x7fffffff),
  'a length that ends before the text does': withLength('C', 6, Buffer.from('SELECT 1\0')),
  "a type that doesn't exist": message('?', 'what'),
  'a byte of zero as a type': Buffer.alloc(16),
  'a tag without its end': message('C', Buffer.from('SELECT 1')),
  'a readiness without a status': message('Z'),
  "a readiness with a status that doesn't exist": message('Z', Buffer.from('?')),
  'an error without its end': message('E', Buffer.from('SERROR\0C42601\0Mhalf')),
  'a parameter without a value': message('S', Buffer.from('name\0')),
  'a row description that ends too soon': message('T', int16(2), 'a', 0, int16(0)),
  'a row description with a negative count': message('T', int16(-1)),
  'a row description that promises thousands': message('T', int16(30000), 'a'),
  'a row without a description': Buffer.concat([messages.dataRow('x'), end]),
  'a row with too few columns': Buffer.concat([described, messages.dataRow('x'), end]),
  'a row with too many columns': Buffer.concat([described, messages.dataRow('x', 'y', 'z'), end]),
  'a row that ends in its first value': Buffer.concat([
    described,
    message('D', int16(2), 100, Buffer.from('x')),
    end,
  ]),
  'a row with a negative length': Buffer.concat([described, message('D', int16(2), -2, -1), end]),
  'a row with a length of two gigabytes': Buffer.concat([
    described,
    message('D', int16(2), 0x7fffffff, -1),
    end,
  ]),
  'a row with bytes behind its values': Buffer.concat([described, message('D', int16(2), -1, -1, 7), end]),
  'authentication once more': messages.authenticationOk(),
  'a demand for a password': messages.authenticationCleartext(),
  'a notification without its end': message('A', 1, Buffer.from('channel')),
  noise: noise(4096, 1),
  'other noise': noise(4096, 2),
  'a web page': Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
};

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const pgfleet = require('../..');

  /** A server that greets, gives this answer to the first query of its first connection, and sensible ones then. */
  function strange(answer) {
    return fakeServer(async (connection) => {
      await connection.greet();
      if (connection.number === 0) {
        if (!(await anyQuery(connection))) return;
        connection.send(answer);
      }
      while (await anyQuery(connection)) connection.send(messages.oneRow('sane'));
    });
  }

  async function anyQuery(connection) {
    for (;;) {
      const next = await connection.read();
      if (!next || next.type === 'Q' || next.type === 'S') return next;
    }
  }

  describe('a server that makes no sense in a session', () => {
    for (const [what, answer] of Object.entries(MALFORMED)) {
      test(`${what} fails the query at once, costs the connection, and the pool goes on`, async () => {
        const fake = await strange(answer);
        const pool = new pgfleet.Pool(fake.config({ max: 1 }));
        pool.on('error', () => {});
        const error = await settled(failure(pool.query('SELECT 1')), 'the query');
        assert.doesNotMatch(error.message, /timeout/);
        assert.ok(error.message.length > 10, error.message);
        await settled(fake.connections[0].gone(), 'the socket after the failure');
        const { rows } = await settled(pool.query('SELECT 1'), 'the next query');
        assert.deepEqual(rows, [{ value: 'sane' }]);
        assert.equal(fake.connections.length, 2);
        await pool.end();
        await fake.close();
      });
    }

    test('noise of any kind is an error and never the end of the process', async () => {
      for (let seed = 10; seed < 110; seed += 1) {
        // The first byte is a type that exists, so that what follows is read as that message.
        const type = '123ACDEGHIKNRSTVWZcnst'[seed % 22];
        const fake = await strange(Buffer.concat([message(type, noise(seed, seed)), noise(200, seed * 7)]));
        const pool = new pgfleet.Pool(fake.config({ max: 1, query_timeout: 2000 }));
        pool.on('error', () => {});
        await settled(Promise.allSettled([pool.query('SELECT 1')]), `noise number ${seed}`);
        const { rows } = await settled(pool.query('SELECT 1'), 'the next query');
        assert.deepEqual(rows, [{ value: 'sane' }], `noise number ${seed}`);
        await pool.end();
        await fake.close();
      }
    });

    test('a message that is announced as a gigabyte and never comes takes no gigabyte', async () => {
      const fake = await fakeServer(async (connection) => {
        await connection.greet();
        await anyQuery(connection);
        connection.send(described, withLength('D', 0x3fffffff), noise(1000, 5));
      });
      const client = new pgfleet.Client(fake.config({ query_timeout: 500 }));
      client.on('error', () => {});
      await client.connect();
      const before = process.memoryUsage().rss;
      await settled(failure(client.query('SELECT 1')), 'the query');
      assert.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024);
      await client.end();
      await fake.close();
    });

    test('in the handshake a message that is announced as a gigabyte is refused at once', async () => {
      const fake = await fakeServer(async (connection) => {
        await connection.startup();
        connection.send(withLength('R', 1024 * 1024 * 1024));
      });
      const client = new pgfleet.Client(fake.config());
      const error = await settled(failure(client.connect()), 'connecting');
      assert.doesNotMatch(error.message, /timeout/);
      await settled(fake.connections[0].gone(), 'the socket after the failure');
      await fake.close();
    });

    test('a connection that ends in the middle of an answer fails that query, and those behind it', async () => {
      const whole = Buffer.concat([described, messages.dataRow('x', 'y'), end]);
      for (let length = 0; length < whole.length; length += 1) {
        const fake = await fakeServer(async (connection) => {
          await connection.greet();
          await anyQuery(connection);
          connection.finish(whole.subarray(0, length));
        });
        const client = new pgfleet.Client(fake.config());
        client.on('error', () => {});
        await client.connect();
        const outcomes = [client.query('SELECT 1'), client.query('SELECT 2')].map((query) => failure(query));
        const errors = await settled(Promise.all(outcomes), `${length} bytes`);
        for (const error of errors) {
          assert.match(error.message, /^Connection terminated|ECONNRESET|EPIPE/, `${length} bytes`);
        }
        await client.end();
        await fake.close();
      }
    });

    test('an unsolicited answer costs the connection and not the process', async () => {
      for (const unasked of [
        messages.oneRow(),
        messages.dataRow('x'),
        messages.commandComplete('SELECT 1'),
        noise(99, 3),
      ]) {
        const fake = await fakeServer(async (connection) => {
          await connection.greet();
          if (!(await anyQuery(connection))) return;
          connection.send(messages.oneRow('sane'));
          if (connection.number === 0) {
            setTimeout(() => connection.send(unasked), 50);
            await connection.gone();
            return;
          }
          while (await anyQuery(connection)) connection.send(messages.oneRow('sane'));
        });
        const pool = new pgfleet.Pool(fake.config({ max: 1 }));
        const reports = [];
        pool.on('error', (error) => reports.push(error));
        await pool.query('SELECT 1');
        await settled(fake.connections[0].gone(), 'the connection');
        assert.deepEqual((await settled(pool.query('SELECT 1'), 'the next query')).rows, [{ value: 'sane' }]);
        await pool.end();
        await fake.close();
      }
    });

    test("a second ReadyForQuery doesn't give one query the answer of another", async () => {
      const fake = await fakeServer(async (connection) => {
        await connection.greet();
        for (let number = 0; await anyQuery(connection); number += 1) {
          connection.send(messages.oneRow(`${connection.number}.${number}`), messages.readyForQuery());
        }
      });
      const pool = new pgfleet.Pool(fake.config({ max: 1 }));
      pool.on('error', () => {});
      const outcomes = await settled(
        Promise.allSettled(Array.from({ length: 5 }, () => pool.query('SELECT 1'))),
        'the queries',
      );
      const answers = outcomes.filter(({ status }) => status === 'fulfilled').map(({ value }) => value.rows);
      for (const rows of answers) assert.equal(rows.length, 1);
      const values = answers.map(([{ value }]) => value);
      assert.equal(new Set(values).size, values.length, 'no answer came twice');
      await pool.end();
      await fake.close();
    });

    test('text that is no UTF-8 comes with replacement characters, as in node-postgres', async () => {
      const bad = Buffer.from([0x61, 0xff, 0xc3, 0x28]);
      const row = message('D', int16(1), bad.length, bad);
      const fake = await strange(Buffer.concat([messages.rowDescription('value'), row, end]));
      const pool = new pgfleet.Pool(fake.config({ max: 1 }));
      const { rows } = await settled(pool.query('SELECT 1'), 'the query');
      assert.deepEqual(rows, [{ value: bad.toString('utf8') }]);
      await pool.end();
      await fake.close();
    });

    test('a server that says nothing to a query ends with query_timeout', async () => {
      const fake = await fakeServer((connection) => connection.greet());
      const pool = new pgfleet.Pool(fake.config({ max: 1, query_timeout: 200 }));
      const error = await settled(failure(pool.query('SELECT 1')), 'the query');
      assert.equal(error.message, 'Query read timeout');
      await settled(pool.end(), 'the end of the pool');
      await fake.close();
    });

    test("a server that never answers Terminate doesn't keep end() waiting for ever", async () => {
      const fake = await fakeServer(async (connection) => {
        connection.socket.allowHalfOpen = true;
        await connection.greet();
        while (await connection.read());
      });
      const client = new pgfleet.Client(fake.config());
      await client.connect();
      await settled(client.end(), 'the end');
      await fake.close();
    });
  });
}
