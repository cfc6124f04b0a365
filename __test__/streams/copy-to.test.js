'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Readable, Transform, Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { afterEach, before, beforeEach, test } = require('node:test');
const { postgres } = require('../support/server');
const { forEachMaker } = require('../support/stream-makers');

// In a select list the series is made row by row; in FROM the server would make all of it first.
const series = (rows, text = "'row ' || n") =>
  `COPY (SELECT n, ${text} FROM (SELECT generate_series(1, ${rows}) AS n) AS series) TO STDOUT`;

forEachMaker(({ driver, copyStreams, ours }) => {
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

  const open = (text, options) => client.query(copyStreams.to(text, options));
  const answers = async () => (await client.query('SELECT 42 AS n')).rows[0].n;
  const read = async (stream) => Buffer.concat(await stream.toArray());

  test('a copy-to stream is a readable stream of the bytes', async () => {
    const stream = open(series(3));
    assert.ok(stream instanceof Readable);
    assert.equal(stream.text, series(3));
    const bytes = await read(stream);
    assert.equal(bytes.toString(), '1\trow 1\n2\trow 2\n3\trow 3\n');
    assert.equal(await answers(), 42);
    assert.equal(stream.rowCount, 3);
  });

  for (const [rows, size] of [
    [0, 1],
    [1, 1],
    [100_000, 10],
    [10, 60_000],
    [2, 3_000_000],
  ]) {
    test(`${rows} rows of ${size} characters come whole and in order`, async () => {
      const lines = (await read(open(series(rows, `repeat((n % 10)::text, ${size})`))))
        .toString()
        .split('\n');
      assert.equal(lines.pop(), '');
      assert.equal(lines.length, rows);
      lines.forEach((line, index) => {
        const n = index + 1;
        assert.equal(line === `${n}\t${String(n % 10).repeat(size)}`, true, `line ${n}`);
      });
      assert.equal(await answers(), 42);
    });
  }

  test('binary data passes unchanged', async () => {
    const bytes = await read(open('COPY (SELECT 7::int4, 255::int2) TO STDOUT (FORMAT binary)'));
    assert.equal(
      bytes.toString('hex'),
      '5047434f50590aff0d0a000000000000000000' + '00020000000400000007' + '0000000200ff' + 'ffff',
    );
  });

  test('an encoding gives strings, whose characters are never cut', async () => {
    const stream = open(series(20_000, "repeat('é€😀', 3)"));
    stream.setEncoding('utf8');
    let text = '';
    for await (const chunk of stream) {
      assert.equal(typeof chunk, 'string');
      text += chunk;
    }
    assert.equal(text.split('\n').length, 20_001);
    assert.equal(text.includes('\ufffd'), false);
  });

  test('a slow reader gets every byte, and the rest waits for it', async () => {
    let bytes = 0;
    const sink = new Writable({
      highWaterMark: 1024,
      write(chunk, _encoding, callback) {
        bytes += chunk.length;
        setTimeout(callback, 1);
      },
    });
    const stream = open(series(300, "repeat('x', 20000)"));
    await pipeline(stream, sink);
    assert.ok(bytes > 6_000_000);
    assert.equal(await answers(), 42);
    assert.equal(stream.rowCount, 300);
  });

  test('nothing is read that is not wanted', async () => {
    const stream = open(series(2000, "repeat('x', 20000)"));
    await once(stream, 'readable');
    await new Promise((resolve) => setTimeout(resolve, 200));
    // 40 MB would come; what waits here is bounded.
    assert.ok(stream.readableLength < 8_000_000, `${stream.readableLength} bytes wait`);
    stream.resume();
    await once(stream, 'end');
    assert.equal(await answers(), 42);
  });

  test('a text that the server refuses is an error of the stream, and the client goes on', async () => {
    await assert.rejects(open('COPY nowhere TO STDOUT').toArray(), { code: '42P01' });
    assert.equal(await answers(), 42);
  });

  test('an error in the middle is an error of the stream, behind the rows that came before it', async () => {
    const stream = open(
      "COPY (SELECT repeat('x', 1000), 1 / (5000 - n) FROM generate_series(1, 9000) n) TO STDOUT",
    );
    let bytes = 0;
    stream.on('data', (chunk) => (bytes += chunk.length));
    const [error] = await once(stream, 'error');
    assert.equal(error.code, '22012');
    assert.ok(bytes > 1_000_000);
    assert.equal(await answers(), 42);
  });

  test('copies and queries of one client take turns', async () => {
    const [first, one, second, two] = await Promise.all([
      client.query('SELECT 1 AS n'),
      read(open(series(5))),
      client.query('SELECT 2 AS n'),
      read(open(series(5))),
    ]);
    assert.deepEqual([first.rows, second.rows], [[{ n: 1 }], [{ n: 2 }]]);
    assert.deepEqual(one, two);
  });

  test('notices that come between the data are heard', async () => {
    await client.query(`
      CREATE FUNCTION pg_temp.tell(n int) RETURNS int LANGUAGE plpgsql AS
        $$ BEGIN RAISE NOTICE 'row %', n; RETURN n; END $$`);
    const notices = [];
    client.on('notice', ({ message }) => notices.push(message));
    const bytes = await read(open('COPY (SELECT pg_temp.tell(n) FROM generate_series(1, 3) n) TO STDOUT'));
    assert.equal(bytes.toString(), '1\n2\n3\n');
    if (ours) assert.deepEqual(notices, ['row 1', 'row 2', 'row 3']);
  });

  test('data can go from one table to another, through two clients', async () => {
    const target = new driver.Client(server.config());
    await target.connect();
    await target.query('CREATE TEMP TABLE target (n int, text text)');
    await pipeline(open(series(20_000)), target.query(copyStreams.from('COPY target FROM STDIN')));
    const { rows } = await target.query("SELECT count(*)::int AS n FROM target WHERE text = 'row ' || n");
    assert.deepEqual(rows, [{ n: 20_000 }]);
    await target.end();
  });

  if (ours) {
    test('the row count is known at the end', async () => {
      const stream = open(series(12));
      stream.resume();
      await once(stream, 'end');
      assert.equal(stream.rowCount, 12);
    });

    test('a stream that is destroyed stops the server and frees the client', async () => {
      const stream = open(series(100_000_000));
      await once(stream, 'readable');
      stream.destroy();
      await once(stream, 'close');
      assert.equal(await answers(), 42);
    });

    test('an error further down a pipeline stops the server and frees the client', async () => {
      const broken = new Transform({
        transform: (_chunk, _encoding, callback) => callback(new Error('enough')),
      });
      await assert.rejects(pipeline(open(series(100_000_000)), broken), { message: 'enough' });
      assert.equal(await answers(), 42);
    });

    test('a stream that is destroyed before its turn is never sent', async () => {
      const before = client.query('SELECT pg_sleep(0.05)');
      const stream = open(series(100_000_000));
      stream.destroy();
      await once(stream, 'close');
      await before;
      assert.equal(await answers(), 42);
    });

    test('a connection that dies is an error of the stream', async () => {
      const victim = new driver.Client(server.config());
      victim.on('error', () => undefined);
      await victim.connect();
      const stream = victim.query(copyStreams.to(series(100_000_000)));
      const failed = once(stream, 'error');
      await once(stream, 'readable');
      await server.asSuperuser((admin) => admin.query('SELECT pg_terminate_backend($1)', [victim.processID]));
      stream.resume();
      const [error] = await failed;
      assert.match(error.message, /terminat|ECONNRESET/);
    });

    test('a statement that wants data is an error of the stream', async () => {
      await client.query('CREATE TEMP TABLE things (id int)');
      const [error] = await once(open('COPY things FROM STDIN'), 'error');
      assert.equal(error.code, '57014');
      assert.equal(await answers(), 42);
    });
  }
});
