'use strict';

const { setTimeout: pause } = require('node:timers/promises');
const { GATE } = require('../schema.js');

const HELD_MILLIS = [20, 1000];
/** How long the gate waits for a script to come to it. */
const AWAITED_MILLIS = 3000;
const WAITERS = `SELECT pid, client_port, substring(query FROM 'script of (\\w+)') AS key
  FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory' AND query LIKE '%script of %'`;

/** Ways to end a script that waits at the gate; each resolves to whether it can't go on any more. */
const ENDS = {
  async 'its backend was terminated'({ client }, { pid }) {
    return (await client.query('SELECT pg_terminate_backend($1, 5000) AS done', [pid])).rows[0].done;
  },
  // By an orderly end, which leaves what has come to be read: a server that is told of a reset commits nothing anyway.
  async 'its connection was cut'({ proxy }, { client_port: port }) {
    const link = proxy.links.find(({ server }) => server.localPort === port);
    link?.client.end();
    link?.server.end();
    return link !== undefined;
  },
  async 'its thread or process was killed'({ posted }, { key }) {
    // Threads share a pool, so that their connections all have the one name.
    const isAuthor = ({ description }) => key.startsWith(`${description.name}_`);
    const crew = posted.find((one) => one.place !== 'here' && isAuthor(one));
    if (crew) await crew.kill();
    return crew !== undefined;
  },
};

/** @returns {Promise<{ pid: number, client_port: number, key: string }[]>} the sessions that wait at the gate */
async function waitersAt(client) {
  const deadline = Date.now() + AWAITED_MILLIS;
  for (;;) {
    const { rows } = await client.query(WAITERS);
    if (rows.length > 0 || Date.now() > deadline) return rows;
    await pause(20);
  }
}

/** @returns {Promise<string | undefined>} how a script was ended, in one of the ways that can be had */
async function end(scene, waiter) {
  const hows = Object.keys(ENDS);
  while (hows.length > 0) {
    const [how] = hows.splice(scene.random.between(0, hows.length - 1), 1);
    if (await ENDS[how](scene, waiter)) return how;
  }
}

module.exports = [
  {
    name: 'a table is locked for a while',
    weight: 5,
    run: (scene) =>
      scene.observe(async (client) => {
        await client.query("SET lock_timeout = '2s'");
        await client.query('BEGIN; LOCK TABLE entries IN SHARE ROW EXCLUSIVE MODE');
        await pause(scene.random.between(...HELD_MILLIS));
        await client.query('ROLLBACK');
      }, scene.random.pick(scene.databases)),
  },
  {
    name: 'scripts are stopped half way, and some of them ended there',
    weight: 4,
    stopsScripts: true,
    run: (scene) =>
      scene.observe(async (client) => {
        await client.query("SET lock_timeout = '2s'");
        await client.query('SELECT pg_advisory_lock($1)', [GATE]);
        await pause(scene.random.between(...HELD_MILLIS));
        for (const waiter of await waitersAt(client)) {
          const how = scene.random.chance(0.7) && (await end({ ...scene, client }, waiter));
          if (how) scene.journal.cutInMidScript(waiter.key, how);
        }
        await client.query('SELECT pg_advisory_unlock($1)', [GATE]);
      }, scene.random.pick(scene.databases)),
  },
];
