'use strict';

const { before, after, describe, test } = require('node:test');
const { types } = require('pg');
const corpus = require('./corpus');
const { stage } = require('./stage');

const TEXT_OID = 25;
// pg-types has no way to read the elements and prints a line for each of them
const BOOL_ARRAY_OID = 1000;
const untouched = { getTypeParser: () => (value) => value };

// pg decodes every column as UTF-8 before a binary parser sees it, so what it makes of other bytes is no
// value. In rows as arrays it hands over the decoded text itself, which only parsers of text can take.
async function faithful(client, expressions) {
  const unparsed = types.getTypeParser(0, 'binary');
  const objects = [];
  const arrays = [];
  for (const expression of expressions) {
    const text = `SELECT $1::text AS tag, (${expression}) AS value`;
    try {
      const result = await client.query({ text, values: ['x'], binary: true, types: untouched });
      const { dataTypeID } = result.fields[1];
      if (dataTypeID === BOOL_ARRAY_OID) continue;
      const plain = dataTypeID === TEXT_OID || types.getTypeParser(dataTypeID, 'binary') === unparsed;
      if (plain) arrays.push(expression);
      if (plain || !String(result.rows[0].value).includes('\ufffd')) objects.push(expression);
    } catch (error) {
      if (!error.code) throw error;
      objects.push(expression);
      arrays.push(expression);
    }
  }
  return { objects, arrays };
}

describe('values come out of a binary result as with pg', () => {
  let duel;
  let binaryDuel;
  after(() => Promise.all([duel.close(), binaryDuel.close()]));
  before(async () => {
    duel = await stage();
    binaryDuel = await stage({ binary: true });
  });

  for (const [family, expressions] of Object.entries(corpus)) {
    test(`${family} when the query asks for it`, async () => {
      const { objects, arrays } = await faithful(duel.oracle, expressions);
      const query = { values: ['x'], binary: true };
      await duel.agree(objects, (client, expression) =>
        client.query({ ...query, text: `SELECT $1::text AS tag, (${expression}) AS value` }),
      );
      await duel.agree(objects, (client, expression) =>
        client.query({
          ...query,
          text: `SELECT n, $1::text AS tag, (${expression}) AS value FROM generate_series(1, 5) n`,
        }),
      );
      if (arrays.length === 0) return;
      await duel.agree(arrays, (client, expression) =>
        client.query({
          ...query,
          text: `SELECT $1::text AS tag, (${expression}) AS value`,
          rowMode: 'array',
        }),
      );
    });

    test(`${family} when the client asks for it`, async () => {
      const { objects } = await faithful(binaryDuel.oracle, expressions);
      await binaryDuel.agree(objects, (client, expression) =>
        client.query(`SELECT $1::text AS tag, (${expression}) AS value`, ['x']),
      );
    });

    test(`${family} stays text in a simple query of a client that asks for binary`, () =>
      binaryDuel.agree(expressions, (client, expression) => client.query(`SELECT (${expression}) AS value`)));
  }
});
