'use strict';

// An ALTER TABLE behind a long report: it lets the queue behind it go, and comes through when the report is over.
//
//   PGFLEET_HOST=… PGFLEET_PORT=… PGFLEET_USER=… PGFLEET_PASSWORD=… node examples/blocked-alter.js
//
// settings.js beside this file lists every variable.

const DatabaseManager = require('../services/DatabaseManager');
const { connectionSettings } = require('./settings.js');

/** After so many tries in vain, the report ends. */
const TRIES_IN_VAIN = 3;

async function alterBehindReport(manager = new DatabaseManager(), report = console.log) {
  await manager.addConnection('orders', connectionSettings());
  await manager.executeDDL('CREATE TABLE busy_orders (id int)');

  const reader = await manager.currentPool.connect();
  const { rows } = await reader.query(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE tablename = 'busy_orders'",
  );
  await reader.query(`BEGIN; SELECT count(*) FROM ${rows[0].name}`);

  let triesInVain = 0;
  await manager.executeDDL('ALTER TABLE busy_orders ADD COLUMN note text', {
    lockTimeout: 200,
    onProgress({ step, steps, state, blockers }) {
      if (state === 'waiting') report(`waits for process ${blockers[0].pid} (${blockers[0].state})`);
      if (state === 'retrying') report('lets go, so that those behind it pass, and will try again');
      if (state === 'retrying' && ++triesInVain === TRIES_IN_VAIN) reader.query('COMMIT');
      if (state === 'done' && step === steps) report('comes through');
    },
  });
  reader.release();
  await manager.executeDDL('DROP TABLE busy_orders');
  return manager;
}

if (require.main === module) {
  alterBehindReport().catch((error) => {
    console.error(`❌ The example failed: ${error.message}`);
    process.exitCode = 1;
  });
}

module.exports = { alterBehindReport };
