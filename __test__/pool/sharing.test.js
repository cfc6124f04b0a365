'use strict';

const assert = require('node:assert/strict');
const { afterEach, before, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { settled } = require('../support/failure');
const { postgres } = require('../support/server');

const numbers = (count) => Array.from({ length: count }, (_, i) => i);

let server;
let database;
before(async () => {
  server = await postgres();
  database = await server.createDatabase();
  await server.asSuperuser(
    (client) =>
      client.query('CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (LIKE a INCLUDING ALL)'),
    database,
  );
  await server.asSuperuser(
    (client) =>
      client.query('INSERT INTO a SELECT i, 0 FROM generate_series(1, 60) i; INSERT INTO b TABLE a'),
    database,
  );
});

forBoth(({ pg }) => {
  const pools = [];
  const open = (options) => {
    const pool = new pg.Pool(server.config({ database, ...options }));
    pools.push(pool);
    return pool;
  };
  afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.end())));

  const READ_A = 'SELECT n FROM a WHERE id = $1';
  const READ_B = 'SELECT n FROM b WHERE id = $1';
  const readB = (pool, count) => numbers(count).map((i) => pool.query(READ_B, [1 + (i % 60)]));

  for (const at of [0, 30, 99]) {
    test(`a read that waits for a lock, as number ${at} of a hundred, holds up no query that the lock's owner waits for`, async () => {
      const pool = open();
      for (let round = 0; round < 5; round++) await Promise.all(readB(pool, 100));
      const owner = await pool.connect();
      const asked = [];
      try {
        await owner.query('BEGIN; ALTER TABLE a ALTER COLUMN n SET DEFAULT 1');
        for (const i of numbers(100)) asked.push(pool.query(i === at ? READ_A : READ_B, [1 + (i % 60)]));
        await settled(Promise.all(asked.filter((_, i) => i !== at)), 'the reads beside it');
        await settled(Promise.all(readB(pool, 100)), 'the reads that come later');
        await owner.query('COMMIT');
      } finally {
        owner.release(true);
      }
      assert.deepEqual((await settled(asked[at], 'the read that waited')).rows, [{ n: 0 }]);
    });
  }

  test('a named read that waits for a lock holds up no other query, and its statement stays in use', async () => {
    const pool = open({ max: 3 });
    const read = (table, id) =>
      pool.query({ name: `read ${table}`, text: `SELECT id, n FROM ${table} WHERE id = $1`, values: [id] });
    const readAll = (table) => Promise.all(numbers(60).map((i) => read(table, 1 + i)));
    for (let round = 0; round < 5; round++) await readAll('b');
    const owner = await pool.connect();
    const waiting = [];
    try {
      await owner.query('BEGIN; LOCK TABLE a');
      const others = numbers(60).map((i) => {
        if (i === 30) waiting.push(read('a', 1));
        return read('b', 1 + i);
      });
      await settled(Promise.all(others), 'the reads beside it');
      await owner.query('COMMIT');
    } finally {
      owner.release();
    }
    await settled(Promise.all(waiting), 'the read that waited');
    for (const table of ['a', 'b', 'a']) {
      const ids = (await settled(readAll(table), 'more reads')).map(({ rows }) => rows[0].id);
      assert.deepEqual(
        ids,
        numbers(60).map((i) => 1 + i),
      );
    }
  });

  test('one locked row holds up no update of another row', async () => {
    const pool = open({ max: 4 });
    const update = (id) => pool.query('UPDATE b SET n = n + 1 WHERE id = $1', [id]);
    const LOCKED = 7;
    for (let round = 0; round < 5; round++) await Promise.all(numbers(60).map((i) => update(1 + i)));
    const owner = await pool.connect();
    let locked;
    try {
      await owner.query(`BEGIN; UPDATE b SET n = n + 1 WHERE id = ${LOCKED}`);
      const others = numbers(50).map((i) => {
        if (i === 10) locked = update(LOCKED);
        return update(LOCKED + 1 + i);
      });
      await settled(Promise.all(others), 'the updates of other rows');
    } finally {
      owner.release(true);
    }
    assert.equal((await settled(locked, 'the update of the locked row')).rowCount, 1);
  });
});
