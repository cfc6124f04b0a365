'use strict';

// What the server writes as an array, and what it never would, read as pg-types reads it.

const { test, describe } = require('node:test');
const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const builtin = require('pg-types/lib/textParsers');

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const { quickest } = require('../../lib/rows/arrays.js');

  const own = new Map();
  builtin.init((oid, parser) => own.set(Number(oid), parser));

  const ARRAYS = {
    'bool[]': 1000,
    'int4[]': 1007,
    'text[]': 1009,
    'int8[]': 1016,
    'float8[]': 1022,
    'date[]': 1182,
  };

  const PIECES = [
    '{',
    '}',
    ',',
    '"',
    '\\',
    '[',
    ']=',
    'NULL',
    'null',
    '-',
    '0',
    '1',
    '42',
    '1.5',
    '1e300',
    'NaN',
  ].concat([
    'Infinity',
    '-0',
    '9007199254740993',
    '1234567890123456',
    't',
    'f',
    'a b',
    '',
    ' ',
    'é',
    '漢',
    '2024-02-29',
    '2024-02-29 01:02:03',
    '"a,b"',
    '"}"',
    '"NULL"',
    '""',
    '"x"y',
  ]);

  function outcome(parser, text) {
    try {
      return inspect(parser(text), { depth: null, maxArrayLength: null });
    } catch (error) {
      return String(error);
    }
  }

  const agree = (oid, text) => {
    const slow = own.get(oid);
    assert.equal(outcome(quickest(slow), text), outcome(slow, text), text);
  };

  describe('the text of an array', () => {
    for (const [type, oid] of Object.entries(ARRAYS)) {
      test(`${type} is not read by pg-types's own parser`, () => {
        assert.notEqual(quickest(own.get(oid)), own.get(oid));
      });

      test(`${type} of any elements`, () => {
        for (const first of PIECES) {
          agree(oid, first);
          agree(oid, `{${first}}`);
          for (const second of PIECES) agree(oid, `{${first},${second}}`);
        }
      });

      test(`${type} of anything`, () => {
        let state = oid;
        const random = (below) => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          return (state >>> 8) % below;
        };
        for (let n = 0; n < 20_000; n += 1) {
          const inner = Array.from({ length: random(6) }, () => PIECES[random(PIECES.length)]);
          const text = inner.join(random(2) === 0 ? ',' : '');
          agree(oid, random(4) === 0 ? text : `{${text}}`);
        }
      });

      test(`${type} that is long`, () => {
        for (const count of [1, 1000, 50_000]) {
          for (const element of ['7', '"a b"', '1.25', 't'])
            agree(oid, `{${new Array(count).fill(element).join()}}`);
        }
      });
    }

    test('goes to a parser of the caller as it is', () => {
      const parser = (text) => text;
      assert.equal(quickest(parser), parser);
    });
  });
}
