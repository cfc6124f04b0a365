'use strict';

// The main parts of pg-promise, which finds `pg` by itself: formatting, tasks, transactions, prepared statements,
// streams, a connection of one's own with notifications.

const path = require('node:path');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');

// pg-promise brings a `pg` of its own, in its own node_modules.
const pg = require(require.resolve('pg', { paths: [path.dirname(require.resolve('pg-promise'))] }));
const events = { connect: 0, disconnect: 0, query: 0, error: 0 };
const initOptions = {
  connect: () => void events.connect++,
  disconnect: () => void events.disconnect++,
  query: () => void events.query++,
  error: () => void events.error++,
};
const pgp = require('pg-promise')(initOptions);
const db = pgp(process.argv[2]);
const { PreparedStatement, ParameterizedQuery, helpers, errors } = pgp;

const failure = (promise) =>
  promise.then(
    () => 'no error',
    (error) => ({ code: error.code ?? null, isQueryResultError: error instanceof errors.QueryResultError }),
  );

async function main() {
  const outcome = { driver: pg === require('pgfleet/pg') ? 'pgfleet' : 'pg' };
  await db.none('CREATE TABLE items (id serial PRIMARY KEY, name text UNIQUE, data jsonb, tags text[])');

  const columns = new helpers.ColumnSet(['name', { name: 'data', mod: ':json' }, 'tags'], { table: 'items' });
  const rows = [
    { name: "O'Brien", data: { a: [1] }, tags: ['x', 'y'] },
    { name: 'back\\slash', data: null, tags: [] },
  ];
  outcome.inserted = await db.many(`${helpers.insert(rows, columns)} RETURNING id, name, data, tags`);
  outcome.one = Object.keys(await db.one('SELECT ${this:name} FROM items WHERE id = ${id}', { id: 1 }));
  outcome.oneOrNone = await db.oneOrNone('SELECT name FROM items WHERE id = $1', 99);
  outcome.result = (await db.result('DELETE FROM items WHERE id = $1', 99)).rowCount;
  outcome.multi = await db.multi('SELECT 1 AS a; SELECT 2 AS b, 3 AS c');
  outcome.map = await db.map('SELECT n FROM generate_series(1, $1) n', [3], ({ n }) => n * 2);

  const prepared = new PreparedStatement({ name: 'by-id', text: 'SELECT name FROM items WHERE id = $1' });
  outcome.prepared = [await db.one(prepared, [1]), await db.one(prepared, [2])];
  outcome.parameterized = await db.one(
    new ParameterizedQuery({ text: 'SELECT $1::int4 + 1 AS n', values: [41] }),
  );

  outcome.task = await db.task(async (task) => {
    const pid = () => task.one('SELECT pg_backend_pid() AS pid', [], ({ pid }) => pid);
    return (await pid()) === (await pid());
  });
  outcome.failedTransaction = await failure(
    db.tx(async (outer) => {
      await outer.none("INSERT INTO items (name) VALUES ('lost')");
      await outer.none("INSERT INTO items (name) VALUES ('lost')");
    }),
  );
  await db.tx(async (outer) => {
    await outer.none("INSERT INTO items (name) VALUES ('kept')");
    outcome.savepoint = await failure(outer.tx((inner) => inner.none('SELECT 1 / 0')));
  });
  const { TransactionMode, isolationLevel } = pgp.txMode;
  const mode = new TransactionMode({ tiLevel: isolationLevel.serializable, readOnly: true });
  outcome.mode = (
    await failure(db.tx({ mode }, (reading) => reading.none("INSERT INTO items (name) VALUES ('never')")))
  ).code;
  outcome.batch = await db.task((task) =>
    task.batch([1, 2, 3].map((n) => task.one('SELECT $1::int AS n', n, ({ n: back }) => back))),
  );
  outcome.sequence = await db.tx((tx) =>
    tx.sequence((index) => (index < 3 ? tx.one('SELECT $1::int AS n', index) : undefined), { track: true }),
  );
  outcome.updated = await db.result(
    `${helpers.update([{ name: 'kept', tags: ['z'] }], ['?name', { name: 'tags', cast: 'text[]' }], 'items')} WHERE v.name = t.name`,
    null,
    ({ rowCount }) => rowCount,
  );
  outcome.names = await db.map('SELECT name FROM items ORDER BY id', [], ({ name }) => name);
  outcome.tooMany = await failure(db.one('SELECT name FROM items'));

  let streamed = 0;
  const query = new QueryStream('SELECT n FROM generate_series(1, 2000) n');
  const { processed } = await db.stream(query, (stream) => {
    stream.on('data', ({ n }) => (streamed += n));
  });
  outcome.stream = { processed, streamed };

  const own = await db.connect();
  const cursor = own.client.query(new Cursor('SELECT n FROM generate_series(1, 5) n'));
  outcome.pages = [await cursor.read(3), await cursor.read(3)].map((page) => page.map(({ n }) => n));
  await cursor.close();
  await own.done();

  const connection = await db.connect({ direct: true });
  const notified = new Promise((resolve) => connection.client.once('notification', resolve));
  await connection.none('LISTEN news');
  await db.none('NOTIFY news, $1', ['hello']);
  outcome.notification = (await notified).payload;
  await connection.done();

  await pgp.end();
  outcome.balanced = events.connect === events.disconnect;
  outcome.errors = events.error;
  return outcome;
}

main().then((outcome) => console.log(JSON.stringify(outcome)));
