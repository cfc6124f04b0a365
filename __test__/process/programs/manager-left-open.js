'use strict';

// As the guide's programs: adds connections, does its work, and closes nothing.

const { guideTarget, pg } = require('./target.js');

async function main() {
  const manager = new pg.DatabaseManager();
  await manager.addConnection('one', guideTarget);
  await manager.addConnection('two', { ...guideTarget, ssl: false, idleTimeoutMillis: 600_000 });
  await Promise.all(Array.from({ length: 10 }, (_, i) => manager.executeDDL(`SELECT ${i}`)));
  await manager.switchConnection('two');
  await manager.executeDDL('CREATE TEMP TABLE fleeting (id int)');
  console.log('the last line');
}

main();
