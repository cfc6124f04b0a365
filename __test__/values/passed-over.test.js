'use strict';

// A batch holds rows of several requests. Those that one of them doesn't take, because a parser of the caller's throws
// or because it is given up, must not shift what the others read.

const { test, describe } = require('node:test');
const assert = require('node:assert/strict');

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const { Batch, Shape } = require('../../lib/rows/rows.js');

  // As in src/rows/shape.rs.
  const [TEXT, INT_LIST, NUMBER_LIST, TEXT_LIST] = [0, 9, 10, 11];
  const OIDS = { [TEXT]: 25, [INT_LIST]: 1007, [NUMBER_LIST]: 1022, [TEXT_LIST]: 1009 };

  /** A shape of these kinds of columns. */
  function shapeOf(...kinds) {
    const fields = kinds.map((kind, i) => [`c${i}`, 0, 0, OIDS[kind], -1, -1, 0, kind]);
    return new Shape([1, 1, 1 + kinds.reduce((sum, kind) => sum + (kind === TEXT ? 1 : 2), 0), 0, ...fields]);
  }

  const LISTS = shapeOf(INT_LIST, NUMBER_LIST, TEXT_LIST, TEXT);

  /** What `src/rows/row.rs` makes of rows `{n,n+1}`, `{n+.5}`, `{"n"}`, `t`. */
  function batchOf(numbers) {
    const [ints, floats, leafInts] = [[], [], []];
    let text = '';
    for (const n of numbers) {
      leafInts.push(n, n + 1);
      floats.push(n + 0.5);
      text += n;
      leafInts.push(text.length);
      const end = text.length;
      text += 't';
      ints.push(0, 2, end - String(n).length, 1, end - String(n).length, 1, end, text.length);
    }
    const batch = new Batch(Int32Array.from([...ints, ...leafInts]), Float64Array.from(floats));
    batch.begin(undefined, text, undefined, undefined, undefined, ints.length, 0);
    return batch;
  }

  const rowOf = (n) => ({ c0: [n, n + 1], c1: [n + 0.5], c2: [String(n)], c3: 't' });

  /** A request that takes its rows, with parsers of the caller's or not. */
  function taker(types) {
    return {
      types,
      rowMode: undefined,
      decoder: undefined,
      taken: [],
      rows(shape, batch) {
        try {
          batch.into(this.taken);
        } catch (error) {
          this.error = error;
        }
      },
    };
  }

  const throwing = (after) => {
    let calls = 0;
    return {
      getTypeParser: (oid) => {
        if (oid !== OIDS[TEXT]) return (value) => value;
        return (value) => {
          calls += 1;
          if (calls > after) throw new Error('no more');
          return value;
        };
      },
    };
  };

  describe('rows of the next request', () => {
    for (const before of [0, 1, 60]) {
      test(`are as they are when a parser has thrown behind ${before} rows`, () => {
        const batch = batchOf(Array.from({ length: 101 }, (_, n) => n));
        const [first, second] = [taker(throwing(before)), taker()];
        batch.give(first, LISTS, 100);
        assert.equal(first.error.message, 'no more');
        batch.give(second, LISTS, 1);
        assert.deepEqual(second.taken, [rowOf(100)]);
      });
    }

    test('are as they are when the ones before were not wanted', () => {
      const batch = batchOf([7, 8, 9]);
      batch.give({ rows() {} }, LISTS, 2);
      const next = taker();
      batch.give(next, LISTS, 1);
      assert.deepEqual(next.taken, [rowOf(9)]);
    });
  });
}
