'use strict';

const assert = require('node:assert/strict');
const { setTimeout: pause } = require('node:timers/promises');
const { afterEach, beforeEach, describe, test } = require('node:test');
const { Pool } = require('../..');
const { eventually, failure, settled } = require('../support/failure');
const { fakeServer, messages } = require('../support/fake-server');

/** The way to the server and back, in milliseconds: so far that a pool shares connections without waiting for answers. */
const WAY = 20;
/** Many times what a query waits behind another one, in milliseconds. */
const LONG = 300;

const answer = (...values) =>
  Buffer.concat([
    messages.rowDescription('value'),
    ...values.map((value) => messages.dataRow(value)),
    messages.commandComplete(`SELECT ${values.length}`),
    messages.readyForQuery(),
  ]);
const refusal = (severity, code) =>
  Buffer.concat([
    messages.errorResponse({ S: severity, V: severity, C: code, M: `refused with ${code}` }),
    ...(severity === 'ERROR' ? [messages.readyForQuery()] : []),
  ]);

describe('a query that waits behind another one', () => {
  let fake;
  let pool;
  let isHolding;
  let cancelled;
  /** Gives the client back that has connection 0, once. */
  let giveBack;
  /** Texts that are yet to be answered, for each connection. */
  const asked = (number) => fake.connections[number]?.asked;
  const give = (number, bytes) => {
    asked(number).shift();
    fake.connections[number].send(bytes);
  };
  const closed = (number) => settled(fake.connections[number].gone(), `the end of connection ${number}`);

  beforeEach(async () => {
    isHolding = false;
    cancelled = 0;
    giveBack = () => {};
    fake = await fakeServer(async (connection) => {
      connection.asked = [];
      if (!(await connection.startup())) {
        cancelled += 1;
        connection.drop();
        return;
      }
      await pause(WAY);
      connection.send(messages.authenticationOk(), messages.backendKeyData(1, 2), messages.readyForQuery());
      for (let query; (query = await connection.readUntil('Q'));) {
        connection.asked.push(query.body.subarray(0, -1).toString());
        if (isHolding) continue;
        setTimeout(() => {
          connection.asked.shift();
          connection.send(answer('quick'));
        }, WAY);
      }
    });
  });
  afterEach(async () => {
    giveBack(true);
    await fake.close();
    await pool.end();
  });

  const value = async (promise) => (await settled(promise, 'the answer')).rows[0].value;

  /**
   * Has a client on connection 0 and `count` queries under way on connection 1, whose answers are held back.
   *
   * @param {number} count
   * @param {object} [options] of the pool
   * @param {number} [attempts] queries are to be known as quick ones, which they may not be on a machine that is busy
   * @returns {Promise<Promise<any>[]>}
   */
  async function provoke(count, options, attempts = 20) {
    pool = new Pool(fake.config({ max: 2, ...options }));
    pool.on('error', () => {});
    const client = await pool.connect();
    giveBack = (destroy) => {
      giveBack = () => {};
      client.release(destroy);
    };
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      isHolding = false;
      for (let round = 0; round < 5; round += 1) {
        await Promise.all(Array.from({ length: 8 }, () => pool.query('SELECT 1')));
      }
      isHolding = true;
      const queries = Array.from({ length: count }, (_, i) => pool.query(`SELECT ${i} AS q`));
      for (const query of queries) query.catch(() => {});
      await pause(WAY);
      if (asked(1).length === count) return queries;
      isHolding = false;
      while (asked(1).length > 0) give(1, answer('late'));
      await settled(Promise.all(queries), 'the queries of this attempt');
    }
    return assert.fail('no connection was shared');
  }

  const arrived = (number, ...texts) =>
    eventually(
      () => asked(number)?.length === texts.length && texts.every((text, i) => asked(number)[i] === text),
      `${texts} on connection ${number}`,
    );

  /** As `provoke`, until the second query has been sent again on connection 0, which is free. */
  async function sentAgain(count) {
    const queries = await provoke(count);
    giveBack();
    await arrived(0, 'SELECT 1 AS q');
    return queries;
  }

  test('is sent again on a free connection, and its late first answer is dropped', async () => {
    const queries = await sentAgain(3);
    give(0, answer('second'));
    assert.equal(await value(queries[1]), 'second');
    await arrived(0, 'SELECT 2 AS q');
    give(1, answer('first'));
    give(1, answer('dropped', 'dropped'));
    give(1, answer('first'));
    assert.equal(await value(queries[0]), 'first');
    assert.equal(await value(queries[2]), 'first');
    give(0, answer('dropped'));
    isHolding = false;
    for (const result of await Promise.all(Array.from({ length: 10 }, () => pool.query('SELECT 3')))) {
      assert.deepEqual(result.rows, [{ value: 'quick' }]);
    }
    assert.equal(fake.connections.length, 2);
  });

  test('is sent again on a new connection where the pool has room for one', async () => {
    const queries = await provoke(2);
    giveBack(true);
    await eventually(() => fake.connections.length === 3, 'a new connection');
    await arrived(2, 'SELECT 1 AS q');
    give(2, answer('second'));
    assert.equal(await value(queries[1]), 'second');
    give(1, answer('first'));
    give(1, answer('dropped'));
    assert.equal(await value(queries[0]), 'first');
  });

  test('takes the first answer as long as no connection is free', async () => {
    const queries = await provoke(3);
    await pause(LONG);
    assert.deepEqual([pool.totalCount, pool.idleCount, pool.waitingCount], [2, 0, 0]);
    for (const each of ['a', 'b', 'c']) give(1, answer(each));
    assert.deepEqual(await Promise.all(queries.map(value)), ['a', 'b', 'c']);
    giveBack();
    await pause(WAY);
    assert.deepEqual(asked(0), []);
    assert.deepEqual([pool.totalCount, pool.idleCount, pool.waitingCount], [2, 2, 0]);
  });

  test('comes before what was asked for later', async () => {
    const queries = await provoke(2);
    await pause(LONG);
    const later = pool.query('SELECT 9 AS later');
    giveBack();
    await arrived(0, 'SELECT 1 AS q');
    give(0, answer('second'));
    await arrived(0, 'SELECT 9 AS later');
    give(0, answer('later'));
    assert.deepEqual([await value(queries[1]), await value(later)], ['second', 'later']);
    give(1, answer('first'));
    give(1, answer('dropped'));
    assert.equal(await value(queries[0]), 'first');
  });

  test('is answered by its second try when its first connection is lost', async () => {
    const queries = await sentAgain(3);
    fake.connections[1].drop();
    assert.match((await failure(queries[0])).message, /terminated|ECONNRESET/);
    give(0, answer('second'));
    assert.equal(await value(queries[1]), 'second');
    await eventually(
      () => asked(0)[0] === 'SELECT 2 AS q' || asked(2)?.[0] === 'SELECT 2 AS q',
      'the third query',
    );
    give(asked(0).length > 0 ? 0 : 2, answer('third'));
    assert.equal(await value(queries[2]), 'third');
  });

  test('is answered by its first try when its second connection is lost', async () => {
    const queries = await sentAgain(2);
    give(0, refusal('FATAL', '57P01'));
    fake.connections[0].drop();
    give(1, answer('a'));
    give(1, answer('b'));
    assert.deepEqual([await value(queries[0]), await value(queries[1])], ['a', 'b']);
  });

  test('is rejected once when both are lost', async () => {
    const queries = await sentAgain(2);
    fake.connections[1].drop();
    await failure(queries[0]);
    give(0, refusal('FATAL', '57P01'));
    fake.connections[0].drop();
    assert.equal((await failure(queries[1])).code, '57P01');
  });

  test('rejects with the error of whichever try answers, and the error of the other one is dropped', async () => {
    const queries = await sentAgain(3);
    give(0, answer('second'));
    assert.equal(await value(queries[1]), 'second');
    await arrived(0, 'SELECT 2 AS q');
    give(0, refusal('ERROR', '22012'));
    assert.equal((await failure(queries[2])).code, '22012');
    await closed(0);
    give(1, answer('first'));
    give(1, refusal('ERROR', '22012'));
    give(1, refusal('ERROR', '22012'));
    assert.equal(await value(queries[0]), 'first');
    await eventually(() => pool.idleCount === 1, 'a connection at rest');
    isHolding = false;
    assert.equal(await value(pool.query('SELECT 3')), 'quick');
    assert.equal(fake.connections.length, 2, 'the connection is kept whose errors were dropped');
  });

  test('is answered before the pool ends', async () => {
    const queries = await provoke(2);
    const ended = pool.end();
    pool = { end: () => ended };
    giveBack();
    await eventually(() => fake.connections.length === 3, 'a connection for it');
    await arrived(2, 'SELECT 1 AS q');
    give(2, answer('second'));
    assert.equal(await value(queries[1]), 'second');
    give(1, answer('first'));
    give(1, answer('dropped'));
    assert.equal(await value(queries[0]), 'first');
    await settled(ended, 'the end of the pool');
  });

  test('takes no second connection for long: the first one is closed when it gets to where the other one waits', async () => {
    const queries = await sentAgain(2);
    give(1, answer('first'));
    assert.equal(await value(queries[0]), 'first');
    await closed(1);
    assert.equal(cancelled, 1);
    isHolding = false;
    assert.equal(await value(pool.query('SELECT 3')), 'quick');
    give(0, answer('second'));
    assert.equal(await value(queries[1]), 'second');
  });

  test('lets the pool end when an answer that nobody waits for does not come', async () => {
    const queries = await sentAgain(2);
    give(0, answer('second'));
    assert.equal(await value(queries[1]), 'second');
    give(1, answer('first'));
    assert.equal(await value(queries[0]), 'first');
    await settled(pool.end(), 'the end of the pool');
    pool = { end() {} };
  });

  test("goes on waiting where everything shares: with sharing: 'all'", async () => {
    const queries = await provoke(2, { sharing: 'all' });
    giveBack();
    await pause(LONG);
    assert.deepEqual(asked(0), []);
    give(1, answer('a'));
    give(1, answer('b'));
    assert.deepEqual([await value(queries[0]), await value(queries[1])], ['a', 'b']);
  });

  for (const options of [{ sharing: 'none' }, { pipelineDepth: 1 }]) {
    test(`does not exist with ${JSON.stringify(options)}`, async () => {
      await assert.rejects(provoke(2, options, 1), { message: 'no connection was shared' });
    });
  }

  for (const port of [6543, 6432]) {
    const hosts = () => ({ host: '127.0.0.1,127.0.0.1', port: `${fake.port},${port}` });

    test(`does not exist where one of the ports is ${port}`, async () => {
      await assert.rejects(provoke(2, hosts(), 1), { message: 'no connection was shared' });
    });

    test(`exists where one of the ports is ${port} and sharing is asked for`, async () => {
      await provoke(2, { ...hosts(), sharing: 'reads' });
    });
  }
});
