'use strict';

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { forBoth } = require('../support/both.js');
const { postgres } = require('../support/server.js');

// The memory of a Buffer can be given away to another thread. Several values may share some: then it has to stay.

/** Memory that has to stay is copied instead, or refused by later versions of Node. */
function giveAway({ buffer }) {
  try {
    structuredClone(buffer, { transfer: [buffer] });
  } catch (error) {
    assert.equal(error.name, 'DataCloneError');
  }
}

/** Too long for memory that Node shares out, of which later versions have more. */
const LONG = Math.max(5000, Buffer.poolSize);

forBoth(({ pg }) => {
  let client;
  before(async () => {
    const server = await postgres();
    client = new pg.Client(server.config());
    await client.connect();
  });
  after(() => client.end());

  /** Rows with bytes of some lengths, enough of them for a decoder to be generated. */
  async function read(config = {}) {
    const text = `SELECT n, decode(repeat(lpad(to_hex(n % 256), 2, '0'), length), 'hex') AS bytes
      FROM generate_series(1, 60) n, unnest(ARRAY[1, 100, ${LONG}]) length ORDER BY n, length`;
    return (await client.query({ text, ...config })).rows;
  }

  function assertIntact(rows, isGone) {
    for (const [index, { n, bytes }] of rows.entries()) {
      const length = isGone(index) ? 0 : [1, 100, LONG][index % 3];
      assert.ok(bytes.equals(Buffer.alloc(length, n % 256)), `row ${index} has ${bytes.length} bytes`);
    }
  }

  for (const [way, config] of Object.entries({ 'as text': {}, 'of a named statement': { name: 'bytes' } })) {
    test(`no value is lost with another one whose memory is given away, ${way}`, async () => {
      for (let round = 0; round < 3; round++) {
        const rows = await read(config);
        const gone = new Set();
        for (const [index, { bytes }] of rows.entries()) {
          if (index % 2 === 1) continue;
          giveAway(bytes);
          if (bytes.length === 0) gone.add(index);
        }
        assert.ok(gone.size > 0, 'the long ones have memory of their own');
        assertIntact(rows, (index) => gone.has(index));
      }
      assertIntact(await read(config), () => false);
    });
  }

  test('what a parser gives away while a row is read is no loss for the next values', async () => {
    const types = {
      getTypeParser: () => (bytes) => {
        const { length } = bytes;
        giveAway(bytes);
        return length;
      },
    };
    const text =
      "SELECT '\\x0102'::bytea AS a, '\\x030405'::bytea AS b, '\\x06'::bytea AS c FROM generate_series(1, 100)";
    const { rows } = await client.query({ text, types, binary: true, queryMode: 'extended' });
    assert.equal(rows.length, 100);
    assert.ok(rows.every(({ a, b, c }) => a > 0 && b > 0 && c > 0));
  });
});
