'use strict';

// The columns of a read without a name come in binary format when its last result was large and the server is near.
// Nothing of that may be seen.

const { before, beforeEach, after, afterEach, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const corpus = require('./corpus');
const spread = require('./corpus/spread');
const { stage } = require('./stage');

/** The first answer is large, and the second one comes as this is about. */
const TIMES = 2;

/** Bytes of a row beside what is asked for, so that the result is large. */
const PAD = "repeat('x', 15000) AS pad FROM generate_series(1, 20) n";

async function again(client, text, values, config = {}) {
  let result;
  for (let n = 0; n < TIMES; n += 1) result = await client.query({ ...config, text, values });
  return result;
}

const asText = { getTypeParser: () => (text) => `<${text}>` };

const ways = {
  'as it is': (client, text) => again(client, text),
  'with values and as arrays': (client, text) =>
    again(client, `${text} WHERE n > $1`, [1], { rowMode: 'array' }),
  'with parsers of the caller': (client, text) => again(client, text, [], { types: asText }),
};

describe('a large read gives the same values each time, as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  for (const [way, ask] of Object.entries(ways)) {
    for (const [family, expressions] of Object.entries(corpus)) {
      test(`${family} ${way}`, () =>
        duel.agree(expressions, (client, expression) =>
          ask(client, `SELECT CASE WHEN n % 7 <> 2 THEN (${expression}) END AS value, ${PAD}`),
        ));
    }
  }

  for (const [group, text] of spread) {
    test(`${group} from all over the range of their type`, () =>
      duel.agree([text], (client) =>
        again(
          client,
          `SELECT spread.*, pad FROM (${text}) AS spread, (SELECT repeat('x', 1000) AS pad) AS pads`,
        ),
      ));
  }
});

describe('a large read whose meaning changes behaves as with pg', () => {
  const FILL = 'AS SELECT n AS a, true AS b, repeat($$x$$, 15000) AS c FROM generate_series(1, 20) n';
  // Without this, the fields would name each side's own table.
  const TEXT = 'SELECT * FROM large UNION ALL SELECT * FROM large';

  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });
  beforeEach(() => duel.prepare(`CREATE TEMP TABLE large ${FILL}`));
  afterEach(() => duel.prepare('DROP TABLE large; RESET ALL'));

  for (const change of [
    "ALTER TABLE large ADD d date DEFAULT '2024-02-29'",
    'ALTER TABLE large ALTER a TYPE text',
    'ALTER TABLE large DROP b',
    'TRUNCATE large',
    "SET DateStyle = 'German'; ALTER TABLE large ADD d date DEFAULT '2024-02-29'",
  ]) {
    test(change, () =>
      duel.agree([null], async (client) => {
        await again(client, TEXT);
        await client.query(change);
        return again(client, TEXT);
      }),
    );
  }

  test('a table that is gone, in a transaction and without', () =>
    duel.agree([null], async (client) => {
      const outcomes = [];
      const read = 'SELECT c FROM gone';
      await client.query(`CREATE TEMP TABLE gone ${FILL}`);
      await again(client, read);
      const inTransaction = ['BEGIN', read, 'DROP TABLE gone', read, read, 'ROLLBACK'];
      for (const text of [...inTransaction, read, 'DROP TABLE gone', read, read]) {
        const outcome = await client.query(text).catch((error) => error);
        const { rowCount, message, code, position, severity } = outcome;
        outcomes.push({ rowCount, message, code, position, severity });
      }
      const result = await client.query('SELECT 1');
      result.rows.push(...outcomes);
      return result;
    }));
});

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  describe('a large read', () => {
    const { Client } = require('../..');
    const { postgres } = require('../support/server');

    // What the server would log goes to the client.
    const LOUD = "SET log_statement = 'all'; SET client_min_messages = 'log'";
    /** On a busy machine a server may look like one that is far away. */
    const ATTEMPTS = 20;

    /** How the server was asked each time. */
    async function waysOf(text, values) {
      const server = await postgres();
      const client = new Client(server.config());
      const ways = [];
      await client.connect();
      await client.query(LOUD);
      client.on('notice', ({ message }) => ways.push(message.slice(0, message.indexOf(':'))));
      for (let n = 0; n < 3; n += 1) await client.query(text, values);
      await client.end();
      return ways;
    }

    test('is described first from its second time on, and a small one never is', async () => {
      const large = `SELECT n, ${PAD.replace('20', '100')}`;
      let ways;
      for (let n = 0; n < ATTEMPTS && ways?.[1] !== 'execute <unnamed>'; n += 1) ways = await waysOf(large);
      assert.deepEqual(ways, ['statement', 'execute <unnamed>', 'execute <unnamed>']);
      assert.deepEqual(await waysOf('SELECT 1'), ['statement', 'statement', 'statement']);
    });

    test('of several statements, or one that the extended protocol sees otherwise, never is', async () => {
      const several = `SELECT n, ${PAD.replace('20', '100')}; SELECT 1`;
      assert.deepEqual(await waysOf(several), ['statement', 'statement', 'statement']);
      const explain = "EXPLAIN SELECT repeat('x', 15000)";
      assert.deepEqual(await waysOf(explain), ['statement', 'statement', 'statement']);
    });
  });
}
