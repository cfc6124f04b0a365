'use strict';

const assert = require('node:assert/strict');
const { before, afterEach, describe, test } = require('node:test');
const pgTypes = require('pg-types');
const pgfleet = require('../..');
const { eventually, settled } = require('../support/failure');
const { heldLock } = require('../support/held-lock');
const { delayingProxy, tappedProxy } = require('../support/proxy');
const { postgres } = require('../support/server');

let server;
before(async () => {
  server = await postgres();
});

/** More than are handed over by themselves, and than fit into one call. */
const MANY = 100;
const numbers = (count) => Array.from({ length: count }, (_, i) => i);

describe('many queries of one turn', () => {
  const pools = [];
  afterEach(() => Promise.all(pools.splice(0).map((pool) => pool.end())));
  const open = (options) => {
    const pool = new pgfleet.Pool(server.config({ max: 3, ...options }));
    pools.push(pool);
    return pool;
  };

  const ECHO = 'SELECT $1::text AS value, $2::int AS place';
  const VALUES = [
    'ascii',
    '',
    null,
    undefined,
    'größer €',
    '\u{1F418}',
    'x'.repeat(300),
    'x'.repeat(70_000),
    7,
    1.5,
    true,
    { a: [1] },
    '\x7f',
    '\x80',
  ];

  for (const name of [undefined, 'echo']) {
    test(`get the answers to their own values, ${name ? 'named' : 'unnamed'}`, async () => {
      const pool = open();
      const given = numbers(300).map((i) => [VALUES[i % VALUES.length], i]);
      const results = await Promise.all(given.map((values) => pool.query({ name, text: ECHO, values })));
      const wanted = given.map(([value, place]) => {
        const text = typeof value === 'object' && value ? JSON.stringify(value) : value;
        return [{ value: text === undefined || text === null ? null : String(text), place }];
      });
      assert.deepEqual(
        results.map((result) => result.rows),
        wanted,
      );
    });
  }

  test('may be of many pools and of many texts, Buffers among the values', async () => {
    const two = [open(), open()];
    const wanted = numbers(1000);
    const results = await Promise.all(
      wanted.map((i) =>
        i % 7 === 0
          ? two[i % 2].query('SELECT length($1::bytea) AS n', [Buffer.alloc(i)])
          : two[i % 2].query(`SELECT $1::int AS n, ${i % 5} AS variant`, [i]),
      ),
    );
    assert.deepEqual(
      results.map(({ rows: [{ n }] }) => n),
      wanted,
    );
  });

  test('may be of more texts than a pool remembers', async () => {
    const pool = open();
    const texts = numbers(1500).map((i) => `SELECT ${i} AS n`);
    // Each text twice in a row is remembered, and comes once more when it may have been forgotten.
    const asked = texts.flatMap((text) => [text, text]).concat(texts);
    const results = await Promise.all(asked.map((text) => pool.query(text)));
    assert.deepEqual(
      results.map(({ rows: [{ n }] }) => `SELECT ${n} AS n`),
      asked,
    );
  });

  test('fail each for itself', async () => {
    const pool = open();
    const outcomes = await Promise.allSettled(
      numbers(MANY).map((i) => pool.query('SELECT 10 / $1::int AS n', [i % 10])),
    );
    outcomes.forEach(({ status, value, reason }, i) => {
      if (i % 10 === 0) assert.equal(reason.code, '22012');
      else assert.deepEqual([status, value.rows[0].n], ['fulfilled', Math.trunc(10 / (i % 10))]);
    });
  });

  test('count at once, and come before what is asked for behind them', async () => {
    const pool = open({ max: 1, pipelineDepth: 1 });
    const held = await pool.connect();
    const order = [];
    const asked = numbers(MANY).map((i) => pool.query('SELECT $1::int', [i]).then(() => order.push(i)));
    assert.equal(pool.waitingCount, MANY);
    const client = pool.connect();
    assert.equal(pool.waitingCount, MANY + 1);
    held.release();
    (await settled(client, 'the client')).release();
    // The last answer may be on its way to its promise.
    assert.ok(order.length >= MANY - 1, `the client came after ${order.length}`);
    await Promise.all(asked);
    assert.deepEqual(order, numbers(MANY));
  });

  test('are answered when the pool is ended in the same turn', async () => {
    const pool = open();
    const asked = numbers(MANY).map((i) => pool.query('SELECT $1::int AS n', [i]));
    pools.splice(0);
    const ended = pool.end();
    const results = await settled(Promise.all(asked), 'the answers');
    assert.deepEqual(
      results.map(({ rows }) => rows[0].n),
      numbers(MANY),
    );
    await ended;
  });

  test('are refused one by one when too many wait', async () => {
    const pool = open({ max: 1, maxWaiting: 20, pipelineDepth: 1 });
    await pool.query('SELECT 0');
    const outcomes = await Promise.allSettled(
      numbers(MANY).map((i) => pool.query('SELECT $1::int AS n', [i])),
    );
    const refused = outcomes.filter(({ reason }) => reason?.code === 'EMAXWAITING');
    const answered = outcomes.filter(({ status }) => status === 'fulfilled');
    assert.equal(refused.length + answered.length, MANY);
    assert.ok(answered.length >= 20 && refused.length > 0, `${answered.length} answered`);
  });

  test('are parsed by the parsers that are set meanwhile', async (t) => {
    const pool = open();
    const INT4 = 23;
    const before = pgTypes.getTypeParser(INT4, 'text');
    t.after(() => pgTypes.setTypeParser(INT4, before));
    const ask = () => numbers(MANY).map(() => pool.query('SELECT 5 AS n'));
    await Promise.all(ask());
    ask();
    pgTypes.setTypeParser(INT4, (text) => `<${text}>`);
    const results = await Promise.all(ask());
    for (const { rows } of results) assert.deepEqual(rows, [{ n: '<5>' }]);
  });

  test('give results that are like those of queries by themselves', async () => {
    const pool = open();
    const text = 'SELECT 1 AS a, now() AS b, NULL::text AS c';
    const lone = await pool.query(text);
    const [first, ...others] = await Promise.all(numbers(MANY).map(() => pool.query(text)));
    for (const result of [first, ...others]) {
      assert.deepEqual(Object.keys(result), Object.keys(lone));
      assert.deepEqual(result.fields, lone.fields);
      assert.deepEqual(result._parsers, lone._parsers);
    }
    first.fields[0].name = 'changed';
    assert.equal(others[0].fields[0].name, 'a');
  });
});

