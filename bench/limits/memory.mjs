// The most memory that a process takes while a server tells it more than it listens to, on pg and on pgfleet:
//
//   node bench/limits/memory.mjs [notices] [notifications] [login]
//
// Each figure is the peak of the resident set of a process of its own, in MB, with the seconds it took.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const messages = require('../../__test__/support/backend-messages.js');
const ROUNDS = Number(process.env.ROUNDS ?? 3);

const scenarios = {
  /** 1.5 million notices of one statement, each heard. */
  async notices(pg, config) {
    const client = new pg.Client(config);
    await client.connect();
    let heard = 0;
    client.on('notice', () => (heard += 1));
    await client.query(`DO $$ BEGIN FOR i IN 1..1500000 LOOP RAISE NOTICE 'number %', i; END LOOP; END $$`);
    await client.end();
    return heard;
  },

  /** 100,000 notifications of 8 KB, while the program is busy for four seconds. */
  async notifications(pg, config) {
    const [listener, notifier] = [new pg.Client(config), new pg.Client(config)];
    await Promise.all([listener.connect(), notifier.connect()]);
    let heard = 0;
    listener.on('notification', () => (heard += 1));
    await listener.query('LISTEN much');
    const sent = notifier.query(
      `SELECT count(pg_notify('much', i || repeat('x', 7900))) FROM generate_series(1, 100000) AS i`,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const until = Date.now() + 4000;
    while (Date.now() < until);
    await sent;
    while (heard < 100_000) await new Promise((resolve) => setTimeout(resolve, 20));
    await Promise.all([listener.end(), notifier.end()]);
    return heard;
  },

  /** A server that sends 51 MB of notices before the log-in is over. */
  async login(pg) {
    const listener = net.createServer(async (socket) => {
      socket.on('error', () => socket.destroy());
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await once(socket, 'data');
      socket.write(messages.authenticationOk());
      const chunk = Buffer.concat(
        Array(1024).fill(messages.noticeResponse({ S: 'NOTICE', M: 'x'.repeat(20) })),
      );
      for (let bytes = 0; bytes < 51e6 && !socket.destroyed; bytes += chunk.length) {
        if (socket.write(chunk)) continue;
        await Promise.race([once(socket, 'drain'), closed]);
      }
      if (!socket.destroyed) socket.write(messages.readyForQuery());
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const client = new pg.Client({
      host: '127.0.0.1',
      port: listener.address().port,
      user: 'u',
      database: 'd',
    });
    client.on('error', () => {});
    const outcome = await client.connect().then(
      () => 'connected',
      (error) => error.message,
    );
    client.end().catch(() => {});
    return outcome;
  },
};

async function runOne(contender, name) {
  const pg = require(contender === 'pg' ? 'pg' : '../../index.js');
  const start = performance.now();
  const outcome = await scenarios[name](pg, JSON.parse(process.env.PROGRAM_TARGET));
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ peak: process.resourceUsage().maxRSS / 1024, seconds, outcome }));
  process.exit();
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function main() {
  const { startEmbedded } = require('../../scripts/support/embedded.js');
  const server = await startEmbedded();
  const { host, port, user, password, database } = server;
  const config = { host, port, user, password, database };
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(scenarios);
  try {
    for (const name of names) {
      for (const contender of ['pg', 'pgfleet']) {
        const runs = [];
        for (let round = 0; round < ROUNDS; round += 1) {
          const child = spawnSync(
            process.execPath,
            [fileURLToPath(import.meta.url), '--one', contender, name],
            {
              env: { ...process.env, PROGRAM_TARGET: JSON.stringify(config) },
              encoding: 'utf8',
            },
          );
          if (child.status !== 0) throw new Error(child.stderr);
          runs.push(JSON.parse(child.stdout));
        }
        const peak = median(runs.map((run) => run.peak)).toFixed(0);
        const seconds = median(runs.map((run) => run.seconds)).toFixed(2);
        console.log(`${name} ${contender}: ${peak} MB, ${seconds} s, ${runs[0].outcome}`);
      }
    }
  } finally {
    await server.stop();
  }
}

const [flag, contender, name] = process.argv.slice(2);
await (flag === '--one' ? runOne(contender, name) : main());
