'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Readable, Writable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const { afterEach, before, beforeEach, test } = require('node:test');
const { tappedProxy } = require('../support/proxy');
const { postgres } = require('../support/server');
const { forEachMaker } = require('../support/stream-makers');

const COPY = 'COPY numbers FROM STDIN';

forEachMaker(({ driver, copyStreams, ours }) => {
  let server;
  let client;

  before(async () => {
    server = await postgres();
  });

  beforeEach(async () => {
    client = new driver.Client(server.config());
    await client.connect();
    await client.query('CREATE TEMP TABLE numbers (n int, text text)');
  });

  afterEach(() => client.end());

  const open = (options, text = COPY) => client.query(copyStreams.from(text, options));
  const count = async () => (await client.query('SELECT count(*)::int AS n FROM numbers')).rows[0].n;

  test('a copy-from stream is a writable stream that finishes when the rows are visible', async () => {
    const stream = open();
    assert.ok(stream instanceof Writable);
    assert.equal(stream.text, COPY);
    stream.write('1\tone\n');
    stream.write(Buffer.from('2\ttwö\n'));
    stream.end('3\t\\N\n');
    await once(stream, 'finish');
    assert.equal(stream.rowCount, 3);
    const { rows } = await client.query('SELECT * FROM numbers ORDER BY n');
    assert.deepEqual(rows, [
      { n: 1, text: 'one' },
      { n: 2, text: 'twö' },
      { n: 3, text: null },
    ]);
  });

  test('chunks need not end where rows do', async () => {
    const bytes = Buffer.from(Array.from({ length: 300 }, (_, n) => `${n}\té ${n}\n`).join(''));
    const pieces = [];
    for (let at = 0; at < bytes.length; at += 7) pieces.push(bytes.subarray(at, at + 7));
    await pipeline(Readable.from(pieces), open());
    const { rows } = await client.query("SELECT count(*)::int AS n FROM numbers WHERE text = 'é ' || n");
    assert.deepEqual(rows, [{ n: 300 }]);
  });

  for (const [rows, size] of [
    [0, 1],
    [1, 10],
    [2000, 10],
    [20, 65_536],
    [3, 1_000_000],
    [40, 40_000],
  ]) {
    test(`${rows} rows of ${size} characters arrive as they were sent`, async () => {
      const stream = open();
      const text = (n) => String(n % 10).repeat(size);
      await pipeline(
        Readable.from(
          (function* source() {
            for (let n = 0; n < rows; n++) yield `${n}\t${text(n)}\n`;
          })(),
        ),
        stream,
      );
      assert.equal(stream.rowCount, rows);
      const answer = await client.query(
        'SELECT count(*)::int AS n FROM numbers WHERE text = repeat((n % 10)::text, $1)',
        [size],
      );
      assert.deepEqual(answer.rows, [{ n: rows }]);
    });
  }

  test('chunks of every size between each other keep their order', async () => {
    const stream = open();
    const sizes = Array.from({ length: 60 }, (_, n) => [1, 70_000, 300, 65_536, 5, 200_000][n % 6] + n);
    await pipeline(Readable.from(sizes.map((size, n) => Buffer.from(`${n}\t${'x'.repeat(size)}\n`))), stream);
    const { rows } = await client.query('SELECT n, length(text) AS size FROM numbers ORDER BY ctid');
    assert.deepEqual(
      rows,
      sizes.map((size, n) => ({ n, size })),
    );
  });

  test('the stream holds the writer back while the server does not take what it has', async () => {
    const stream = open();
    // As on any stream: false when more than highWaterMark waits, which is 64 KB from Node 22 on.
    const row = Buffer.from(`1\t${'x'.repeat(Math.max(60_000, stream.writableHighWaterMark))}\n`);
    assert.equal(stream.write(row), false);
    await once(stream, 'drain');
    let refusals = 0;
    for (let n = 0; n < 400; n++) {
      if (stream.write(row)) continue;
      refusals++;
      await once(stream, 'drain');
    }
    assert.ok(refusals > 0);
    stream.end();
    await once(stream, 'finish');
    assert.equal(stream.rowCount, 401);
  });

  test('what is written before the connection is open or the turn has come is sent then', async () => {
    const early = new driver.Client(server.config());
    const ready = early.query('CREATE TEMP TABLE numbers (n int, text text)');
    const stream = early.query(copyStreams.from(COPY));
    stream.end('1\tone\n');
    await early.connect();
    await ready;
    await once(stream, 'finish');
    assert.equal((await early.query('SELECT count(*)::int AS n FROM numbers')).rows[0].n, 1);
    await early.end();
  });

  test('binary data passes unchanged', async () => {
    const header = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex');
    const row = Buffer.from('000200000004000000070000000161', 'hex');
    const stream = open(undefined, 'COPY numbers FROM STDIN (FORMAT binary)');
    await pipeline(Readable.from([header, row, row, Buffer.from('ffff', 'hex')]), stream);
    assert.equal(stream.rowCount, 2);
    assert.deepEqual((await client.query('SELECT DISTINCT n, text FROM numbers')).rows, [
      { n: 7, text: 'a' },
    ]);
  });

  test('a text that the server refuses is an error of the stream, and the client goes on', async () => {
    const stream = open(undefined, 'COPY nowhere FROM STDIN');
    const [error] = await once(stream, 'error');
    assert.equal(error.code, '42P01');
    assert.equal(await count(), 0);
  });

  test('a row that the server refuses is an error of the stream, and nothing is kept', async () => {
    const stream = open();
    await assert.rejects(
      pipeline(
        Readable.from(
          (function* source() {
            for (let n = 0; n < 5000; n++) yield `${n === 2500 ? 'no number' : n}\ttext\n`;
          })(),
        ),
        stream,
      ),
      { code: '22P02' },
    );
    assert.equal(await count(), 0);
  });

  test('a source that fails undoes the copy, and the pipeline has its error', async () => {
    const source = Readable.from(
      (async function* failing() {
        yield '1\tone\n';
        yield '2\ttwo\n';
        throw new Error('the source has failed');
      })(),
    );
    await assert.rejects(pipeline(source, open()), { message: 'the source has failed' });
    assert.equal(await count(), 0);
  });

  test('a stream that is destroyed undoes the copy', async () => {
    const stream = open();
    stream.write('1\tone\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    stream.destroy();
    const [error] = await once(stream, 'error');
    assert.equal(error.code, '57014');
    assert.match(error.message, /COPY from stdin failed: .+/);
    assert.equal(await count(), 0);
  });

  test('in a transaction the rows go with it', async () => {
    await client.query('BEGIN');
    await pipeline(Readable.from(['1\tone\n']), open());
    assert.equal(await count(), 1);
    await client.query('ROLLBACK');
    await client.query('CREATE TEMP TABLE IF NOT EXISTS numbers (n int, text text)');
    assert.equal(await count(), 0);
  });

  test('copies and queries of one client take turns', async () => {
    const streams = [open(), open()];
    streams.forEach((stream, n) => stream.end(`${n}\tx\n`));
    const last = client.query('SELECT n FROM numbers ORDER BY n');
    await Promise.all(streams.map((stream) => once(stream, 'finish')));
    assert.deepEqual((await last).rows, [{ n: 0 }, { n: 1 }]);
  });

  test('a trigger that raises a notice is heard during the copy', async () => {
    await client.query(`
      CREATE FUNCTION pg_temp.tell() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE NOTICE 'row %', NEW.n; RETURN NEW; END $$;
      CREATE TRIGGER tell BEFORE INSERT ON numbers FOR EACH ROW EXECUTE FUNCTION pg_temp.tell()`);
    const notices = [];
    client.on('notice', ({ message }) => notices.push(message));
    await pipeline(Readable.from(['1\ta\n', '2\tb\n']), open());
    assert.deepEqual(notices, ['row 1', 'row 2']);
  });

  if (ours) {
    test('a connection that dies is an error of the stream', async () => {
      const victim = new driver.Client(server.config());
      victim.on('error', () => undefined);
      await victim.connect();
      await victim.query('CREATE TEMP TABLE numbers (n int, text text)');
      const stream = victim.query(copyStreams.from(COPY));
      stream.write('1\tone\n');
      const failed = once(stream, 'error');
      await server.asSuperuser((admin) => admin.query('SELECT pg_terminate_backend($1)', [victim.processID]));
      const [error] = await failed;
      assert.match(error.message, /terminat|ECONNRESET/);
    });

    test("a pool's query resolves with the count when the data is visible", async () => {
      const pool = new driver.Pool(server.config({ max: 1 }));
      await pool.query('CREATE TEMP TABLE numbers (n int, text text)');
      const stream = copyStreams.from(COPY);
      const answer = pool.query(stream);
      stream.end('1\tone\n2\ttwo\n');
      const { command, rowCount } = await answer;
      assert.deepEqual({ command, rowCount }, { command: 'COPY', rowCount: 2 });
      assert.equal((await pool.query('SELECT count(*)::int AS n FROM numbers')).rows[0].n, 2);
      await pool.end();
    });

    test('a callback for the client is told of the end, and of a failure', async () => {
      const outcome = (text) =>
        new Promise((resolve) => {
          const stream = client.query(copyStreams.from(text), (error, result) => resolve({ error, result }));
          stream.on('error', () => undefined);
          stream.end('1\tone\n');
        });
      assert.equal((await outcome(COPY)).result.rowCount, 1);
      assert.equal((await outcome('COPY nowhere FROM STDIN')).error.code, '42P01');
    });

    test('the count is that of the COPY, whatever stands beside it', async () => {
      const stream = open(undefined, `${COPY}; SELECT generate_series(1, 50)`);
      stream.end('1\tone\n');
      await once(stream, 'finish');
      assert.equal(stream.rowCount, 1);
    });

    test('a chunk that is larger than any message is cut into several', async () => {
      const stream = open(undefined, 'COPY numbers (text) FROM STDIN');
      stream.end(Buffer.alloc(40 * 1024 * 1024, `${'x'.repeat(1023)}\n`));
      await once(stream, 'finish');
      assert.equal(stream.rowCount, 40 * 1024);
    });

    test('a statement that takes no data is an error of the stream', async () => {
      const stream = open(undefined, 'SELECT 1');
      stream.write('1\n');
      const [error] = await once(stream, 'error');
      assert.match(error.message, /COPY … FROM STDIN/);
      assert.equal(await count(), 0);
    });

    test('a stream that is destroyed before its turn is never sent', async () => {
      const before = client.query('SELECT pg_sleep(0.05)');
      const stream = open();
      stream.destroy();
      await once(stream, 'close');
      await before;
      assert.equal(await count(), 0);
    });

    test('small chunks are joined to few messages', async () => {
      const COPY_DATA = 0x64; // 'd'
      let sent = Buffer.alloc(0);
      const proxy = await tappedProxy(server, {
        onClientBytes: (bytes) => {
          sent = Buffer.concat([sent, bytes]);
        },
      });
      const tapped = new driver.Client(server.config({ host: proxy.host, port: proxy.port }));
      await tapped.connect();
      await tapped.query('CREATE TEMP TABLE numbers (n int, text text)');
      sent = Buffer.alloc(0);
      const stream = tapped.query(copyStreams.from(COPY));
      for (let n = 0; n < 1000; n++) stream.write(`${n}\ttext\n`);
      stream.end();
      await once(stream, 'finish');
      let messages = 0;
      for (let at = 0; at < sent.length; at += 1 + sent.readInt32BE(at + 1)) {
        if (sent[at] === COPY_DATA) messages++;
      }
      assert.equal(stream.rowCount, 1000);
      assert.ok(messages < 5, `${messages} messages`);
      await tapped.end();
      await proxy.close();
    });

    test('query_timeout ends a copy that takes too long', async () => {
      const impatient = new driver.Client({ ...server.config(), query_timeout: 1500 });
      await impatient.connect();
      await impatient.query('CREATE TEMP TABLE numbers (n int, text text)');
      const stream = impatient.query(copyStreams.from(COPY));
      stream.write('1\tone\n');
      const [error] = await once(stream, 'error');
      assert.equal(error.message, 'Query read timeout');
      assert.deepEqual((await impatient.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      await impatient.end();
    });
  }
});
