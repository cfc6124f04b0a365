'use strict';

// An error that a listener of a pool throws reaches the program's own handler, and a script says what became of it.

const { guideTarget, pg: DatabaseManager } = require('./target.js');

process.on('uncaughtException', (thrown) => console.log(`caught: ${thrown.message}`));

async function main() {
  const manager = new DatabaseManager();
  await manager.addConnection('main', guideTarget);
  const { currentPool: pool } = manager;
  pool.once('release', () => {
    throw new Error('thrown for release');
  });
  const { command } = await manager.executeDDL('CREATE TABLE listened_to ()');
  const { rows } = await pool.query("SELECT to_regclass('listened_to')::text AS table");
  console.log(command, rows[0].table);
  process.exit();
}

main().catch((error) => console.log(error.message, error.outcome));
