'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { contender, oracle } = require('../values/duel');
const { outcomeOf } = require('../values/portrait');
const { postgres } = require('../support/server');

// Random sequences, the same ones at every run.
const randomFrom = (seed) => {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

const circle = {};
circle.self = circle;

const asks = [
  (n) => [`SELECT ${n} AS n`],
  (n) => ['SELECT $1::int4 AS n', [n]],
  (n) => [{ text: 'SELECT $1::text AS word, $2::int4 AS n', values: [`é${n}`, n], rowMode: 'array' }],
  (n) => [`SELECT n, 'x' || n AS word FROM generate_series(1, ${n * 7}) n`],
  (n) => ['SELECT n FROM generate_series(1, $1::int4) n', [n * 11]],
  () => ['SELECT 1 / 0'],
  () => ['SELECT 1 / (5 - n) FROM generate_series(1, 9) n'],
  () => ['SELECT $1::int4 AS n', ['no number']],
  () => ['SELECT $1::text AS n', [circle]],
  () => ['SELEC'],
  () => [''],
  () => [{}],
  () => ['SELECT 1', 'no array'],
  (n) => [`SELECT ${n} AS a; SELECT ${n} AS b, 'x' AS c`],
  (n) => [`SELECT ${n} AS a; SELECT 1 / 0; SELECT 2`],
  (n) => [
    { text: 'SELECT $1::int4 AS n', values: [n], types: { getTypeParser: () => (text) => `<${text}>` } },
  ],
  () => [{ text: 'SELECT 1 AS n', types: { getTypeParser: () => () => { throw new Error('parser'); } } }], // prettier-ignore
  () => ['BEGIN'],
  () => ['COMMIT'],
  () => ['ROLLBACK'],
  (n) => [`INSERT INTO sequence (n) VALUES (${n}) RETURNING n + 0 AS n`],
  () => ['SELECT count(*) AS count, sum(n) AS sum FROM sequence'],
  (n) => [`DO $$ BEGIN RAISE NOTICE 'number ${n}'; END $$`],
];

const namedAsks = [
  (n) => [{ name: `name ${n % 3}`, text: `SELECT $1::int4 + ${n % 3} AS n`, values: [n] }],
  (n) => [{ name: `name ${n % 3}`, text: `SELECT $1::int4 + ${n % 3} AS n`, values: ['no number'] }],
  (n) => [{ name: `faulty ${n}`, text: 'SELEC', values: [n] }],
];

async function play({ Client }, settings, seed, steps) {
  // node-postgres pipelines a second use of a name before it knows that the first could not be parsed
  const choice = settings.pipeline ? asks : [...asks, ...namedAsks];
  const random = randomFrom(seed);
  const client = new Client(settings);
  const story = [];
  const notices = [];
  client.on('notice', ({ message }) => notices.push(message));
  client.on('error', (error) => story.push(`error ${error.message}`));
  await client.connect();
  await client.query('CREATE TEMP TABLE sequence (n int4)');
  for (let step = 0; step < steps;) {
    const burst = Array.from({ length: 1 + random(8) }, () => {
      step += 1;
      const number = step;
      const ask = choice[random(choice.length)](1 + random(9));
      return outcomeOf(() => client.query(...ask)).then((outcome) => `${number} ${outcome}`);
    });
    story.push(...(await Promise.all(burst)));
    // the server's state follows an error, so it is only certain once another query has ended
    await client.query('SELECT 1').catch(() => {});
    story.push(`state ${client.getTransactionStatus()}`);
  }
  await client.end();
  return [...story, ...notices];
}

describe('random sequences of queries tell the same story as with pg', () => {
  let config;
  before(async () => {
    config = (await postgres()).config();
  });

  for (const pipeline of [false, true]) {
    for (let seed = 1; seed <= 20; seed += 1) {
      test(`sequence ${seed}${pipeline ? ', pipelined' : ''}`, async () => {
        const expected = await play(oracle, { ...config, pipeline }, seed, 60);
        const got = await play(contender, { ...config, pipeline }, seed, 60);
        assert.ok(expected.length > 60);
        const parting = expected.findIndex((entry, index) => entry !== got[index]);
        assert.equal(got[parting], expected[parting]);
        assert.equal(got.length, expected.length);
      });
    }
  }
});
