'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Readable, Transform, Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { afterEach, before, beforeEach, test } = require('node:test');
const { postgres } = require('../support/server');
const { forEachMaker } = require('../support/stream-makers');

const SERIES = "SELECT n, 'row ' || n AS text FROM generate_series(1, $1::int) n";

forEachMaker(({ driver, QueryStream, ours }) => {
  let server;
  let client;

  before(async () => {
    server = await postgres();
  });

  beforeEach(async () => {
    client = new driver.Client(server.config());
    await client.connect();
  });

  afterEach(() => client.end());

  const open = (text, values, config) => client.query(new QueryStream(text, values, config));
  const answers = async () => (await client.query('SELECT 42 AS n')).rows[0].n;

  test('a query stream is a readable stream of rows', async () => {
    const stream = open(SERIES, [3]);
    assert.ok(stream instanceof Readable);
    assert.deepEqual(await stream.toArray(), [
      { n: 1, text: 'row 1' },
      { n: 2, text: 'row 2' },
      { n: 3, text: 'row 3' },
    ]);
    assert.equal(await answers(), 42);
  });

  for (const rows of [0, 1, 99, 100, 101, 20_000]) {
    test(`${rows} rows come whole and in order`, async () => {
      let next = 1;
      for await (const row of open(SERIES, [rows])) {
        assert.equal(row.n, next);
        next++;
      }
      assert.equal(next, rows + 1);
    });
  }

  test('batchSize and highWaterMark say how many rows are fetched at a time', async () => {
    for (const config of [{ batchSize: 7 }, { highWaterMark: 7 }]) {
      const stream = open(SERIES, [50], config);
      assert.equal(stream.readableHighWaterMark, 7);
      assert.equal((await stream.toArray()).length, 50);
    }
    const plain = open(SERIES, [1]);
    assert.equal(plain.readableHighWaterMark, 100);
    await plain.toArray();
  });

  test("rowMode and types are the stream's", async () => {
    const types = { getTypeParser: () => (text) => `<${text}>` };
    assert.deepEqual(await open('SELECT 1, 2', [], { rowMode: 'array', types }).toArray(), [['<1>', '<2>']]);
  });

  test('data and end are emitted, and the client is ready at the end', async () => {
    const stream = open(SERIES, [250]);
    let sum = 0;
    stream.on('data', ({ n }) => (sum += n));
    await once(stream, 'end');
    assert.equal(sum, (250 * 251) / 2);
    assert.equal(await answers(), 42);
  });

  test('a slow reader gets every row of a large result', async () => {
    let seen = 0;
    const sink = new Writable({
      objectMode: true,
      highWaterMark: 10,
      write(row, _encoding, callback) {
        seen++;
        assert.equal(row.n, seen);
        if (seen % 500 === 0) setTimeout(callback, 1);
        else callback();
      },
    });
    await pipeline(open(SERIES, [5000]), sink);
    assert.equal(seen, 5000);
    assert.equal(await answers(), 42);
  });

  test('a loop that is left closes the portal and frees the client', async () => {
    for await (const { n } of open(SERIES, [100_000])) {
      if (n === 150) break;
    }
    assert.deepEqual((await client.query('SELECT name FROM pg_cursors')).rows, []);
    assert.equal(await answers(), 42);
  });

  test('a stream that is destroyed closes, and frees the client', async () => {
    const stream = open(SERIES, [100_000]);
    await once(stream, 'readable');
    stream.destroy();
    await once(stream, 'close');
    assert.equal(await answers(), 42);
  });

  test('an error of a transform in a pipeline reaches the pipeline, and the client goes on', async () => {
    const broken = new Transform({
      objectMode: true,
      transform(row, _encoding, callback) {
        callback(row.n === 120 ? new Error('enough') : null);
      },
    });
    await assert.rejects(pipeline(open(SERIES, [10_000]), broken), { message: 'enough' });
    assert.equal(await answers(), 42);
  });

  test("the server's error is the stream's error, at once or in the middle", async () => {
    await assert.rejects(open('SELECT nothing FROM nowhere').toArray(), { code: '42P01' });
    const seen = [];
    await assert.rejects(
      async () => {
        const stream = open('SELECT 6 / (300 - n) AS q FROM generate_series(1, 1000) n');
        for await (const row of stream) seen.push(row);
      },
      { code: '22012' },
    );
    assert.equal(seen.length, 200);
    assert.equal(await answers(), 42);
  });

  test('a callback for the client is told of the end', async () => {
    const result = await new Promise((resolve, reject) => {
      const stream = new QueryStream(SERIES, [3]);
      client.query(stream, (error, answer) => (error ? reject(error) : resolve(answer)));
      stream.resume();
    });
    assert.equal(result.command, 'SELECT');
  });

  test("a pool's promise is settled before the stream ends, so that its end can be listened to", async () => {
    const pool = new driver.Pool(server.config({ max: 1 }));
    const stream = new QueryStream(SERIES, [150]);
    const rows = [];
    stream.on('data', (row) => rows.push(row));
    const result = await pool.query(stream);
    assert.equal(result.command, 'SELECT');
    await once(stream, 'end');
    assert.equal(rows.length, 150);
    await pool.end();
  });

  test("a pool's promise is rejected before the stream fails, so that its error can be listened to", async () => {
    const pool = new driver.Pool(server.config({ max: 1 }));
    const stream = new QueryStream('SELECT nothing FROM nowhere');
    stream.resume();
    await assert.rejects(pool.query(stream), { code: '42P01' });
    const [error] = await once(stream, 'error');
    assert.equal(error.code, '42P01');
    await pool.end();
  });

  test('at the end of the client the query before a stream is rejected first', async () => {
    const ending = new driver.Client(server.config());
    await ending.connect();
    const told = [];
    const query = ending.query('SELECT pg_sleep(10)').catch((error) => told.push(`query: ${error.message}`));
    const stream = ending.query(new QueryStream(SERIES, [1]));
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.on('error', (error) => told.push(`stream: ${error.message}`));
    stream.resume();
    await ending.end();
    await Promise.all([query, closed]);
    assert.deepEqual(told, ['query: Connection terminated', 'stream: Connection terminated']);
  });

  test('streams and queries of one client take turns', async () => {
    const [first, rows, second] = await Promise.all([
      client.query('SELECT 1 AS n'),
      open(SERIES, [500]).toArray(),
      client.query('SELECT 2 AS n'),
    ]);
    assert.equal(first.rows[0].n, 1);
    assert.equal(rows.length, 500);
    assert.equal(second.rows[0].n, 2);
  });

  if (ours) {
    test('an error that comes before the first read is kept for it', async () => {
      const stream = client.query(new QueryStream('SELECT nothing FROM nowhere'));
      assert.equal(await answers(), 42);
      await assert.rejects(stream.toArray(), { code: '42P01' });
    });

    test('a stream that is destroyed before its turn is never sent', async () => {
      const before = client.query('SELECT pg_sleep(0.05)');
      const stream = open(SERIES, [1000]);
      stream.destroy();
      await once(stream, 'close');
      await before;
      assert.equal(await answers(), 42);
    });

    test('the loss of a connection is an error of a stream that is not being read', async () => {
      const victim = new driver.Client(server.config());
      victim.on('error', () => undefined);
      await victim.connect();
      const stream = victim.query(new QueryStream(SERIES, [1_000_000]));
      await once(stream, 'readable');
      const failed = once(stream, 'error');
      await server.asSuperuser((admin) => admin.query('SELECT pg_terminate_backend($1)', [victim.processID]));
      const [error] = await failed;
      assert.match(error.message, /terminat|ECONNRESET/);
    });
  }
});
