'use strict';

const { test, describe } = require('node:test');
const assert = require('node:assert/strict');
const { eventually, failure, settled } = require('../support/failure');
const { fakeServer, messages } = require('../support/fake-server');

const { message, int16, int32 } = messages;

const parsed = messages.parseComplete();
const bound = messages.bindComplete();
const described = messages.rowDescription('a', 'b');
const row = messages.dataRow('x', 'y');
const complete = messages.commandComplete('SELECT 1');
const copyOut = message('H', Buffer.from([0]), int16(0));

/** A message whose length is what the test says, not what it is. */
function withLength(type, length, body = Buffer.from('SELECT 1\0')) {
  return Buffer.concat([Buffer.from(type), int32(length), body]);
}

// What no server says at any time.
const MALFORMED = {
  "a type that doesn't exist": message('?', 'what'),
  'a length of zero': withLength('C', 0),
  "a length that doesn't cover itself": withLength('C', 3),
  'a negative length': withLength('C', -5),
  'a length of two gigabytes': withLength('D', 0x7fffffff),
  'an error without its end': message('E', Buffer.from('SERROR\0Mhalf')),
  'a notice without its end': message('N', Buffer.from('SNOTICE\0Mhalf')),
  'a notification of one byte': message('A', Buffer.from([0])),
  'a parameter without a value': message('S', Buffer.from('x')),
  'a demand for a password': messages.authenticationCleartext(),
  'a key': messages.backendKeyData(1, 2),
  'the result of a function call': message('V', -1),
};

// What no server says in the middle of an answer.
const OUT_OF_PLACE = {
  ...MALFORMED,
  'a command tag without its end': message('C', Buffer.from('SELECT 1')),
  'a readiness without a status': message('Z'),
  "a readiness with a status that doesn't exist": message('Z', Buffer.from('?')),
  'a row with too few values': Buffer.concat([described, messages.dataRow('x')]),
  'a description that ends too early': message('T', int16(3), 'a', 0, int16(0)),
  'a description with a negative count': message('T', int16(-1)),
  'COPY data of no COPY': message('d', Buffer.from('x')),
  'the end of no COPY': message('c'),
  'a COPY response that ends too early': message('G', Buffer.from([0])),
};

const NEVER_SIMPLE = {
  ParseComplete: parsed,
  BindComplete: bound,
  NoData: messages.noData(),
  ParameterDescription: message('t', int16(1), 25),
  PortalSuspended: message('s'),
};

/** By what was answered before: the text's values, what came, and what can't come then. */
const STEPS = {
  'a simple query': [
    undefined,
    [],
    { ...OUT_OF_PLACE, ...NEVER_SIMPLE, readiness: messages.readyForQuery() },
  ],
  'a description': [
    undefined,
    [described],
    { ...OUT_OF_PLACE, ...NEVER_SIMPLE, CloseComplete: message('3'), 'a COPY': copyOut },
  ],
  'a row': [undefined, [described, row], { ...OUT_OF_PLACE, readiness: messages.readyForQuery() }],
  'a whole result': [undefined, [described, row, complete], { ...OUT_OF_PLACE, 'a row': row }],
  'the beginning of a COPY': [undefined, [copyOut], MALFORMED],
  'an extended query': [['x'], [], { ...OUT_OF_PLACE, 'a row': row, readiness: messages.readyForQuery() }],
  ParseComplete: [['x'], [parsed], { ...OUT_OF_PLACE, 'another one': parsed, NoData: messages.noData() }],
  BindComplete: [['x'], [parsed, bound], { ...OUT_OF_PLACE, 'another one': bound }],
  'a row description': [['x'], [parsed, bound, described], { ...OUT_OF_PLACE, NoData: messages.noData() }],
  'a row of an extended query': [['x'], [parsed, bound, described, row], OUT_OF_PLACE],
  'a whole extended result': [['x'], [parsed, bound, described, row, complete], OUT_OF_PLACE],
};

