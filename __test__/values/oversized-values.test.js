'use strict';

const { test, describe } = require('node:test');
const assert = require('node:assert/strict');
const pg = require('../..');
const { Batch, Shape } = require('../../lib/rows/rows');
const { fakeServer, messages } = require('../support/fake-server.js');

// V8 has no strings of 2^29 - 24 characters and more (`buffer.constants.MAX_STRING_LENGTH`), PostgreSQL has values of
// up to 1 GB. With pg such a value ends the process.

const TOO_LONG = {
  name: 'RangeError',
  code: 'ERR_STRING_TOO_LONG',
  message: /, and a value has 600000000\. /,
};
const SIZE = 600_000_000;

const TEXT = 25;
const TEXT_ARRAY = 1009;
const BYTEA = 17;

/** What src/node/drain.rs says of a column: see `shape_to_js` there. */
const shapeOf = (oid, kind, ints) => new Shape([0, 1, 1 + ints, 0, ['value', 0, 0, oid, -1, -1, 0, kind]]);
const NO_NULLS = 0;

/** Decodes a batch of one row, which is all that is in it. */
function decode({ shape, ints, text, longTexts, blobs, longBlobs }) {
  const batch = new Batch(Int32Array.from(ints), new Float64Array());
  batch.begin(undefined, text, longTexts, blobs, longBlobs, shape.ints, 0);
  const rows = [];
  batch.give({ rows: (_, given) => given.into(rows) }, shape, 1);
  return rows;
}

describe('a value that JavaScript has no room for, in the place of which its size crosses,', () => {
  const CASES = {
    'a text of its own': { shape: shapeOf(TEXT, 0, 1), ints: [NO_NULLS, ~0], longTexts: [SIZE] },
    'a text among others': { shape: shapeOf(TEXT, 0, 1), ints: [NO_NULLS, 5], text: SIZE },
    'the text of a list': { shape: shapeOf(TEXT_ARRAY, 11, 2), ints: [NO_NULLS, -1, ~0], longTexts: [SIZE] },
    'an element of a list': {
      shape: shapeOf(TEXT_ARRAY, 11, 2),
      ints: [NO_NULLS, 1, 0, ~0],
      longTexts: [SIZE],
    },
  };
  for (const [what, batch] of Object.entries(CASES)) {
    test(`${what} fails its request, by generated code as well`, () => {
      for (let i = 0; i < 60; i++) assert.throws(() => decode(batch), TOO_LONG);
    });
  }

  test('bytes fail their request', () => {
    const shape = shapeOf(BYTEA, 6, 1);
    for (const batch of [
      { shape, ints: [NO_NULLS, ~0], longBlobs: [SIZE] },
      { shape, ints: [NO_NULLS, 5], blobs: [SIZE] },
    ]) {
      assert.throws(() => decode(batch), { name: 'RangeError', code: 'ERR_BUFFER_TOO_LARGE' });
    }
  });
});

// Takes 2 GB of memory and some seconds: PGFLEET_LARGE_VALUES=1 node --test __test__/values/oversized-values.test.js
describe('texts of 600 MB', { skip: !process.env.PGFLEET_LARGE_VALUES }, () => {
  const chunk = Buffer.alloc(1_000_000, 'x');

  async function sendLarge({ socket }, head) {
    socket.write(head);
    for (let sent = 0; sent < SIZE && !socket.destroyed; sent += chunk.length) {
      if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
    }
  }

  function header(type, ...parts) {
    const head = Buffer.concat([Buffer.from(type), Buffer.alloc(4), ...parts]);
    const zeros = type === 'D' ? 0 : 2;
    head.writeInt32BE(head.length - 1 + SIZE + zeros, 1);
    return head;
  }

  const ANSWERS = {
    async row(connection) {
      connection.send(messages.rowDescription('value'), messages.dataRow('before'));
      await sendLarge(connection, header('D', messages.int16(1), messages.int32(SIZE)));
      connection.send(
        messages.dataRow('after'),
        messages.commandComplete('SELECT 3'),
        messages.readyForQuery(),
      );
    },
    async notice(connection) {
      await sendLarge(connection, header('N', Buffer.from('SNOTICE\0C00000\0M')));
      connection.send(Buffer.alloc(2), messages.oneRow('after'));
    },
    async error(connection) {
      await sendLarge(connection, header('E', Buffer.from('SERROR\0C22000\0M')));
      connection.send(Buffer.alloc(2), messages.readyForQuery());
    },
  };

  for (const kind of ['Client', 'Pool']) {
    test(`a value fails its query, a message is cut, and the ${kind} goes on`, async () => {
      const fake = await fakeServer(async (connection) => {
        await connection.greet();
        for (let query; (query = await connection.readUntil('Q'));) {
          const answer = ANSWERS[query.body.toString('utf8', 0, query.body.length - 1)];
          if (answer) await answer(connection);
          else connection.send(messages.oneRow('small'));
        }
      });
      const target = new pg[kind](fake.config({ max: 1 }));
      if (kind === 'Client') await target.connect();
      try {
        await assert.rejects(target.query('row'), TOO_LONG);
        await assert.rejects(target.query('error'), ({ code, message }) => {
          assert.match(message.slice(-30), /x… \(600000000 bytes\)$/);
          return code === '22000';
        });
        assert.deepEqual((await target.query('notice')).rows, [{ value: 'after' }]);
        assert.deepEqual((await target.query('other')).rows, [{ value: 'small' }]);
      } finally {
        await target.end();
        await fake.close();
      }
    });
  }
});
