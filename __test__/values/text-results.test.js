'use strict';

const { createHash } = require('node:crypto');
const { before, after, describe, test } = require('node:test');
const corpus = require('./corpus');
const { stage } = require('./stage');

// How a program can ask for the value of one expression, when the answer comes as text.
const ways = {
  'a simple query': (client, expression) => client.query(`SELECT (${expression}) AS value`),

  'a query with a parameter': (client, expression) =>
    client.query(`SELECT $1::int4 AS one, (${expression}) AS value`, [1]),

  'the extended protocol without parameters': (client, expression) =>
    client.query({ text: `SELECT (${expression}) AS value`, queryMode: 'extended' }),

  'rows as arrays': (client, expression) =>
    client.query({ text: `SELECT (${expression}) AS value, 'after' AS value`, rowMode: 'array' }),

  'rows as arrays with a parameter': (client, expression) =>
    client.query({ text: `SELECT (${expression}), $1::text`, values: ['after'], rowMode: 'array' }),

  'a named statement used again': async (client, expression) => {
    const text = `SELECT (${expression}) AS value, $1::int4 AS one`;
    const name = createHash('sha1').update(expression).digest('hex');
    await client.query({ name, text, values: [1] });
    return client.query({ name, text, values: [2] });
  },

  'rows with nulls between them': (client, expression) =>
    client.query(
      `SELECT n, CASE WHEN n % 3 <> 0 THEN (${expression}) END AS value, n % 2 = 0 AS even FROM generate_series(1, 7) n`,
    ),

  'several statements': (client, expression) =>
    client.query(
      `SELECT (${expression}) AS value; SELECT 1 AS number; SELECT 'x' AS first, (${expression}) AS value`,
    ),

  'all parsers turned off': (client, expression) =>
    client.query({ text: `SELECT (${expression}) AS value`, types: { getTypeParser: () => (text) => text } }),
};

describe('values come out of a result as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  for (const [way, ask] of Object.entries(ways)) {
    for (const [family, expressions] of Object.entries(corpus)) {
      test(`${family} through ${way}`, () => duel.agree(expressions, ask));
    }
  }

  for (const [family, expressions] of Object.entries(corpus)) {
    test(`${family} side by side in one row`, async () => {
      const usable = [];
      for (const expression of expressions) {
        const works = await duel.oracle.query(`SELECT (${expression}) AS value`).then(
          () => true,
          () => false,
        );
        if (works) usable.push(expression);
      }
      const columns = usable.map((expression, index) => `(${expression}) AS column${index}`);
      await duel.agree([`SELECT ${columns.join(', ')}`], (client, text) => client.query(text));
    });
  }
});
