'use strict';

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { forBoth } = require('../support/both.js');
const { fakeServer, messages } = require('../support/fake-server.js');

// A server can send whatever it likes as JSON: what comes out is JSON.parse's, and so is the error. From its 16th time
// on a document may come as a template and its leaves (src/rows/json.rs).

const JSON_OID = 114;
/** Enough for templates and for decoders to be generated. */
const TIMES = 120;

const wide = (count, make) => Array.from({ length: count }, (_, i) => make(i)).join(',');
const deep = (levels, open, close) => open.repeat(levels) + close.repeat(levels);

const DOCUMENTS = {
  'a prototype as a key': '{"__proto__": {"polluted": true}, "a": 1}',
  'a prototype as an escaped key': '{"\\u005f_proto__": {"polluted": true}}',
  'names of methods as keys':
    '{"constructor": 1, "toString": "x", "hasOwnProperty": null, "valueOf": [], "a": 2}',
  'a key twice': '{"a": 1, "b": 2, "a": 3}',
  'a key twice, once escaped': '{"a": 1, "b": 2, "\\u0061": 3}',
  'numbers as keys':
    '{"b": 1, "10": 2, "2": 3, "-1": 4, "01": 5, "1.5": 6, "4294967295": 7, "4294967294": 8}',
  'an empty key': '{"": 1, " ": 2}',
  'quotes, backslashes and line ends in keys': '{"a\\"b": 1, "a\\\\": 2, "a\\nb": 3, "\\u2028": 4}',
  'line separators as they are': '{"a\u2028b": "c\u2029d", "\u00a0": "\ufeff"}',
  'code in keys':
    '{"p0; process.exit(1); //": 1, "`${process.exit(1)}`": 2, "*/": 3, "\']": 4, "]; throw 1; [": 5}',
  'marks of templates in keys and values': '{"#": "#", "$": "$", "?": "?", "a:#": "[$,{?}]"}',
  'words as values': '{"a": null, "b": true, "c": false, "null": "null", "true": 1}',
  'lone surrogates': '{"a": "\\ud800", "b": "\\udc00\\ud800", "c": "\\ud83d\\ude00"}',
  'escapes of all kinds': '["\\b\\f\\n\\r\\t\\/\\\\\\"\\u0000\\u007f\\u0041"]',
  'numbers at the edges':
    '[0, -0, 0.0, -0.0, 1e400, -1e400, 5e-324, 1e-400, 9007199254740993, 0.1, 1E5, 1e+5, 123456789012345678901234567890]',
  'spaces of all kinds': ' \t\n\r{ \t\n\r"a" \t\n\r: \t\n\r[ \t\n\r1 \t\n\r, \t\n\r2 \t\n\r] \t\n\r} \t\n\r',
  'nothing in them': '[{}, [], [[]], {"a": {}}]',
  'more leaves than are plain': `[${wide(65, String)}]`,
  'deeper than is plain': deep(9, '[', ']'),
  'very deep arrays': deep(100_000, '[', ']'),
  'very deep objects': `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`,
  '100,000 keys': `{${wide(100_000, (i) => `"key ${i}": ${i}`)}}`,
  'a scalar': '"text"',
};

const NO_DOCUMENTS = {
  nothing: '',
  'only a space': ' ',
  'a key without quotes': '{a: 1}',
  'a raw line end in a key': '{"a\nb": 1}',
  'a raw tab in a value': '{"a": "b\tc"}',
  'a raw zero in a value': '{"a": "b\0c"}',
  'a form feed as space': '{\f"a": 1}',
  'a no-break space as space': '{\u00a0"a": 1}',
  'a number with a leading zero': '{"a": 01}',
  'a number that ends with its point': '[1.]',
  'a number without digits before its point': '[.5]',
  'a number with a plus': '[+1]',
  'a number that is only a sign': '[-]',
  'an exponent without digits': '[1e]',
  'words that are none': '[nul, True, NaN, Infinity]',
  'a comma too many': '{"a": 1,}',
  'a comma too few': '[1 2]',
  'something behind it': '{"a": 1} x',
  'an end too early': '{"a": [1, 2',
  'a cut escape': '["\\u12"]',
  'an unknown escape': '["\\x41"]',
};

/** Own keys in their order, prototypes and values, without recursion: some are very deep. */
function assertSame(actual, expected) {
  const pairs = [[actual, expected]];
  while (pairs.length > 0) {
    const [a, e] = pairs.pop();
    if (e === null || typeof e !== 'object') {
      assert.ok(Object.is(a, e), `${String(a)} instead of ${String(e)}`);
      continue;
    }
    assert.equal(Object.getPrototypeOf(a), Object.getPrototypeOf(e));
    const keys = Reflect.ownKeys(e);
    assert.deepEqual(Reflect.ownKeys(a), keys);
    for (const key of keys) {
      assert.deepEqual(
        { ...Object.getOwnPropertyDescriptor(a, key), value: null },
        { ...Object.getOwnPropertyDescriptor(e, key), value: null },
      );
      pairs.push([a[key], e[key]]);
    }
  }
}

function parsed(document) {
  try {
    return { value: JSON.parse(document) };
  } catch (error) {
    return { error };
  }
}

/** A server whose answer to `n` is document number `n`, so and so many times. */
function serverOf(documents) {
  return fakeServer(async (connection) => {
    await connection.greet();
    for (let query; (query = await connection.readUntil('Q'));) {
      const document = documents[Number.parseInt(query.body.toString(), 10)];
      const { message, int16 } = messages;
      const column = message('T', int16(1), 'document', 0, int16(0), JSON_OID, int16(-1), -1, int16(0));
      const times = document.length > 10_000 ? 1 : TIMES;
      const rows = Array.from({ length: times }, () => messages.dataRow(document));
      connection.send(column, ...rows, messages.commandComplete(`SELECT ${times}`), messages.readyForQuery());
    }
  });
}

forBoth(({ pg }) => {
  const documents = Object.entries({ ...DOCUMENTS, ...NO_DOCUMENTS });
  let fake;
  let client;
  before(async () => {
    fake = await serverOf(documents.map(([, document]) => document));
    client = new pg.Client(fake.config());
    await client.connect();
  });
  after(async () => {
    await client.end();
    await fake.close();
  });

  documents.forEach(([what, document], number) => {
    const { value, error } = parsed(document);
    test(`a document with ${what} ${error ? 'fails as' : 'is what'} JSON.parse ${error ? 'does' : 'makes of it'}`, async () => {
      // Twice, so that the second answer is decoded by what the first one led to.
      for (let round = 0; round < 2; round++) {
        const answer = client.query(String(number));
        if (error) {
          await assert.rejects(answer, { name: error.name, message: error.message });
        } else {
          for (const row of (await answer).rows) assertSame(row.document, value);
        }
      }
      assert.equal({}.polluted, undefined);
    });
  });

  test('documents of 1,000 shapes leave the client working', async () => {
    const shapes = Array.from({ length: 1000 }, (_, i) => `{"key${i}": ${i}}`);
    const many = await serverOf(shapes);
    const other = new pg.Client(many.config());
    await other.connect();
    try {
      for (let i = 0; i < shapes.length; i++) {
        const { rows } = await other.query(String(i));
        assert.deepEqual(rows.at(-1).document, JSON.parse(shapes[i]));
      }
    } finally {
      await other.end();
      await many.close();
    }
  });
});
