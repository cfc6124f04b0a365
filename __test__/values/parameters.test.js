'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const groups = require('./corpus/parameters');
const { contender, oracle } = require('./duel');
const { outcomeOf, portrait } = require('./portrait');
const { stage } = require('./stage');

// The server's side of a value: what a statement may declare its parameter to be.
const TARGETS = {
  scalars: ['text', 'bytea', 'jsonb', 'timestamptz', 'float8', 'int8', 'numeric', 'bool', 'text[]'],
  dates: ['text', 'timestamptz', 'timestamp', 'date', 'timestamptz[]'],
  bytes: ['bytea', 'text', 'int8', 'bytea[]'],
  arrays: ['text', 'text[]', 'int4[]', 'jsonb', 'jsonb[]'],
  objects: ['text', 'jsonb', 'timestamptz', 'text[]', 'numeric'],
};

describe('values go into a query as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  for (const [group, makers] of Object.entries(groups)) {
    for (const target of TARGETS[group]) {
      test(`${group} for a parameter of type ${target}`, () =>
        duel.agree(Object.keys(makers), (client, name) =>
          client.query(`SELECT $1::${target}::text AS value, $2::int4 AS after`, [makers[name](), 7]),
        ));
    }

    test(`${group} that come back in a result`, () =>
      duel.agree(Object.keys(makers), (client, name) =>
        client.query({
          name: `echo ${Object.keys(makers).indexOf(name)} of ${group}`,
          text: 'SELECT $1::text AS value',
          values: [makers[name]()],
        }),
      ));

    test(`${group} through utils.prepareValue`, () => {
      for (const [name, make] of Object.entries(makers)) {
        const describeWith = ({ utils }) => {
          try {
            return portrait(utils.prepareValue(make()));
          } catch (error) {
            return `${error.constructor.name}: ${error.message}`;
          }
        };
        assert.equal(describeWith(contender), describeWith(oracle), name);
      }
    });
  }

  test('dates in UTC when defaults.parseInputDatesAsUTC says so', async () => {
    const before = [oracle.defaults.parseInputDatesAsUTC, contender.defaults.parseInputDatesAsUTC];
    oracle.defaults.parseInputDatesAsUTC = true;
    contender.defaults.parseInputDatesAsUTC = true;
    try {
      await duel.agree(Object.keys(groups.dates), (client, name) =>
        client.query('SELECT $1::text AS value', [groups.dates[name]()]),
      );
    } finally {
      [oracle.defaults.parseInputDatesAsUTC, contender.defaults.parseInputDatesAsUTC] = before;
    }
  });

  test('what is left of the client after a value that could not be prepared', async () => {
    const { expected, got } = await duel.compare(async (client) => {
      const outcomes = [];
      const bad = groups.objects['a circular object'];
      for (const query of [
        { text: 'SELECT $1::text AS value', values: [bad()] },
        { text: 'SELECT $1::text AS value', values: ['good'] },
      ]) {
        outcomes.push(await outcomeOf(() => client.query(query)));
      }
      return { command: 'SELECT', rowCount: null, oid: null, fields: [], rows: outcomes };
    });
    assert.equal(got, expected);
  });

  test('parameters of every place: the first, the last, and 65535 of them', async () => {
    const numbers = Array.from({ length: 65535 }, (_, index) => index);
    const text = `SELECT cardinality(a) AS count, a[1] AS first, a[65535] AS last
      FROM (SELECT ARRAY[${numbers.map((index) => `$${index + 1}::int4`)}] AS a) AS all_of_them`;
    const { rows } = await duel.contender.query(text, numbers);
    assert.deepEqual(rows, [{ count: 65535, first: 0, last: 65534 }]);
  });

  test('one parameter too many for the protocol is refused and the client stays usable', async (context) => {
    const numbers = Array.from({ length: 65536 }, (_, index) => index);
    const text = `SELECT cardinality(ARRAY[${numbers.map((index) => `$${index + 1}::int4`)}])`;
    const client = new contender.Client(duel.config);
    context.after(() => client.end());
    client.on('error', () => {}); // a broken client is noticed by the query below
    await client.connect();
    await assert.rejects(client.query(text, numbers));
    const { rows } = await client.query('SELECT 1 AS one');
    assert.deepEqual(rows, [{ one: 1 }]);
  });

  const shapes = {
    'no values': undefined,
    'null for values': null,
    'an empty array': [],
    'a text for values': 'text',
    'an object for values': { 0: 1, length: 1 },
    'a typed array for values': Int32Array.of(1),
    'a number for values': 5,
    'too few values': [1],
    'too many values': [1, 2, 3],
  };
  for (const [shape, values] of Object.entries(shapes)) {
    test(`a query with ${shape}`, async () => {
      const texts = ['SELECT 1 AS one', 'SELECT $1::int4 AS a, $2::int4 AS b', ''];
      for (const text of texts) {
        for (const ask of [
          (client) => client.query(text, values),
          (client) => client.query({ text, values }),
        ]) {
          const { expected, got } = await duel.compare(ask);
          assert.equal(got, expected);
        }
      }
    });
  }
});
