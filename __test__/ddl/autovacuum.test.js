'use strict';

const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const { eventually, settled } = require('../support/failure.js');
const { guideConfig } = require('../support/managers.js');

describe('executeDDL behind an autovacuum', { skip: process.env.PGFLEET_CONTENDER === 'pg' }, () => {
  let server;
  before(async () => {
    const version = Number(process.env.PGFLEET_TEST_VERSION ?? 17);
    server = await startEmbedded({
      version,
      settings: { autovacuum: 'on', autovacuum_naptime: '1s', deadlock_timeout: '700ms' },
    });
  });
  after(() => server?.stop());

  test('waits it out on a try that lasts longer than deadlock_timeout, after which it yields', async () => {
    const DatabaseManager = require('../..');
    const manager = new DatabaseManager();
    await manager.addConnection('main', guideConfig(server, { ssl: false, max: 2 }));
    // Slow enough to be at work for minutes.
    await manager.executeDDL(
      `CREATE TABLE busy (a int, b text) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,
         autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_analyze_threshold = 1000000000);
       INSERT INTO busy SELECT n, repeat('x', 500) FROM generate_series(1, 20000) n; DELETE FROM busy WHERE a % 2 = 0`,
    );
    const vacuuming = "SELECT 1 FROM pg_stat_progress_vacuum WHERE relid = 'busy'::regclass";
    const { Client } = require('pg');
    const observer = new Client(server.config());
    await observer.connect();
    const look = async (sql) => (await observer.query(sql)).rows;
    await eventually(async () => (await look(vacuuming)).length > 0, 'the autovacuum', 90_000);

    const seen = [];
    const altered = manager.executeDDL('ALTER TABLE busy ADD COLUMN c int', {
      lockTimeout: 150,
      onProgress: (event) => seen.push(event),
    });
    await settled(altered, 'the ALTER', 60_000);
    const [waiting] = seen.filter(({ state }) => state === 'waiting');
    assert.equal(waiting.blockers[0].application, 'autovacuum worker');
    assert.match(waiting.blockers[0].query, /^autovacuum: VACUUM public\.busy/);
    assert.equal(waiting.blockers[0].user, '');
    // One that was too short for it, and the one that wasn't.
    assert.equal(seen.filter(({ state }) => state === 'retrying').length, 1);
    await observer.end();
    await manager.close();
  });
});