describe('a slow query among many quick ones', () => {
  const QUICK = 'SELECT $1::int AS n';
  const FEW = 16;

  const LOCK = 'SELECT pg_advisory_xact_lock($1)';

  for (const [what, slow, quick, delayMillis] of [
    ['of another text', ({ text }) => [text], (i) => [QUICK, [i]], 0],
    ['of the same text', ({ key }) => [LOCK, [key]], (i) => [LOCK, [-1 - i]], 0],
    ['on a long way', ({ text }) => [text], (i) => [QUICK, [i]], 5],
  ]) {
    test(`holds up but a few, ${what}`, async (t) => {
      const way = delayMillis > 0 ? await delayingProxy(server, { delayMillis }) : server;
      const lock = await heldLock(server.config());
      // What takes a lock shares a connection only where everything does.
      const pool = new pgfleet.Pool(server.config({ max: 2, port: way.port, sharing: 'all' }));
      t.after(async () => {
        await pool.end();
        if (way !== server) await way.close();
      });
      for (let round = 0; round < 3; round++) {
        await Promise.all(numbers(300).map((i) => pool.query(...quick(i))));
      }
      let answered = 0;
      const ask = () =>
        numbers(300).map((i) =>
          pool.query(...quick(i)).then(() => {
            answered++;
          }),
        );
      const asked = [...ask(), pool.query(...slow(lock)), ...ask()];
      await eventually(() => answered > 600 - FEW, `answers to all but ${FEW} of 600 queries`);
      await lock.release();
      await Promise.all(asked);
    });
  }
});

describe('many queries on a long way', () => {
  const ECHO = "SELECT $1::int AS n, current_setting('pgfleet.mark', true) AS mark";
  const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);
  const DELAY_MILLIS = 20;

  /** Counts the queries that reach the proxy, which holds each answer back. */
  const openFar = async (t, options, rounds = 4) => {
    const counts = { queries: 0, beforeAnswer: undefined };
    const proxy = await tappedProxy(server, {
      onClientBytes(bytes) {
        for (let at = bytes.indexOf(SYNC); at >= 0; at = bytes.indexOf(SYNC, at + 1)) counts.queries++;
      },
      onServerBytes(bytes, { client }) {
        setTimeout(() => {
          counts.beforeAnswer ??= counts.queries;
          if (client.writable) client.write(bytes);
        }, DELAY_MILLIS);
        return null;
      },
    });
    const pool = new pgfleet.Pool(server.config({ max: 2, port: proxy.port, ...options }));
    t.after(async () => {
      await pool.end();
      await proxy.close();
    });
    const ask = () => Promise.all(numbers(MANY).map((n) => pool.query(ECHO, [n])));
    for (let round = 0; round < rounds; round++) await ask();
    return { pool, counts, ask };
  };

  const queriesBeforeAnswer = async ({ counts, ask }) => {
    Object.assign(counts, { queries: 0, beforeAnswer: undefined });
    const results = await ask();
    assert.deepEqual(
      results.map(({ rows }) => rows[0].n),
      numbers(MANY),
    );
    return counts.beforeAnswer;
  };

  test('leave before the first of them is answered', async (t) => {
    const far = await openFar(t);
    const count = await queriesBeforeAnswer(far);
    assert.ok(count > MANY / 4, `${count} left`);
  });

  test('leave one by one when that is what the pool is told', async (t) => {
    const far = await openFar(t, { pipelineDepth: 1 }, 1);
    assert.equal(await queriesBeforeAnswer(far), 2);
  });

  test('stay out of the transactions of clients, and behind what a client has left', async (t) => {
    const { pool, ask } = await openFar(t);
    const transactions = numbers(5).map(async (i) => {
      const client = await pool.connect();
      await client.query(`BEGIN; SET LOCAL pgfleet.mark = 'transaction ${i}'`);
      assert.equal((await client.query(ECHO, [i])).rows[0].mark, `transaction ${i}`);
      await client.query('COMMIT');
      const left = client.query(ECHO, [MANY + i]);
      client.release();
      return left;
    });
    const asked = numbers(5).map(ask);
    for (const results of await Promise.all(asked)) {
      for (const [n, { rows }] of results.entries()) {
        assert.equal(rows[0].n, n);
        assert.ok(!rows[0].mark, `${rows[0].mark} was seen`);
      }
    }
    for (const [i, { rows }] of (await Promise.all(transactions)).entries())
      assert.equal(rows[0].n, MANY + i);
  });
});
