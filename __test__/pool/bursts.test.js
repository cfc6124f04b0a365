'use strict';

const assert = require('node:assert/strict');
const { setTimeout: pause } = require('node:timers/promises');
const { after, before, describe, test } = require('node:test');
const { isDeepStrictEqual } = require('node:util');
const { Pool } = require('../..');
const { holdingServer } = require('../support/holding-server');

const CONNECTIONS = 2;
const BURST = 40;
/** Bursts that are answered at once in between, from which the pool learns that this text is quick. */
const QUICK_ONES = 40;
/** On a busy machine quick answers are late, and the pool is cautious for a while. */
const ATTEMPTS = 30;
/** Milliseconds for which answers are held back: many times what it takes to send a burst. */
const HOLD = 20;

describe('a burst of quick queries', () => {
  let server;
  let pool;
  before(async () => {
    server = await holdingServer();
    pool = new Pool({ ...server.config, max: CONNECTIONS });
    // Its first answers are slow ones, as if it were far away.
    for (let n = 0; n < BURST; n += 1) await pool.query('SELECT $1::text AS lone', ['1']);
  });
  after(async () => {
    await pool.end();
    await server.close();
  });

  const burst = (text, count = BURST) =>
    Promise.all(Array.from({ length: count }, () => pool.query(text, ['1'])));

  /** Makes queries; returns how many of them each connection had before it answered one. */
  async function parts(make) {
    await server.hold();
    // The pool may learn of an answer a moment after the program.
    await pause(HOLD);
    const running = make();
    let counts;
    do {
      await pause(HOLD);
      counts = await server.held();
    } while (counts.length < CONNECTIONS);
    await server.release();
    await running;
    return counts;
  }

  test('starts with an equal part on each connection, before anything is answered', async () => {
    const wanted = Array(CONNECTIONS).fill(BURST / CONNECTIONS);
    let counts;
    for (let attempt = 0; attempt < ATTEMPTS && !isDeepStrictEqual(counts, wanted); attempt += 1) {
      // Another one each time: holding answers back has made the one before it a slow one.
      const text = `SELECT $1::text AS attempt_${attempt}`;
      for (let n = 0; n < QUICK_ONES; n += 1) await burst(text);
      counts = await parts(() => burst(text));
    }
    assert.deepEqual(counts, wanted);
  });

  test('starts with one on each connection where nothing is known of its texts', async () => {
    await burst('SELECT $1::text AS several', CONNECTIONS);
    const unknown = () =>
      Promise.all(
        Array.from({ length: BURST }, (_, n) => pool.query(`SELECT $1::text AS unknown_${n}`, ['1'])),
      );
    assert.deepEqual(await parts(unknown), Array(CONNECTIONS).fill(1));
  });
});
