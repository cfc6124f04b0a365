'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');

// A value that is cut out of a larger string or buffer keeps all of that alive; how much has a bound.
const MOST_BYTES = 100 * 1024;
const KEPT = 60;

const VALUES = {
  'a short text': `repeat('t', 20) || i`,
  'a text of more than ASCII': `repeat('é', 20) || i`,
  'a number as text': `(i::int8 * 1000000000000)`,
  'a JSON document': `jsonb_build_object('text', repeat('j', 20) || i)`,
  'an array of texts': `ARRAY[repeat('a', 20) || i, repeat('é', 20) || i]`,
  'an array with a null': `ARRAY[repeat('a', 20) || i, NULL]`,
  'a few bytes': `decode(md5(i::text), 'hex')`,
};

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  for (const [name, sql] of Object.entries(VALUES)) {
    test(`${name} that is kept from a result of 5 MB keeps at most 100 KB alive`, async () => {
      const server = await postgres();
      const source = `
        const { Client } = require('./index.js');
        const used = () => {
          for (let n = 0; n < 4; n++) gc();
          const { heapUsed, arrayBuffers } = process.memoryUsage();
          return heapUsed + arrayBuffers;
        };
        const text = \`SELECT ${sql} AS value, repeat('f', 200) || i AS filler FROM generate_series(1, 20000) AS i\`;
        async function main() {
          const client = new Client(JSON.parse(process.env.PROGRAM_TARGET));
          await client.connect();
          const keep = async (list, place) => list.push((await client.query(text)).rows[place].value);
          for (let n = 0; n < 5; n++) await keep([], n);
          const kept = [];
          const before = used();
          for (let n = 0; n < ${KEPT}; n++) await keep(kept, 10_000 + n);
          await new Promise((resolve) => setImmediate(resolve));
          console.log(Math.round((used() - before) / kept.length));
          await client.end();
        }
        main();`;
      const outcome = await run(
        { source },
        { execArgv: ['--expose-gc'], env: { PROGRAM_TARGET: JSON.stringify(server.config({ ssl: false })) } },
      );
      assert.deepEqual([outcome.code, outcome.stderr], [0, '']);
      const bytes = Number(outcome.stdout);
      assert.ok(bytes < MOST_BYTES, `${bytes} bytes for each value`);
    });
  }
}
