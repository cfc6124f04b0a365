'use strict';

// Has the server end connections that are idle, checked out and in the middle of a query, and goes on.

const { guideTarget, pg, target } = require('./target.js');

async function main() {
  const manager = new pg.DatabaseManager();
  await manager.addConnection('main', { ...guideTarget, application_name: target.application_name });
  const pool = manager.currentPool;
  const observer = new pg.Client({ ...target, application_name: 'observer' });
  await observer.connect();
  const terminate = () =>
    observer.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
      target.application_name,
    ]);
  const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis));

  await Promise.all([1, 2, 3].map(() => pool.query('SELECT pg_sleep(0.05)')));
  await terminate();
  await pause(200);
  console.log('idle:', (await manager.executeDDL('SELECT 1 AS one')).rows[0].one);

  await terminate(); // and no pause: the pool may not have heard of it yet
  for (let attempt = 1; ; attempt += 1) {
    try {
      await manager.executeDDL('SELECT 1');
      break;
    } catch (error) {
      if (error.code !== '57P01' && !/terminated|ECONNRESET|EPIPE/.test(`${error.code} ${error.message}`))
        throw error;
      if (attempt === 10) throw error;
    }
  }
  console.log('idle, at once: usable');

  const inFlight = [
    manager.executeDDL('SELECT pg_sleep(600)'),
    manager.executeDDL('SELECT pg_sleep(600)', false),
    pool.query('SELECT pg_sleep(600)'),
  ];
  const outcomes = Promise.allSettled(inFlight);
  await pause(300);
  await terminate();
  for (const { status, reason } of await outcomes) console.log('in flight:', status, reason.code);
  console.log('after:', (await manager.executeDDL('SELECT 2 AS two')).rows[0].two);

  const client = await pool.connect();
  client.on('error', () => {});
  await terminate();
  await pause(200);
  const error = await client.query('SELECT 1').then(
    () => 'no error',
    (reason) => reason.message,
  );
  console.log('checked out:', error);
  client.release();
  console.log('after:', (await manager.executeDDL('SELECT 3 AS three')).rows[0].three);
  await observer.end();
  console.log('connections:', pool.totalCount > 0 && pool.totalCount <= 5);
}

main();
