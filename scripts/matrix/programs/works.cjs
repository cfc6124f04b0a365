'use strict';

// What a program does with the package, however it came by it: the same for `required.cjs` and `imported.mjs`.

const assert = require('node:assert/strict');

/** @param {any} pgfleet @param {any} pg what `pgfleet/pg` is */
module.exports = async function works(pgfleet, pg) {
  assert.equal(pg.Pool, pgfleet.Pool);
  const config = { connectionString: process.env.DATABASE_URL, ssl: { rejectUnauthorized: false } };
  const pool = new pgfleet.Pool(config);
  // One after the other, and at once; a result of many rows, and an error.
  for (let n = 0; n < 40; n++) assert.deepEqual((await pool.query('SELECT $1::int AS n', [n])).rows, [{ n }]);
  const many = await Promise.all(
    Array.from({ length: 100 }, (_, n) => pool.query('SELECT $1::text AS n', [n])),
  );
  assert.deepEqual(
    many.map(({ rows }) => rows[0].n),
    many.map((_, n) => String(n)),
  );
  const { rows } = await pool.query(
    "SELECT i, now() AS at, '{1,2}'::int[] AS list FROM generate_series(1, 5000) AS i",
  );
  assert.equal(rows.length, 5000);
  assert.deepEqual(rows[4999].list, [1, 2]);
  assert.ok(rows[4999].at instanceof Date);
  await assert.rejects(pool.query('SELECT nothing'), (error) => error instanceof pgfleet.DatabaseError);
  await pool.end();

  const client = new pgfleet.Client(config);
  await client.connect();
  assert.deepEqual((await client.query({ text: 'SELECT 1 AS one', rowMode: 'array' })).rows, [[1]]);
  await client.end();
  console.log('works');
};
