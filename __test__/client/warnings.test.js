'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { run } = require('../support/program');
const { postgres } = require('../support/server');

// What pg 8 says is deprecated, and goes on doing.
const DEPRECATED = {
  'queries that wait for another': "await Promise.all([1, 2, 3].map(() => client.query('SELECT 1')));",
  'the active query and the queue': 'void [client.activeQuery, client.queryQueue];',
  'a Promise of the caller': 'new pg.Client({ Promise: class Mine extends Promise {} });',
  'a date that is none': 'pg.utils.prepareValue(new Date(NaN));',
};

describe('deprecated', () => {
  forBoth(({ ours }) => {
    for (const [what, body] of Object.entries(DEPRECATED)) {
      test(`${what} ${ours ? 'work without a warning' : 'are warned about'}`, async () => {
        const source = `
          const pg = require(${JSON.stringify(ours ? '.' : 'pg')});
          const client = new pg.Client(JSON.parse(process.env.QUERY_CONFIG));
          (async () => { await client.connect(); ${body} await client.end(); console.log('done'); })();
        `;
        const { stdout, stderr } = await run(
          { source },
          { env: { QUERY_CONFIG: JSON.stringify((await postgres()).config()) } },
        );
        assert.equal(stdout, 'done\n', stderr);
        if (ours) assert.equal(stderr, '');
        else assert.match(stderr, /DeprecationWarning/);
      });
    }
  });
});
