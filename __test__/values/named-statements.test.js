'use strict';

const { createHash } = require('node:crypto');
const { before, beforeEach, after, describe, test } = require('node:test');
const corpus = require('./corpus');
const spread = require('./corpus/spread');
const { stage } = require('./stage');

// From its second execution on, a named statement's columns are known, and plain ones come in binary format. Nothing
// of that may be seen.
const EXECUTIONS = 3;

// Each test has statements of its own.
let tests = 0;
beforeEach(() => {
  tests += 1;
});

const nameOf = (text) => createHash('sha1').update(`${tests} ${text}`).digest('hex');

async function again(client, config) {
  const name = nameOf(config.text);
  let result;
  for (let n = 0; n < EXECUTIONS; n += 1) result = await client.query({ ...config, name });
  return result;
}

const asText = { getTypeParser: () => (text) => `<${text}>` };
const oneOverridden = (oid) => ({
  getTypeParser: (asked, format) =>
    asked === oid ? (value) => ['parsed', value] : require('pg-types').getTypeParser(asked, format),
});

const ways = {
  'as it is': (client, text) => again(client, { text, values: [1] }),
  'as arrays': (client, text) => again(client, { text, values: [1], rowMode: 'array' }),
  'with parsers of the caller': (client, text) => again(client, { text, values: [1], types: asText }),
};

// What the server writes in another way, and what it reports of that.
const styles = [
  "SET DateStyle = 'SQL, DMY'",
  "SET DateStyle = 'Postgres, MDY'",
  "SET DateStyle = 'German'",
  "SET DateStyle = 'ISO, DMY'",
  "SET TIME ZONE 'Africa/Monrovia'",
  "SET TIME ZONE 'Europe/Amsterdam'",
  "SET TIME ZONE '-03:30'",
  "SET TIME ZONE 'UTC'",
  "SET IntervalStyle = 'iso_8601'",
  "SET bytea_output = 'escape'",
  'SET extra_float_digits = -15',
  'SET extra_float_digits = 0',
];

describe('a named statement gives the same values each time, as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  for (const [way, ask] of Object.entries(ways)) {
    for (const [family, expressions] of Object.entries(corpus)) {
      test(`${family} ${way}`, async () => {
        await duel.prepare('RESET ALL');
        await duel.agree(expressions, (client, expression) =>
          ask(
            client,
            `SELECT n, CASE WHEN n <> 2 THEN (${expression}) END AS value, $1::int4 AS one
            FROM generate_series(1, 3) n`,
          ),
        );
      });
    }
  }

  for (const [group, text] of spread) {
    test(`${group} from all over the range of their type`, () =>
      duel.agree([text], (client) => again(client, { text })));
  }

  for (const style of styles) {
    test(`${style} between two executions`, async () => {
      const families = ['times', 'bytes', 'numbers', 'text'].flatMap((family) => corpus[family]);
      await duel.prepare('RESET ALL');
      const ask = async (client, expression) => {
        const text = `SELECT (${expression}) AS value, $1::int4 AS one`;
        await client.query('RESET ALL');
        await again(client, { text, values: [1] });
        await client.query(style);
        return client.query({ name: nameOf(text), text, values: [1] });
      };
      await duel.agree(families, ask);
    });
  }

  test('29 February of 1 BC, which pg misreads, is misread alike in every zone', async () => {
    const instants = `SELECT t, t AT TIME ZONE 'UTC' AS local, (t AT TIME ZONE 'UTC')::date AS day
      FROM generate_series('0001-02-27 BC'::timestamptz, '0001-03-02 BC', '50 minutes') t`;
    for (const zone of ['UTC', 'Asia/Kathmandu', 'America/Sao_Paulo']) {
      await duel.prepare(`SET TIME ZONE '${zone}'`);
      await duel.agree([instants], (client, text) => again(client, { text }));
    }
  });

  for (const oid of [16, 20, 21, 23, 25, 17, 1082, 1114, 1184, 114, 3802, 2950]) {
    test(`a parser of the caller's for type ${oid} gets the text, whenever it comes`, async () => {
      await duel.prepare('RESET ALL');
      const text = `SELECT true AS a, 1::int8 AS b, 2::int2 AS c, 3 AS d, 'x'::text AS e, '\\x01ff'::bytea AS f,
        '2024-02-29'::date AS g, '2024-02-29 01:02:03.4567'::timestamp AS h, '2024-02-29 01:02:03.4567+00'::timestamptz AS i,
        '{"a": 1}'::json AS j, '{"a": 1}'::jsonb AS k, '00112233-4455-6677-8899-AABBCCDDEEFF'::uuid AS l`;
      await duel.agree([text], async (client) => {
        await again(client, { text });
        const name = nameOf(text);
        const types = oneOverridden(oid);
        await client.query({ text, name, types });
        await client.query({ text, name, types });
        return client.query({ text, name, types });
      });
    });
  }
});

describe('a named statement whose meaning changes behaves as with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  const both = (ask) => duel.agree([null], ask);

  test('a changed result type is refused, and the old one is still good when it is back', async () => {
    await duel.oracle.query('CREATE TABLE changing (a int4, b text)');
    const config = { name: 'changing', text: 'SELECT * FROM changing' };
    for (const change of ['INSERT INTO changing VALUES (1, $$x$$)', 'ALTER TABLE changing ADD c date']) {
      await duel.oracle.query(change);
      await both(async (client) => {
        await client.query(config).catch(() => {});
        return client.query(config);
      }).catch((error) => {
        // A question that both refuse alike leaves no answer to count.
        if (!/answered none/.test(error.message)) throw error;
      });
    }
    await duel.oracle.query('ALTER TABLE changing DROP c');
    await both((client) => client.query(config));
  });

  test('a name that SQL gives to another statement', () =>
    both(async (client) => {
      const config = { name: 'taken', text: 'SELECT 1 AS a, now() - now() AS b' };
      await client.query(config);
      await client.query(config);
      await client.query(
        "DEALLOCATE taken; PREPARE taken AS SELECT 'x' AS a, 2 AS b, '2024-01-01'::date AS c",
      );
      return client.query(config);
    }));

  test('a statement that answers other columns each time', () =>
    both(async (client) => {
      const config = { name: 'fetching', text: 'FETCH 2 FROM c' };
      await client.query('BEGIN; DECLARE c CURSOR FOR SELECT 1 AS a');
      await client.query(config);
      await client.query("CLOSE c; DECLARE c CURSOR FOR SELECT 'x' AS a, '2024-01-01'::date AS b");
      const second = await client.query(config);
      await client.query('COMMIT');
      return second;
    }));

  test('a date style that changes in the same pipeline', () =>
    both(async (client) => {
      const config = {
        name: 'piped',
        text: "SELECT '2024-02-03'::date AS d, '2024-02-03 04:05:06'::timestamp AS t",
      };
      await client.query(config);
      await client.query(config);
      const [, result] = await Promise.all([client.query("SET DateStyle = 'German'"), client.query(config)]);
      await client.query('RESET DateStyle');
      return result;
    }));
});
