'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const pgfleet = require('../..');
const { failure, settled } = require('../support/failure');
const { postgres } = require('../support/server');

describe('the option sharing', () => {
  for (const sharing of ['writes', 'Reads', '', true, 1, {}]) {
    test(`of ${JSON.stringify(sharing)} is a TypeError that names it`, async () => {
      const expected = { name: 'TypeError', message: /^"sharing" must be one of reads, all, none, got / };
      assert.throws(() => new pgfleet.Pool({ sharing }), expected);
      const manager = new pgfleet.DatabaseManager();
      const error = await failure(manager.addConnection('app', { sharing }));
      assert.deepEqual([error.name, /^"sharing" must/.test(error.message)], ['TypeError', true]);
    });
  }

  for (const sharing of ['reads', 'all', 'none', undefined, null]) {
    test(`may be ${sharing}`, async () => {
      const server = await postgres();
      const pool = new pgfleet.Pool(server.config({ sharing, max: 2 }));
      const asked = Array.from({ length: 100 }, (_, i) => pool.query('SELECT $1::int AS n', [i]));
      const results = await settled(Promise.all(asked), 'the answers');
      assert.deepEqual(
        results.map(({ rows }) => rows[0].n),
        Array.from({ length: 100 }, (_, i) => i),
      );
      await pool.end();
    });
  }
});
