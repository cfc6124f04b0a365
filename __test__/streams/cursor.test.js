'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { afterEach, before, beforeEach, describe, test } = require('node:test');
const { postgres } = require('../support/server');
const { forEachMaker } = require('../support/stream-makers');

const SERIES = "SELECT n, 'row ' || n AS text FROM generate_series(1, $1::int) n";

forEachMaker(({ driver, Cursor, label, ours }) => {
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

  const open = (text, values, config) => client.query(new Cursor(text, values, config));
  const numbers = (rows) => rows.map(({ n }) => n);
  const answers = async () => (await client.query('SELECT 42 AS n')).rows[0].n;

  test('a cursor gives its rows in pages, and then empty ones', async () => {
    const cursor = open(SERIES, [5]);
    assert.deepEqual(await cursor.read(2), [
      { n: 1, text: 'row 1' },
      { n: 2, text: 'row 2' },
    ]);
    assert.deepEqual(numbers(await cursor.read(2)), [3, 4]);
    assert.deepEqual(numbers(await cursor.read(2)), [5]);
    assert.deepEqual(await cursor.read(2), []);
    assert.deepEqual(await cursor.read(2), []);
    assert.equal(await answers(), 42);
  });

  test('a page that ends with the last row is followed by an empty one', async () => {
    const cursor = open(SERIES, [4]);
    assert.deepEqual(numbers(await cursor.read(4)), [1, 2, 3, 4]);
    assert.deepEqual(await cursor.read(4), []);
    assert.equal(await answers(), 42);
  });

  test('a page of more rows than there are, and one of 0 rows, have them all', async () => {
    const more = open(SERIES, [300]);
    assert.equal((await more.read(1000)).length, 300);
    assert.deepEqual(await more.read(1), []);
    const all = open(SERIES, [300]);
    assert.equal((await all.read(0)).length, 300);
    assert.equal(await answers(), 42);
  });

  test('large pages have every row, in order', async () => {
    const cursor = open(SERIES, [50_000]);
    let next = 1;
    for (;;) {
      const rows = await cursor.read(7_000);
      if (rows.length === 0) break;
      for (const row of rows) {
        assert.equal(row.n, next);
        assert.equal(row.text, `row ${next}`);
        next++;
      }
    }
    assert.equal(next, 50_001);
  });

  test('a callback gets the rows and the result', async () => {
    const cursor = open('SELECT n, n::text AS t FROM generate_series(1, 3) n');
    const read = (rows) =>
      new Promise((resolve) => {
        assert.equal(
          cursor.read(rows, (...args) => resolve(args)),
          undefined,
        );
      });
    const [error, rows, result] = await read(2);
    assert.equal(error, null);
    assert.deepEqual(numbers(rows), [1, 2]);
    assert.ok(result instanceof driver.Result || result.constructor.name === 'Result');
    assert.equal(result.rows, rows);
    assert.deepEqual(
      result.fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
      [
        ['n', 23],
        ['t', 25],
      ],
    );
    assert.equal(result.command, null);
    const [, , last] = await read(2);
    assert.equal(last.command, 'SELECT');
    assert.equal(last.rowCount, 1);
  });

  test('a cursor emits each row, and its end', async () => {
    const cursor = open(SERIES, [5]);
    const seen = [];
    cursor.on('row', (row, result) => seen.push([row.n, result.fields.length]));
    const ended = once(cursor, 'end');
    await cursor.read(3);
    assert.deepEqual(seen, [
      [1, 2],
      [2, 2],
      [3, 2],
    ]);
    await cursor.read(3);
    const [result] = await ended;
    assert.equal(seen.length, 5);
    assert.equal(result.command, 'SELECT');
  });

  test('a cursor that is closed in the middle leaves the client to others, and no portal behind', async () => {
    const cursor = open(SERIES, [1000]);
    await cursor.read(10);
    await cursor.close();
    assert.deepEqual((await client.query('SELECT name FROM pg_cursors')).rows, []);
    assert.deepEqual(await cursor.read(10), []);
    await cursor.close();
    assert.equal(await answers(), 42);
  });

  test('a cursor can be closed before anything is read, with a callback, and while a page is under way', async () => {
    const unread = open(SERIES, [10]);
    await new Promise((resolve, reject) => {
      unread.close((error) => (error ? reject(error) : resolve()));
    });
    const busy = open(SERIES, [10]);
    const page = busy.read(3);
    await busy.close();
    assert.deepEqual(numbers(await page), [1, 2, 3]);
    assert.equal(await answers(), 42);
  });

  test('a cursor in a transaction keeps it', async () => {
    await client.query('BEGIN');
    const cursor = open(SERIES, [10]);
    await cursor.read(3);
    await cursor.close();
    const again = open(SERIES, [10]);
    assert.equal((await again.read(100)).length, 10);
    assert.equal((await client.query('SELECT now() = statement_timestamp() AS same')).rows[0].same, false);
    await client.query('COMMIT');
  });

  test('cursors and queries of one client take turns', async () => {
    await client.query('CREATE SEQUENCE pg_temp.turns');
    const turn = "SELECT nextval('pg_temp.turns')::int AS n";
    const paged = `${turn} FROM generate_series(1, $1::int)`;
    const answers = await Promise.all([
      client.query(turn).then(({ rows }) => rows),
      open(paged, [3]).read(10),
      open(paged, [2]).read(10),
      client.query(turn).then(({ rows }) => rows),
    ]);
    assert.deepEqual(answers.map(numbers), [[1], [2, 3, 4], [5, 6], [7]]);
  });

  test('an error of the text rejects the reads, those that come later too, and the client goes on', async () => {
    const cursor = open('SELECT nothing FROM nowhere');
    const reads = await Promise.allSettled([cursor.read(1), cursor.read(1)]);
    assert.deepEqual(
      reads.map(({ reason }) => reason.code),
      ['42P01', '42P01'],
    );
    assert.ok(reads[0].reason instanceof driver.DatabaseError);
    await assert.rejects(cursor.read(1), { code: '42P01' });
    assert.equal(await answers(), 42);
  });

  test('an error between pages rejects the read that meets it', async () => {
    const cursor = open('SELECT 6 / (4 - n) AS q FROM generate_series(1, 9) n');
    assert.deepEqual(await cursor.read(2), [{ q: 2 }, { q: 3 }]);
    await assert.rejects(cursor.read(5), { code: '22012' });
    await assert.rejects(cursor.read(5), { code: '22012' });
    assert.equal(await answers(), 42);
  });

  test('an error is emitted if there is a listener', async () => {
    const cursor = open('SELECT nothing FROM nowhere');
    const emitted = once(cursor, 'error');
    const rejected = assert.rejects(cursor.read(1), { code: '42P01' });
    assert.equal((await emitted)[0].code, '42P01');
    await rejected;
  });

  test('a wrong value is an error of the cursor', async () => {
    const cursor = open('SELECT $1::int AS n', ['not a number']);
    await assert.rejects(cursor.read(1), { code: '22P02' });
    assert.equal(await answers(), 42);
  });

  test('values go the way of those of queries', async () => {
    const when = new Date('2024-05-06T07:08:09.123Z');
    const cursor = open(
      'SELECT $1::int[] AS a, $2::jsonb AS j, $3::timestamptz AS t, $4::bytea AS b, $5::text AS n',
      [[1, 2], { x: [1] }, when, Buffer.from([0, 255]), null],
    );
    assert.deepEqual(await cursor.read(1), [
      { a: [1, 2], j: { x: [1] }, t: when, b: Buffer.from([0, 255]), n: null },
    ]);
    await cursor.close();
  });

  test("rowMode 'array' gives arrays, and duplicate names their own place", async () => {
    const cursor = open('SELECT 1 AS a, 2 AS a, null AS b', [], { rowMode: 'array' });
    assert.deepEqual(await cursor.read(1), [[1, 2, null]]);
    await cursor.close();
  });

  test("parsers are the cursor's, or else the client's", async () => {
    const types = { getTypeParser: (oid) => (text) => `${oid}:${text}` };
    const own = open('SELECT 1::int4 AS i, true AS b', [], { types });
    assert.deepEqual(await own.read(1), [{ i: '23:1', b: '16:t' }]);
    await own.close();
    client.setTypeParser(20, (text) => BigInt(text));
    const clients = open('SELECT 9007199254740993 AS big');
    assert.deepEqual(await clients.read(1), [{ big: 9007199254740993n }]);
    await clients.close();
  });

  test('a statement without rows is done with the first read', async () => {
    await client.query('CREATE TEMP TABLE things (id int)');
    const insert = open('INSERT INTO things SELECT generate_series(1, 3)');
    assert.deepEqual(await insert.read(10), []);
    const returning = open('INSERT INTO things VALUES (4), (5), (6) RETURNING id');
    assert.deepEqual(await returning.read(2), [{ id: 4 }, { id: 5 }]);
    assert.deepEqual(await returning.read(2), [{ id: 6 }]);
    assert.equal((await client.query('SELECT count(*)::int AS n FROM things')).rows[0].n, 6);
  });

  test('an empty text has no rows', async () => {
    const cursor = open('');
    assert.deepEqual(await cursor.read(10), []);
    assert.equal(await answers(), 42);
  });

  test('a row without columns is a row', async () => {
    const cursor = open('SELECT FROM generate_series(1, 3)');
    assert.deepEqual(await cursor.read(2), [{}, {}]);
    assert.deepEqual(await cursor.read(2), [{}]);
  });

  test('a promise class of the caller is the class of the answers', async () => {
    class Later extends Promise {}
    const cursor = open(SERIES, [1], { Promise: Later });
    const read = cursor.read(1);
    assert.ok(read instanceof Later);
    await read;
    const closed = cursor.close();
    assert.ok(closed instanceof Later);
    await closed;
  });

  test('the cursor of a pool leaves its client usable', async () => {
    const pool = new driver.Pool({ ...server.config(), max: 1 });
    const taken = await pool.connect();
    const cursor = taken.query(new Cursor(SERIES, [100]));
    assert.equal((await cursor.read(10)).length, 10);
    await cursor.close();
    taken.release();
    assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    await pool.end();
  });

  test(`the last page comes ${ours ? 'before' : 'behind'} drain`, async () => {
    const order = [];
    const drained = once(client, 'drain').then(() => order.push('drain'));
    const cursor = open(SERIES, [1]);
    cursor.read(2, () => order.push('page'));
    await drained;
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    assert.deepEqual(order, ours ? ['page', 'drain'] : ['drain', 'page']);
  });

  test('a connection that dies between pages rejects the next read', async () => {
    const victim = new driver.Client(server.config());
    const errors = [];
    victim.on('error', (error) => errors.push(error));
    const ended = new Promise((resolve) => victim.once('end', resolve));
    await victim.connect();
    const cursor = victim.query(new Cursor(SERIES, [1_000_000]));
    await cursor.read(1);
    await server.asSuperuser((admin) => admin.query('SELECT pg_terminate_backend($1)', [victim.processID]));
    await assert.rejects(async () => {
      for (;;) await cursor.read(1000);
    }, /terminat|ECONNRESET/);
    await ended;
    assert.match(errors.at(-1).message, /terminat|ECONNRESET/);
  });

  // On pg the answer waits for the client's next query.
  if (label !== "npm's on pg") {
    test('a cursor that failed can be closed', async () => {
      const cursor = open('SELECT nothing FROM nowhere');
      await assert.rejects(cursor.read(1), { code: '42P01' });
      await cursor.close();
      assert.equal(await answers(), 42);
    });
  }

  if (label === "npm's on pgfleet") {
    describe('with an answer that is here before its question is known to have left', () => {
      beforeEach(() => {
        const { stream } = client.connection;
        const { _send: send } = stream;
        stream._send = (bytes, callback) => send.call(stream, bytes, () => setTimeout(callback, 30));
      });

      test('a cursor that failed can be closed', async () => {
        const over = once(client.connection, 'readyForQuery');
        const cursor = open('SELECT nothing FROM nowhere');
        await assert.rejects(cursor.read(1), { code: '42P01' });
        await over;
        await cursor.close();
        assert.equal(await answers(), 42);
      });

      test('the next cursor has the connection at once', async () => {
        const unread = open(SERIES, [10]);
        await new Promise((resolve) => unread.close(resolve));
        const next = open(SERIES, [10]);
        const page = next.read(3);
        assert.notEqual(next.state, 'initialized');
        await next.close();
        assert.deepEqual(numbers(await page), [1, 2, 3]);
        assert.equal(await answers(), 42);
      });
    });
  }

  if (ours) {
    test("a pool's query resolves when the cursor has ended, and the client is free", async () => {
      const pool = new driver.Pool(server.config({ max: 1 }));
      const cursor = new Cursor(SERIES, [3]);
      const answer = pool.query(cursor);
      assert.deepEqual(numbers(await cursor.read(10)), [1, 2, 3]);
      assert.equal((await answer).command, 'SELECT');
      assert.equal((await pool.query('SELECT 42 AS n')).rows[0].n, 42);
      await pool.end();
    });

    test('reads that do not wait for each other get their pages in order', async () => {
      const cursor = open(SERIES, [5]);
      const pages = await Promise.all([cursor.read(2), cursor.read(2), cursor.read(2), cursor.read(2)]);
      assert.deepEqual(pages.map(numbers), [[1, 2], [3, 4], [5], []]);
    });

    test('what a parser throws rejects the read, and the client goes on', async () => {
      const types = {
        getTypeParser: () => () => {
          throw new RangeError('not this one');
        },
      };
      const cursor = open('SELECT n::text FROM generate_series(1, 100) n', [], { types });
      await assert.rejects(cursor.read(10), { name: 'RangeError', message: 'not this one' });
      assert.equal(await answers(), 42);
    });

    test('a cursor that is closed before its turn is never sent', async () => {
      await client.query('CREATE SEQUENCE IF NOT EXISTS pg_temp.turns');
      const before = client.query('SELECT pg_sleep(0.05)');
      const cursor = open("SELECT nextval('pg_temp.turns')");
      const page = cursor.read(1);
      await cursor.close();
      assert.deepEqual(await page, []);
      await before;
      assert.equal((await client.query("SELECT nextval('pg_temp.turns')::int AS n")).rows[0].n, 1);
    });

    test('pages that were asked for and not begun when the cursor is closed are empty', async () => {
      const cursor = open(SERIES, [100]);
      const pages = Promise.all([cursor.read(1), cursor.read(1), cursor.read(1)]);
      await cursor.close();
      assert.deepEqual((await pages).map(numbers), [[1], [], []]);
    });

    test('COPY is refused, and the client goes on', async () => {
      await client.query('CREATE TEMP TABLE things (id int)');
      await assert.rejects(open('COPY things FROM STDIN').read(1), { code: '57014' });
      assert.equal(await answers(), 42);
    });

    test('query_timeout ends a cursor that takes too long', async () => {
      const impatient = new driver.Client({ ...server.config(), query_timeout: 1500 });
      await impatient.connect();
      const cursor = impatient.query(new Cursor('SELECT pg_sleep(60)'));
      await assert.rejects(cursor.read(1), { message: 'Query read timeout' });
      assert.deepEqual((await impatient.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      await impatient.end();
    });

    test("a client of pg is told that it can't have one", async () => {
      const { Client } = require('pg');
      const theirs = new Client(server.config());
      await theirs.connect();
      await assert.rejects(theirs.query(new Cursor('SELECT 1')).read(1), /needs a client of pgfleet/);
      assert.deepEqual((await theirs.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      await theirs.end();
    });
  }
});
