'use strict';

// Has no file descriptors left when it first connects, and some again afterwards: `node no-descriptors.js <host>`.
// Prints what the first attempts came to, and then the answer of a query by each way.

const fs = require('node:fs');
const { pg, target } = require('./target.js');

const config = { ...target, host: process.argv[2] };

/** Opens files until there are no more. */
function exhaust() {
  const files = [];
  try {
    for (;;) files.push(fs.openSync('/dev/null', 'r'));
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
  }
  return () => files.forEach((file) => fs.closeSync(file));
}

const settled = (promise) =>
  promise.then(
    () => ({ code: 'none' }),
    ({ code, message }) => ({ code, advises: /ulimit -n/.test(message) }),
  );

async function attempts(pool) {
  const client = new pg.Client(config);
  client.on('error', () => {}); // what comes after a failed connect is not the matter here
  const manager = new pg.DatabaseManager();
  return {
    manager: await settled(manager.addConnection('main', { ...config, ssl: false })),
    query: await settled(pool.query('SELECT 1')),
    client: await settled(pool.connect()),
    ddl: await settled(pool.query('CREATE TEMP TABLE t ()')),
    own: await settled(client.connect()),
  };
}

async function main() {
  const pool = new pg.Pool({ ...config, max: 2 });
  pool.on('error', () => {}); // nothing is open
  const failed = [];
  const first = exhaust();
  failed.push(await attempts(pool));
  first();
  const { rows } = await pool.query('SELECT 1 AS one');
  const client = await pool.connect();
  // The runtime has what it needs now; sockets and look-ups don't.
  const second = exhaust();
  failed.push(await attempts(pool));
  second();
  client.release();
  const again = await pool.query('SELECT 1 AS one');
  const counts = [pool.totalCount, pool.idleCount, pool.waitingCount];
  await pool.end();
  console.log(JSON.stringify({ failed, rows, again: again.rows, counts }));
}

main();
