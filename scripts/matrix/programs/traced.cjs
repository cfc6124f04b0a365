'use strict';

// What a program does with `pg` that tracers see, and whose `pg` that is.

const pg = require('pg');

/** Runs it. */
exports.work = async function work() {
  const url = process.env.DATABASE_URL;
  const client = new pg.Client(url);
  await client.connect();
  await client.query('SELECT 1 AS one');
  await client.query('SELECT $1::int AS n', [1]);
  await client.query({ text: 'SELECT $1::int AS n', values: [2], name: 'named' });
  await client.query('SELECT nothing').catch(() => {});
  await new Promise((resolve) => client.query('SELECT 2 AS two', resolve));
  const query = client.query(new pg.Query('SELECT 3 AS three'));
  await new Promise((resolve) => query.on('end', resolve));
  await client.end();

  const pool = new pg.Pool({ connectionString: url, max: 2 });
  await pool.query('SELECT 5 AS five');
  await pool.query('SELECT $1::int AS n', [6]);
  await pool.query('SELECT nothing').catch(() => {});
  await Promise.all([7, 8, 9].map((n) => pool.query('SELECT $1::int AS n', [n])));
  await new Promise((resolve) => pool.query('SELECT 10 AS ten', resolve));
  const lent = await pool.connect();
  await lent.query('BEGIN');
  await lent.query('COMMIT');
  lent.release();
  await new Promise((resolve) =>
    pool.connect((error, borrowed, release) =>
      borrowed.query('SELECT 11 AS eleven', () => resolve(release())),
    ),
  );
  await pool.end();
};

/** Prints what was seen, a line for each span. */
exports.tell = function tell(spans) {
  console.log(JSON.stringify({ isOurs: pg === require('pgfleet/pg'), spans }));
  process.exit();
};
