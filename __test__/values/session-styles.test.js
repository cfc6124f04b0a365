'use strict';

const { before, after, describe, test } = require('node:test');
const corpus = require('./corpus');
const { stage } = require('./stage');

// A session can make the server write the same values in another way, and pg parses what comes.
const styles = [
  ["SET DateStyle = 'ISO, DMY'", ['times']],
  ["SET DateStyle = 'SQL, MDY'", ['times']],
  ["SET DateStyle = 'SQL, DMY'", ['times']],
  ["SET DateStyle = 'Postgres, MDY'", ['times']],
  ["SET DateStyle = 'German'", ['times']],
  ["SET DateStyle = 'ISO, YMD'", ['times']],
  ["SET TIME ZONE '-03:30'", ['times']],
  ["SET TIME ZONE 'Africa/Monrovia'", ['times']],
  ["SET TIME ZONE 'Europe/Amsterdam'", ['times']],
  ["SET IntervalStyle = 'postgres_verbose'", ['intervals']],
  ["SET IntervalStyle = 'sql_standard'", ['intervals']],
  ["SET IntervalStyle = 'iso_8601'", ['intervals']],
  ["SET bytea_output = 'escape'", ['bytes']],
  ['SET extra_float_digits = 0', ['numbers', 'structures']],
  ['SET extra_float_digits = -15', ['numbers']],
  ["SET xmloption = 'document'", ['text']],
  ['SET standard_conforming_strings = off; SET escape_string_warning = off', ['text']],
];

describe('a setting of the session changes values as it does with pg', () => {
  let duel;
  after(() => duel.close());
  before(async () => {
    duel = await stage();
  });

  for (const [setting, families] of styles) {
    for (const family of families) {
      test(`${setting} for ${family}`, async () => {
        await duel.prepare('RESET ALL');
        await duel.prepare(setting);
        await duel.agree(corpus[family], (client, expression) =>
          client.query({ text: `SELECT (${expression}) AS value, $1::int4 AS one`, values: [1] }),
        );
        await duel.agree(corpus[family], (client, expression) =>
          client.query(`SELECT (${expression}) AS value`),
        );
      });
    }
  }

  test('a setting that changes between the statements of one query counts for the statements after it', async () => {
    await duel.prepare('RESET ALL');
    await duel.agree(
      [
        "SELECT '2024-02-03'::date AS d; SET DateStyle = 'German'; SELECT '2024-02-03'::date AS d; SET DateStyle = 'ISO'; SELECT '2024-02-03'::date AS d",
        "SELECT '\\x5c00'::bytea AS b; SET bytea_output = 'escape'; SELECT '\\x5c00'::bytea AS b; SET bytea_output = 'hex'",
      ],
      (client, text) => client.query(text),
    );
  });
});
