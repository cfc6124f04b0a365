'use strict';

const { test, describe, before, after } = require('node:test');
const assert = require('node:assert/strict');
const pg = require('../..');
const { forBoth } = require('../support/both.js');
const { settled } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');

const { int16, int32, message } = messages;

const INT4_ARRAY = 1007;
const TEXT_ARRAY = 1009;
const INT4 = 23;
const FLOAT8_ARRAY = 1022;

const TEXT = 0;
const BINARY = 1;

/** A server that answers every query with one row of one value. */
function serverOf(oid, format, value) {
  return fakeServer(async (connection) => {
    await connection.greet();
    const bytes = Buffer.from(value);
    const answer = [
      message('T', int16(1), 'value', 0, int16(0), oid, int16(-1), -1, int16(format)),
      message('D', int16(1), bytes.length, bytes),
      messages.commandComplete('SELECT 1'),
      messages.readyForQuery(),
    ];
    for (let received; (received = await connection.read());) {
      if (received.type === 'Q') connection.send(...answer);
      if (received.type === 'S')
        connection.send(messages.parseComplete(), messages.bindComplete(), ...answer);
    }
  });
}

async function valueOf(contender, oid, format, value) {
  const fake = await serverOf(oid, format, value);
  const client = new contender.Client(fake.config());
  await client.connect();
  const query = format === BINARY ? { text: 'binary', binary: true } : 'text';
  try {
    // The client is as good as before, whatever came of the first one.
    const first = await settled(
      client.query(query).then(
        ({ rows }) => rows[0].value,
        (error) => error,
      ),
      'the query',
    );
    const second = await settled(
      client.query(query).then(
        ({ rows }) => rows[0].value,
        (error) => error,
      ),
      'the next',
    );
    assert.deepEqual(second, first);
    return first;
  } finally {
    await client.end();
    await fake.close();
  }
}

/** An array in binary format, by what its head says. */
const array = (dimensions, lengths, ...elements) =>
  Buffer.concat([
    int32(dimensions),
    int32(0),
    int32(INT4),
    ...lengths.flatMap((length) => [int32(length), int32(1)]),
    ...elements,
  ]);
const element = (value) => Buffer.concat([int32(4), int32(value)]);

const WHOLE = {
  'without elements': [array(0, []), []],
  'of one dimension': [array(1, [2], element(7), element(8)), [7, 8]],
  'of two dimensions': [array(2, [2, 1], element(7), element(8)), [[7], [8]]],
};

const HOSTILE = {
  'of 2^31 - 1 elements': array(1, [2 ** 31 - 1], element(7)),
  'of a negative number of elements': array(1, [-1]),
  'of 2^31 - 1 empty arrays': array(2, [2 ** 31 - 1, 0]),
  'of as many elements as only a product can say': array(3, [70_000, 70_000, 70_000], element(7)),
  'of 2^31 - 1 dimensions': array(2 ** 31 - 1, []),
  'of seven dimensions': array(7, [1, 1, 1, 1, 1, 1, 1], element(7)),
  'of a negative number of dimensions': array(-1, []),
  'with one element too few': array(1, [2], element(7)),
  'with one element too many': array(1, [1], element(7), element(8)),
  'with an element that is longer than the array': array(
    1,
    [1],
    Buffer.concat([int32(2 ** 31 - 1), int32(7)]),
  ),
  'with an element of a negative length': array(1, [1], int32(-2)),
  'that ends in its head': Buffer.alloc(11),
  'of nothing at all': Buffer.alloc(0),
};

forBoth(({ pg: contender }) => {
  for (const [what, [bytes, expected]] of Object.entries(WHOLE)) {
    test(`a binary array ${what} is read`, async () => {
      assert.deepEqual(await valueOf(contender, INT4_ARRAY, BINARY, bytes), expected);
    });
  }

  const TEXTS = {
    'with bounds beyond what there is': '[0:2147483647]={1,2}',
    'with bounds of many dimensions': '[1:2147483647][1:2147483647][1:2147483647]={{{1}}}',
    'of seven dimensions': '{{{{{{{1}}}}}}}',
    'of different lengths': '{{1},{2,3}}',
    'that is not closed': '{{1}',
    'without an end': '{1,2',
    'that is no array': 'none',
    'of 100,000 dimensions': '{'.repeat(100_000) + '}'.repeat(100_000),
  };
  for (const [what, text] of Object.entries(TEXTS)) {
    for (const oid of [INT4_ARRAY, TEXT_ARRAY, FLOAT8_ARRAY]) {
      test(`the text of an array ${what} is read or refused as pg-types does, type ${oid}`, async () => {
        const parser = require('pg').types.getTypeParser(oid, 'text');
        let expected;
        try {
          expected = parser(text);
        } catch (error) {
          expected = error;
        }
        assert.deepEqual(await valueOf(contender, oid, TEXT, text), expected);
      });
    }
  }
});

describe('binary arrays that pg does not get to the end of', () => {
  for (const [what, bytes] of Object.entries(HOSTILE)) {
    test(`an array ${what} fails its query, and nothing else`, async () => {
      for (const oid of [INT4_ARRAY, TEXT_ARRAY]) {
        const error = await valueOf(pg, oid, BINARY, bytes);
        assert.match(error.message, /^The server sent an array whose head says something else/);
      }
    });
  }

  test('a null in a binary array is null', async () => {
    const flat = array(1, [3], element(7), int32(-1), element(8));
    assert.deepEqual(await valueOf(pg, INT4_ARRAY, BINARY, flat), [7, null, 8]);
    const nested = array(3, [2, 1, 2], element(1), int32(-1), int32(-1), element(4));
    assert.deepEqual(await valueOf(pg, INT4_ARRAY, BINARY, nested), [[[1, null]], [[null, 4]]]);
  });
});
