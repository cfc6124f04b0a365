// Does memory stay flat? Runs a mixed load for a long time, notes the memory once a minute, and says at the end
// how much it grew after the first quarter.
//
//   node bench/soak.mjs [--minutes 60] [--tls] [--server URL] [--json FILE]

import fs from 'node:fs';
import { createRequire } from 'node:module';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Server } from './server.mjs';

const require = createRequire(import.meta.url);
const { Client, Cursor, DatabaseManager, Pool, QueryStream, copyStreams } = require('../index.js');

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    tls: { type: 'boolean', default: false },
    server: { type: 'string' },
    json: { type: 'string' },
  },
});
const MINUTE = 60_000;
const minutes = Number(options.minutes);
const server = await Server.start({ server: options.server, version: 17 }, 2);
const target = { ...server.target, ssl: options.tls && { rejectUnauthorized: false } };
const counts = {};

/** What is done over and over, each with a pause, so that a machine is used and not filled. */
const LOADS = {
  async oneQueryAfterTheOther(pool) {
    for (let n = 0; n < 200; n += 1)
      await pool.query('SELECT $1::int4 AS n, $2::text AS t', [n, `text ${n}`]);
  },
  async manyQueriesAtOnce(pool) {
    const all = Array.from({ length: 300 }, (_, n) =>
      pool.query({ name: 'many', text: 'SELECT $1::int8', values: [n] }),
    );
    await Promise.all(all);
  },
  async largeResult(pool) {
    await pool.query(`SELECT i, 'name ' || i AS name, i * 1.5::float8 AS f, now() AS at,
      jsonb_build_object('i', i, 'tags', ARRAY['a', 'b']) AS j FROM generate_series(1, 20000) AS i`);
  },
  async everNewColumns(pool, round) {
    await pool.query(`SELECT 1 AS "column ${round}", '{"k${round}": 1}'::jsonb AS j`);
  },
  async failures(pool) {
    for (const sql of ['SELECT 1/0', 'SELEC', 'SELECT * FROM nowhere']) {
      await pool.query(sql).then(
        () => Promise.reject(new Error(`${sql} has not failed`)),
        () => undefined,
      );
    }
  },
  async transactions(pool) {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('CREATE TEMPORARY TABLE soak (n int) ON COMMIT DROP');
      await client.query('INSERT INTO soak SELECT generate_series(1, 100)');
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  },
  async streams(pool) {
    const client = await pool.connect();
    try {
      const cursor = client.query(new Cursor('SELECT generate_series(1, 3000) AS n'));
      while ((await cursor.read(500)).length > 0);
      await cursor.close();
      let rows = 0;
      for await (const _ of client.query(new QueryStream('SELECT generate_series(1, 3000) AS n'))) rows += 1;
      if (rows !== 3000) throw new Error(`${rows} rows came instead of 3000`);
      await client.query('CREATE TEMPORARY TABLE IF NOT EXISTS soak_copy (t text)');
      const lines = Array.from({ length: 200 }, (_, n) => `line ${n}\n`);
      await pipeline(Readable.from(lines), client.query(copyStreams.from('COPY soak_copy FROM STDIN')));
      await client.query('TRUNCATE soak_copy');
    } finally {
      client.release();
    }
  },
  async connections() {
    const client = new Client(target);
    await client.connect();
    await client.query('SELECT 1');
    await client.end();
  },
  async managers(_, round) {
    const manager = new DatabaseManager();
    await manager.addConnection('soak', { ...target, max: 2 });
    await manager.executeDDL(
      `CREATE TABLE IF NOT EXISTS soak_${round % 5} (n int); DROP TABLE soak_${round % 5}`,
    );
    await manager.close();
  },
  async aborted(pool) {
    const signal = AbortSignal.timeout(20);
    await pool.query({ text: 'SELECT pg_sleep(60)', signal }).then(
      () => Promise.reject(new Error('it was not aborted')),
      () => undefined,
    );
  },
};

async function keepDoing(name, pool, until) {
  for (let round = 0; Date.now() < until; round += 1) {
    await LOADS[name](pool, round);
    counts[name] = round + 1;
    await pause(100);
  }
}

const pool = new Pool({ ...target, max: 8 });
const until = Date.now() + minutes * MINUTE;
const running = Promise.all(Object.keys(LOADS).map((name) => keepDoing(name, pool, until)));
const samples = [];
const megabytes = (bytes) => Math.round((bytes / 1024 / 1024) * 10) / 10;

function note() {
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const minute = Math.round((minutes * MINUTE - (until - Date.now())) / MINUTE);
  const sample = { minute, rss, heapUsed, external, arrayBuffers };
  samples.push(sample);
  console.log(
    `${String(minute).padStart(4)} min  rss ${megabytes(rss)} MB  heap ${megabytes(heapUsed)} MB  external ${megabytes(external)} MB`,
  );
}

const clock = setInterval(note, MINUTE);
await running;
clearInterval(clock);
note();
await pool.end();
await server.stop();

/** The least memory of some samples: what is left after the collector came by. */
const least = (some) => Math.min(...some.map(({ rss }) => rss));
const settled = samples.slice(Math.floor(samples.length / 4));
const half = Math.ceil(settled.length / 2);
const growth = least(settled.slice(half)) - least(settled.slice(0, half));
console.log(`rounds: ${JSON.stringify(counts)}`);
if (Number.isFinite(growth)) {
  console.log(`growth of the resident memory after the first quarter: ${megabytes(growth)} MB`);
} else {
  console.log('too short to say anything about growth');
}
if (options.json)
  fs.writeFileSync(options.json, `${JSON.stringify({ minutes, counts, growth, samples }, null, 1)}\n`);
