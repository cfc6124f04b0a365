'use strict';

// An open client keeps the program alive, as in node-postgres; an unref'd one doesn't. The timer by itself keeps
// nothing alive.

const { pg, target } = require('./target.js');

async function main() {
  const client = new pg.Client(target);
  await client.connect();
  await client.query('SELECT 1');
  if (process.argv[2] === 'unref') client.unref();
  console.log('connected');
  setTimeout(() => {
    console.log('still alive');
    client.end();
  }, 1500).unref();
}

main();