/** Where a server waits for the log-in. */
const BEFORE_QUERIES = {
  'the start-up packet': [],
  AuthenticationOk: [messages.authenticationOk()],
  'the key': [messages.authenticationOk(), messages.backendKeyData(1, 2)],
};

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const { Pool } = require('../..');

  /** A server whose first connection is `spoil`ed, and that answers sensibly on the others. */
  async function serverWith(context, spoil) {
    const fake = await fakeServer(async (connection) => {
      if (connection.number === 0) {
        await spoil(connection);
        return;
      }
      await connection.greet();
      while (await query(connection)) connection.send(messages.oneRow('sane'));
    });
    context.after(() => fake.close());
    return fake;
  }

  async function query(connection) {
    for (;;) {
      const next = await connection.read();
      if (!next || next.type === 'Q' || next.type === 'S') return next;
    }
  }

  /** What every failure of a connection has to leave behind: a closed socket, and a pool that works. */
  async function goesOn(pool, fake) {
    await settled(fake.connections[0].gone(), 'the socket');
    const { rows } = await settled(pool.query('SELECT 1'), 'the next query');
    assert.deepEqual(rows, [{ value: 'sane' }]);
    assert.equal(fake.connections.length, 2);
    await settled(pool.end(), 'the end of the pool');
  }

  const SAYS_WHAT = /The server (sent|said|described)|^Received unexpected|^received invalid response|early/;

  describe('a server that says', () => {
    for (const [step, [values, before, kinds]] of Object.entries(STEPS)) {
      for (const [what, bytes] of Object.entries(kinds)) {
        test(`${what} in answer to or behind ${step} fails the query, costs the connection, and the pool goes on`, async (context) => {
          const fake = await serverWith(context, async (connection) => {
            await connection.greet();
            if (await query(connection)) connection.send(...before, bytes);
          });
          const pool = new Pool(fake.config({ max: 1 }));
          const { message: text } = await settled(failure(pool.query('SELECT 1', values)), 'the query');
          assert.match(text, SAYS_WHAT);
          await goesOn(pool, fake);
        });
      }
    }

    for (const [what, bytes] of Object.entries(OUT_OF_PLACE)) {
      test(`${what} in a transaction fails all that is asked in it`, async (context) => {
        const fake = await serverWith(context, async (connection) => {
          await connection.greet();
          await query(connection);
          connection.send(messages.commandComplete('BEGIN'), messages.readyForQuery('T'));
          if (await query(connection)) connection.send(bytes);
        });
        const pool = new Pool(fake.config({ max: 1 }));
        const client = await pool.connect();
        const told = [];
        client.on('error', (error) => told.push(error.message));
        await client.query('BEGIN');
        const answers = ['SELECT 1', 'SELECT 2'].map((text) => failure(client.query(text)));
        const [first] = await settled(Promise.all(answers), 'the queries');
        assert.match(first.message, SAYS_WHAT);
        assert.equal(told[0], first.message);
        client.release();
        await goesOn(pool, fake);
      });
    }

    for (const [what, bytes] of Object.entries({ ...OUT_OF_PLACE, ...NEVER_SIMPLE })) {
      test(`${what} while nothing is asked is one error of the pool`, async (context) => {
        let spoil;
        const fake = await serverWith(context, async (connection) => {
          await connection.greet();
          spoil = () => connection.send(bytes);
          if (await query(connection)) connection.send(messages.oneRow());
          await connection.gone();
        });
        const pool = new Pool(fake.config({ max: 1 }));
        const told = [];
        pool.on('error', (error) => told.push(error.message));
        await pool.query('SELECT 1');
        spoil();
        // A query that leaves before it is read would fail in the place of the pool.
        await eventually(() => told.length > 0, 'the error');
        await goesOn(pool, fake);
        assert.equal(told.length, 1);
        assert.match(told[0], SAYS_WHAT);
      });
    }

    for (const [step, before] of Object.entries(BEFORE_QUERIES)) {
      for (const [what, bytes] of Object.entries(MALFORMED)) {
        const isAsked = what === 'a demand for a password' && before.length === 0;
        const isFine = isAsked || (what === 'a key' && before.length > 0);
        if (isFine) continue;
        test(`${what} behind ${step} fails the connect, and the pool goes on`, async (context) => {
          const fake = await serverWith(context, async (connection) => {
            await connection.startup();
            connection.send(...before, bytes);
          });
          const pool = new Pool(fake.config({ max: 1 }));
          await settled(failure(pool.query('SELECT 1')), 'the query');
          await goesOn(pool, fake);
        });
      }
    }

    for (const [what, bytes] of Object.entries(OUT_OF_PLACE)) {
      test(`${what} instead of closing, when it is told to, keeps no end waiting`, async (context) => {
        const fake = await fakeServer(async (connection) => {
          await connection.greet();
          if (await connection.readUntil('X')) connection.send(bytes);
        });
        context.after(() => fake.close());
        const pool = new Pool(fake.config({ max: 1 }));
        const told = [];
        pool.on('error', (error) => told.push(error.message));
        (await pool.connect()).release();
        await settled(pool.end(), 'the end of the pool');
        assert.deepEqual(told, []);
      });
    }
  });
}
