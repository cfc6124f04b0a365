'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { before, describe, test } = require('node:test');
const { oracle } = require('./duel');
const { postgres } = require('../support/server');
const { run } = require('../support/program');
const corpus = require('./corpus');
const schema = require('./corpus/schema');

const PROGRAM = path.join(__dirname, 'comparing-program.js');

describe('values are the same where code may not be generated', () => {
  let config;
  before(async () => {
    const server = await postgres();
    config = server.config({ database: await server.createDatabase() });
    const client = new oracle.Client(config);
    await client.connect();
    await client.query(schema);
    await client.end();
  });

  for (const family of Object.keys(corpus)) {
    test(family, async () => {
      const work = { config, families: [family], settings: ['SELECT 1'], parameters: [] };
      const outcome = await run(PROGRAM, {
        args: [JSON.stringify(work)],
        execArgv: ['--disallow-code-generation-from-strings'],
      });
      assert.equal(outcome.code, 0, outcome.stderr);
      const { compared, differences } = JSON.parse(outcome.stdout);
      assert.ok(compared > 0);
      assert.deepEqual(differences, []);
    });
  }
});
