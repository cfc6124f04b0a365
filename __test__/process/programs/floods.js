'use strict';

// Is told more than it listens to, and prints what it heard and by how many MB it grew at most: `node floods.js
// <what>`.

const { pg, target } = require('./target.js');

const MEGABYTE = 1024 * 1024;

/** Keeps the thread busy; whatever comes meanwhile has to wait. */
function work(millis) {
  const until = Date.now() + millis;
  while (Date.now() < until);
}

async function connected() {
  const client = new pg.Client(target);
  await client.connect();
  return client;
}

const FLOODS = {
  /** Notices of one statement. */
  async notices() {
    const client = await connected();
    let heard = 0;
    client.on('notice', () => (heard += 1));
    await client.query(
      `DO $$ BEGIN FOR i IN 1..400000 LOOP RAISE NOTICE 'number % %', i, repeat('x', 100); END LOOP; END $$`,
    );
    await client.end();
    return heard;
  },

  /** Notifications that come while the program is busy. */
  async notifications() {
    const [listener, notifier] = [await connected(), await connected()];
    let heard = 0;
    listener.on('notification', () => (heard += 1));
    await listener.query('LISTEN much');
    const sent = notifier.query(
      `SELECT count(pg_notify('much', i || repeat('x', 7900))) FROM generate_series(1, 25000) AS i`,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    work(2000);
    await sent;
    while (heard < 25_000) await new Promise((resolve) => setTimeout(resolve, 10));
    await Promise.all([listener.end(), notifier.end()]);
    return heard;
  },

  /** Whatever the server sends by itself, once it was asked to. */
  async others() {
    const client = await connected();
    client.on('error', () => {});
    const query = client.query('SELECT');
    await new Promise((resolve) => setTimeout(resolve, 50));
    work(1500);
    const outcome = await query.then(
      ({ rows }) => rows,
      (error) => error.message,
    );
    await client.end();
    return outcome;
  },
};

async function main() {
  const before = process.memoryUsage.rss();
  const heard = await FLOODS[process.argv[2]]();
  const grown = process.resourceUsage().maxRSS * 1024 - before;
  console.log(JSON.stringify({ heard, grownMegabytes: Math.round(grown / MEGABYTE) }));
}

main();
