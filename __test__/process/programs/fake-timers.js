'use strict';

// Everything that the package promises, or calls back for, where no timer of the program ever fires: a test's fake
// ones, put in place after the package was loaded. Prints what has settled.

const fs = require('node:fs');
const timers = require('node:timers');
const pgfleet = require('../../../index.js');
const { target } = require('./target.js');

const { Client, Cursor, Pool, QueryStream, copyStreams } = pgfleet;
const never = () => ({ unref() {}, ref() {}, hasRef: () => false });

const FAKED = ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'];
for (const name of FAKED) globalThis[name] = never;
for (const name of FAKED.slice(0, 3)) timers[name] = never;
// Node's own streams take this from the process each time, so that nothing of theirs goes on without it.
const fakesTicks = process.argv.includes('ticks');
if (fakesTicks) process.nextTick = never;

const called = (call) =>
  new Promise((resolve, reject) => call((error, result) => (error ? reject(error) : resolve(result))));
const failing = (promise) =>
  promise.then(
    () => 'no failure',
    (error) => error.code ?? error.message,
  );

const steps = {
  async 'a pool'() {
    const pool = new Pool(target);
    await pool.query('SELECT 1');
    await called((done) => pool.query('SELECT 1', done));
    await Promise.all(Array.from({ length: 50 }, (_, n) => pool.query('SELECT $1::int AS n', [n])));
    (await pool.connect()).release();
    await called((done) => pool.connect((error, client, release) => (release(), done(error))));
    const waiting = new Pool({ ...target, max: 1 });
    const client = await waiting.connect();
    const next = waiting.connect();
    client.release(true);
    (await next).release();
    await called((done) => waiting.end(done));
    await pool.end();
    return failing(pool.query('SELECT 1'));
  },
  async 'a client'() {
    const client = new Client(target);
    await client.connect();
    await called((done) => client.query('SELECT 1', done));
    const refused = await failing(client.query('SELECT nothing'));
    const cancelled = failing(client.query('SELECT pg_sleep(600)', { signal: AbortSignal.abort() }));
    await client.query('SELECT 1');
    await client.end();
    const second = new Client(target);
    await called((done) => second.connect(done));
    await called((done) => second.end(done));
    return [
      refused,
      (await cancelled) === 'no failure' ? 'lost' : 'cancelled',
      await failing(second.query('SELECT 1')),
    ];
  },
  async 'a pool whose clients are of the program'() {
    class Own extends Client {}
    const pool = new Pool({ ...target, Client: Own, max: 1 });
    await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 2')]);
    (await pool.connect()).release(true);
    await pool.query('SELECT 3');
    await pool.end();
  },
  async 'a server that refuses'() {
    const nowhere = { ...target, host: '127.0.0.1', port: 1 };
    return [await failing(new Pool(nowhere).query('SELECT 1')), await failing(new Client(nowhere).connect())];
  },
  async 'a manager'() {
    const manager = new pgfleet();
    await manager.addConnection('main', target);
    await manager.executeDDL('CREATE TEMPORARY TABLE t (i int)');
    const refused = await failing(manager.executeDDL('CREATE TABLE nothing'));
    await manager.close();
    return refused;
  },
  async 'a cursor'() {
    const client = new Client(target);
    await client.connect();
    const cursor = client.query(new Cursor('SELECT generate_series(1, 5) AS n'));
    const rows = await cursor.read(3);
    await cursor.close();
    await client.end();
    return rows.length;
  },
  ...(!fakesTicks && {
    async streams() {
      const client = new Client(target);
      await client.connect();
      let rows = 0;
      for await (const row of client.query(new QueryStream('SELECT generate_series(1, 500) AS n')))
        rows += row.n > 0;
      await client.query('CREATE TEMPORARY TABLE t (i int)');
      const copy = client.query(copyStreams.from('COPY t FROM STDIN'));
      await called((done) =>
        copy
          .on('error', done)
          .on('finish', () => done(null))
          .end('1\n2\n'),
      );
      await client.end();
      return [rows, copy.rowCount];
    },
    async 'a client with a socket of the program'() {
      const client = new Client({ ...target, ssl: false, stream: () => new (require('node:net').Socket)() });
      await client.connect();
      await client.query('SELECT 1');
      await client.end();
    },
  }),
};

async function main() {
  for (const [name, step] of Object.entries(steps)) {
    const outcome = await step();
    fs.writeSync(1, `${name}: ${outcome === undefined ? 'settled' : JSON.stringify(outcome)}\n`);
  }
}

main().catch((error) => {
  fs.writeSync(2, `${error.stack}\n`);
  process.exit(1);
});
