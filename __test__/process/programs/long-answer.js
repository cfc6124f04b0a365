'use strict';

// Says how the runtime's threads are scheduled in the middle of a long answer, and after it.

const { threadPolicies } = require('../../support/thread-policies.js');
const { pg, target } = require('./target.js');

async function main() {
  const client = new pg.Client(target);
  await client.connect();
  const cursor = client.query(new pg.Cursor('SELECT * FROM generate_series(1, 100000)'));
  await cursor.read(10_000);
  await cursor.read(10_000);
  console.log(threadPolicies().join());
  await cursor.close();
  await client.end();
  console.log(threadPolicies().join());
}

main();
