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

const borrowed = async (pool, work, reason) => {
  const client = await pool.connect();
  try {
    return await work(client);
  } finally {
    client.release(reason);
  }
};

const deeds = [
  (pool, n) => pool.query(`SELECT ${n} AS n`),
  (pool, n) => pool.query('SELECT $1::int4 AS n', [n]),
  (pool, n) =>
    pool.query({ text: 'SELECT n FROM generate_series(1, $1::int4) n', values: [n * 9], rowMode: 'array' }),
  (pool, n) => pool.query({ name: `name ${n % 3}`, text: `SELECT $1::int4 * ${n % 3} AS n`, values: [n] }),
  (pool, n) => pool.query(`SELECT ${n} AS a; SELECT ${n} AS b`),
  (pool) => pool.query('SELECT 1 / 0'),
  (pool) => pool.query('SELECT $1::int4', ['no number']),
  (pool) => pool.query({}),
  (pool, n) => pool.query(`SELECT pg_sleep(0.00${n}), ${n} AS n`),
  (pool, n) => borrowed(pool, (client) => client.query('SELECT $1::int4 AS n', [n])),
  (pool, n) => borrowed(pool, (client) => client.query(`SELECT ${n} AS n`), true),
  (pool) => borrowed(pool, (client) => client.query('SELECT 1 / 0')),
  (pool, n) =>
    borrowed(pool, async (client) => {
      await client.query('BEGIN');
      await client.query('CREATE TEMP TABLE mine (n int4) ON COMMIT DROP');
      await client.query('INSERT INTO mine VALUES ($1)', [n]);
      const result = await client.query('SELECT n + 0 AS n FROM mine');
      await client.query(n % 2 ? 'COMMIT' : 'ROLLBACK');
      return result;
    }),
  (pool, n) =>
    borrowed(pool, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT 1 / 0').catch(() => client.query('ROLLBACK'));
      return client.query('SELECT $1::int4 AS n', [n]);
    }),
];

async function play({ Pool }, config, seed) {
  const random = randomFrom(seed);
  const pool = new Pool({ ...config, max: 1 + random(4), maxUses: random(3) === 0 ? 5 : undefined });
  const story = [];
  for (let burst = 0; burst < 8; burst += 1) {
    const answers = Array.from({ length: 1 + random(15) }, () => {
      const deed = deeds[random(deeds.length)];
      const number = 1 + random(9);
      return outcomeOf(() => deed(pool, number));
    });
    story.push(...(await Promise.all(answers)));
    assert.equal(pool.waitingCount, 0);
    assert.ok(pool.totalCount <= pool.options.max);
  }
  await pool.end();
  assert.equal(pool.totalCount, 0);
  return story;
}

describe('random work on a pool has the same outcomes as with pg', () => {
  let config;
  before(async () => {
    config = (await postgres()).config();
  });

  for (let seed = 1; seed <= 20; seed += 1) {
    test(`sequence ${seed}`, async () => {
      const expected = await play(oracle, config, seed);
      const got = await play(contender, config, seed);
      const parting = expected.findIndex((entry, index) => entry !== got[index]);
      assert.equal(got[parting], expected[parting]);
      assert.equal(got.length, expected.length);
    });
  }
});
