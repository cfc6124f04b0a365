'use strict';

// Jobs of every fate through pg-boss, which finds `pg` by itself.

const { once } = require('node:events');
const pg = require('pg');
const PgBoss = require('pg-boss');

const boss = new PgBoss({ connectionString: process.argv[2], max: 4, superviseIntervalSeconds: 60 });
boss.on('error', (error) => {
  throw error;
});

async function main() {
  await boss.start();
  await boss.createQueue('mail');
  await boss.createQueue('dead');
  await boss.createQueue('fragile', { retryLimit: 0, deadLetter: 'dead' });

  const sent = await boss.send('mail', { to: 'ada', n: 1 });
  await boss.insert([
    { name: 'mail', data: { to: 'bob', n: 2 } },
    { name: 'mail', data: { to: 'eve "\\"', n: 3 }, priority: 9 },
  ]);
  const later = await boss.sendAfter('mail', { to: 'later' }, {}, 3600);
  const size = await boss.getQueueSize('mail');

  const jobs = await boss.fetch('mail', { batchSize: 10 });
  await boss.complete(
    'mail',
    jobs.map(({ id }) => id),
    { done: true },
  );
  const first = await boss.getJobById('mail', sent);

  await boss.send('fragile', { will: 'fail' });
  const [fragile] = await boss.fetch('fragile');
  await boss.fail('fragile', fragile.id, new Error('broken'));
  const [dead] = await boss.fetch('dead');

  const worked = new Promise((resolve) => {
    boss.work('mail', { pollingIntervalSeconds: 0.5 }, async ([job]) => resolve(job.data));
  });
  await boss.send('mail', { to: 'worker' });
  const data = await worked;

  await boss.createQueue('shaky', { retryLimit: 2, retryDelay: 0 });
  let attempts = 0;
  await boss.send('shaky', {});
  await new Promise((resolve) => {
    boss.work('shaky', { pollingIntervalSeconds: 0.5 }, async () => {
      attempts++;
      if (attempts < 3) throw new Error('once more');
      resolve();
    });
  });

  await boss.createQueue('audit');
  await boss.subscribe('mail sent', 'audit');
  await boss.publish('mail sent', { to: 'ada' });
  const [published] = await boss.fetch('audit');

  await boss.createQueue('single');
  const keys = { singletonKey: 'one', singletonSeconds: 600 };
  const singles = [await boss.send('single', {}, keys), await boss.send('single', {}, keys)];

  await boss.schedule('mail', '30 4 * * *', { to: 'cron' }, { tz: 'Europe/Berlin' });
  const schedules = await boss.getSchedules();
  await boss.unschedule('mail');
  const unscheduled = await boss.getSchedules();

  await boss.cancel('mail', later);
  const cancelled = await boss.getJobById('mail', later);
  const stopped = once(boss, 'stopped');
  await boss.stop({ graceful: true, wait: true });
  await stopped;

  return {
    driver: pg === require('pgfleet/pg') ? 'pgfleet' : 'pg',
    size,
    // The server returns the rows of its UPDATE in the order of its plan.
    fetched: jobs.map((job) => job.data).sort((a, b) => a.n - b.n),
    first: { state: first.state, output: first.output },
    dead: dead.data,
    worked: data,
    attempts,
    published: published.data,
    singles: singles.map((id) => id === null),
    schedules: schedules.map(({ name, cron, timezone, data: planned }) => [name, cron, timezone, planned]),
    unscheduled,
    cancelled: cancelled.state,
  };
}

main().then((outcome) => console.log(JSON.stringify(outcome)));
