'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const { Duel } = require('../values/duel');
const { postgres } = require('../support/server');

const texts = {
  'characters of all planes': 'SELECT \'é 日本 😀\' AS "é 日本 😀"',
  'half a pair of surrogates': "SELECT 'a\ud83d' AS a, '\ude00b' AS b",
  'dollar quotes': "SELECT $body$it's; -- $1 /* $body$ AS body",
  'comments with semicolons': '/* ; */ SELECT 1 AS a -- ;\n, 2 AS b',
  'line ends of all kinds': 'SELECT\r\n1 AS a,\n2 AS b,\r3 AS c',
  'a byte order mark': '\ufeffSELECT 1 AS n',
  'a question mark operator': `SELECT '{"a": 1}'::jsonb ? 'a' AS has`,
  'a dollar sign in a text': "SELECT '$1' AS a",
  'a long text': `SELECT '${'x'.repeat(5_000_000)}' AS value`,
  'a long text of wide characters': `SELECT '${'日'.repeat(2_000_000)}' AS value`,
  'many conditions': `SELECT 1 AS n WHERE 1 IN (${Array.from({ length: 20000 }, (_, index) => index)})`,
};

describe('the text of a query reaches the server as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await Duel.open((await postgres()).config());
  });

  for (const [what, text] of Object.entries(texts)) {
    for (const queryMode of [undefined, 'extended']) {
      test(`${what}, ${queryMode ?? 'simple'}`, async () => {
        const { expected, got } = await duel.compare((client) => client.query({ text, queryMode }));
        assert.equal(got, expected);
        const after = await duel.compare((client) => client.query('SELECT 1 AS n'));
        assert.equal(after.got, after.expected);
      });
    }
  }

  // The protocol ends a text at a zero, so neither can send it: pg lets the server find out.
  for (const [what, text] of Object.entries({
    'in a text': "SELECT 'a\0b'",
    'at its end': 'SELECT 1 AS n\0',
  })) {
    for (const queryMode of [undefined, 'extended']) {
      test(`a zero character ${what} is refused and the client stays usable, ${queryMode ?? 'simple'}`, async () => {
        for (const client of [duel.oracle, duel.contender]) {
          await assert.rejects(client.query({ text, queryMode }), { code: '08P01' });
          assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
        }
      });
    }
  }
});
