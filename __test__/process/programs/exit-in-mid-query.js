'use strict';

// Ends the process while queries are in flight, waiting and being answered.

const { pg, target } = require('./target.js');

async function main() {
  const pool = new pg.Pool({ ...target, max: 2 });
  await pool.query('SELECT 1');
  for (let i = 0; i < 5; i += 1) pool.query('SELECT pg_sleep(600)').catch(() => {});
  pool.query('SELECT repeat($1, 1000) FROM generate_series(1, 100000)', ['x']).catch(() => {});
  setTimeout(() => process.exit(7), 200);
}

main();
