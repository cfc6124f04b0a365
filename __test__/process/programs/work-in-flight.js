'use strict';

// Nothing but work in flight keeps this program alive; each piece of it says when it is done.

const { guideTarget, pg, target } = require('./target.js');

async function main() {
  const manager = new pg.DatabaseManager();
  await manager.addConnection('main', { ...guideTarget, max: 1 });
  manager.executeDDL('SELECT pg_sleep(0.5)').then(() => console.log('in flight'));
  manager.executeDDL('SELECT pg_sleep(0.5)').then(() => console.log('in the queue'));
  manager.addConnection('second', guideTarget).then(() => console.log('connecting'));

  const pool = new pg.Pool({ ...target, allowExitOnIdle: true });
  pool.query('SELECT pg_sleep(0.5)').then(() => console.log('query of a pool'));
}

main();
