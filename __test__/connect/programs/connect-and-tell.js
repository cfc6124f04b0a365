'use strict';

// Arguments: the contender, and the client's configuration as JSON. Prints `connected`, or what the error
// tells a program.

const [label, config] = process.argv.slice(2);
const pg = label === 'pg' ? require('pg') : require('../../..');

async function main() {
  const client = new pg.Client({ ...JSON.parse(config), connectionTimeoutMillis: 15_000 });
  try {
    await client.connect();
  } catch (error) {
    const addresses = (error.errors ?? [error]).map(({ address }) => address).sort();
    console.log(JSON.stringify({ code: error.code, message: error.message, addresses }));
    process.exitCode = 1;
    return;
  }
  console.log('connected');
  await client.end();
}

main();
