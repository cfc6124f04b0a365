// What an ALTER TABLE that waits behind a long read costs all other queries: `npm run proof:locks`.
//
//   npm run proof:locks -- [--postgres 17] [--lock-timeout 500] [--read-seconds 20] [--per-second 200]
//
// A read holds the table for 20 s, 200 queries of it a second are asked meanwhile, and ALTER TABLE is run with a
// lockTimeout. No query may take longer than that and 0.2 s more. Exits with 1 when one does, or when the ALTER has not
// come through after the read.

import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const { startEmbedded } = require('../scripts/support/embedded.js');
const DatabaseManager = require('..');

const { values: options } = parseArgs({
  options: {
    postgres: { type: 'string', default: '17' },
    'lock-timeout': { type: 'string', default: '500' },
    'read-seconds': { type: 'string', default: '20' },
    'per-second': { type: 'string', default: '200' },
  },
});
const lockTimeout = Number(options['lock-timeout']);
const readSeconds = Number(options['read-seconds']);
const gapMillis = 1000 / Number(options['per-second']);
const MARGIN_MILLIS = 200;

const server = await startEmbedded({ version: Number(options.postgres) });
const manager = new DatabaseManager();
await manager.addConnection('main', {
  dbHost: server.host,
  dbPort: server.port,
  dbUser: server.user,
  dbPassword: server.password,
  dbName: server.database,
  max: 60,
});
await manager.executeDDL(
  'CREATE TABLE hot (id int PRIMARY KEY); INSERT INTO hot SELECT generate_series(1, 1000)',
);
const pool = manager.currentPool;

const latencies = [];
let isOver = false;
async function ask() {
  const started = performance.now();
  await pool.query('UPDATE hot SET id = id WHERE id = $1', [1 + Math.floor(Math.random() * 1000)]);
  latencies.push(performance.now() - started);
}
async function load() {
  const under = new Set();
  const started = performance.now();
  for (let asked = 0; !isOver; asked++) {
    const late = started + asked * gapMillis - performance.now();
    if (late > 0) await pause(late);
    const query = ask().finally(() => under.delete(query));
    under.add(query);
  }
  await Promise.all(under);
}

const loading = load();
await pause(1000);
const usual = Math.max(...latencies.splice(0));
const reader = await pool.connect();
await reader.query('BEGIN; SELECT count(*) FROM hot');
const reading = pause(readSeconds * 1000).then(() => reader.query('COMMIT'));
let tries = 1;
const altered = performance.now();
await manager.executeDDL('ALTER TABLE hot ADD COLUMN note text', {
  lockTimeout,
  lockBudget: 10 * readSeconds * 1000,
  onProgress: ({ state }) => (tries += state === 'retrying' ? 1 : 0),
});
const took = performance.now() - altered;
await reading;
await pause(500);
isOver = true;
await loading;
reader.release();

const longest = Math.max(...latencies);
const behind = latencies.filter((millis) => millis > usual).length;
const added = longest - usual;
console.log(`PostgreSQL ${options.postgres}, lockTimeout ${lockTimeout} ms, a read of ${readSeconds} s`);
console.log(`ALTER came through after ${(took / 1000).toFixed(1)} s, in ${tries} tries`);
console.log(
  `${latencies.length} queries; longest ${longest.toFixed(0)} ms (${usual.toFixed(0)} ms without the ALTER)`,
);
console.log(`${behind} of them were slower than any without it; longest added ${added.toFixed(0)} ms`);
await manager.close();
await server.stop();
const isKept = added <= lockTimeout + MARGIN_MILLIS;
console.log(isKept ? 'kept' : `NOT kept: at most ${lockTimeout + MARGIN_MILLIS} ms were promised`);
process.exitCode = isKept ? 0 : 1;
