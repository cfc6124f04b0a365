'use strict';

// Has one file descriptor, for its connection, and none for the password file. Prints what came of it by each way, and
// the answer of a query when there are some again.

const fs = require('node:fs');
const net = require('node:net');
const { pg, target } = require('./target.js');

/** Opens files until there are no more, and closes one. */
function leaveOne() {
  const files = [];
  try {
    for (;;) files.push(fs.openSync('/dev/null', 'r'));
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
  }
  fs.closeSync(files.pop());
  return () => files.forEach((file) => fs.closeSync(file));
}

const settled = (promise) =>
  promise.then(
    () => 'no failure',
    ({ code, message }) => [code, /ulimit -n/.test(message)],
  );

async function main() {
  const config = { ...target, max: 2 };
  const pools = {
    natively: new pg.Pool(config),
    'on a stream': new pg.Pool({ ...config, stream: () => new net.Socket() }),
  };
  const outcomes = {};
  for (const [way, pool] of Object.entries(pools)) {
    pool.on('error', () => {}); // nothing is open
    const client = await pool.connect(); // by then everything has been loaded
    const closeAll = leaveOne();
    const failure = await settled(pool.query('SELECT 1'));
    closeAll();
    const { rows } = await pool.query('SELECT 1 AS one');
    outcomes[way] = { failure, rows };
    client.release();
  }
  for (const pool of Object.values(pools)) await pool.end();
  console.log(JSON.stringify(outcomes));
}

main();
