'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { before, describe, test } = require('node:test');
const { oracle } = require('./duel');
const { postgres } = require('../support/server');
const { run } = require('../support/program');
const schema = require('./corpus/schema');

const PROGRAM = path.join(__dirname, 'comparing-program.js');

// Each has something of its own: two DST changes a year; an offset of minutes; an offset that had seconds
// until 1972; half an hour of DST; DST that begins at midnight; a skipped day; the largest offset; the
// server's own zone.
const ZONES = [
  'America/New_York',
  'Europe/Dublin',
  'Asia/Kathmandu',
  'Africa/Monrovia',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Pacific/Apia',
  'Pacific/Kiritimati',
  'UTC',
];

describe("dates are the same as pg's whatever the zones of the process and of the session", () => {
  let config;
  before(async () => {
    const server = await postgres();
    config = server.config({ database: await server.createDatabase() });
    const client = new oracle.Client(config);
    await client.connect();
    await client.query(schema);
    await client.end();
  });

  for (const zone of ZONES) {
    test(`with TZ=${zone}`, async () => {
      const settings = ['UTC', 'America/New_York', 'Africa/Monrovia'].map(
        (name) => `SET TIME ZONE '${name}'`,
      );
      const work = { config, families: ['times'], settings, parameters: ['dates'] };
      const outcome = await run(PROGRAM, { args: [JSON.stringify(work)], env: { TZ: zone } });
      assert.equal(outcome.code, 0, outcome.stderr);
      const { compared, differences } = JSON.parse(outcome.stdout);
      assert.ok(compared > 0);
      assert.deepEqual(differences, []);
    });
  }
});
