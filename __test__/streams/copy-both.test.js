'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Duplex } = require('node:stream');
const { afterEach, before, beforeEach, test } = require('node:test');
const { postgres } = require('../support/server');
const { forEachMaker } = require('../support/stream-makers');

const WAL_DATA = 0x77; // 'w'
const KEEPALIVE = 0x6b; // 'k'

/** A standby's word on how far it is: nothing written, flushed or applied, and an answer is wanted. */
function standbyStatus() {
  const message = Buffer.alloc(34);
  message.write('r');
  message[33] = 1;
  return message;
}

forEachMaker(({ driver, copyStreams, ours }) => {
  let server;
  let client;

  before(async () => {
    server = await postgres();
  });

  beforeEach(async () => {
    client = new driver.Client({ ...server.config(), replication: 'true' });
    await client.connect();
  });

  afterEach(() => client.end());

  const start = async (options) => {
    const { rows } = await client.query('IDENTIFY_SYSTEM');
    return client.query(copyStreams.both(`START_REPLICATION PHYSICAL ${rows[0].xlogpos}`, options));
  };
  const writeAhead = () =>
    server.asSuperuser((admin) =>
      admin.query("SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000)), pg_switch_wal()"),
    );
  const answers = async () => (await client.query('IDENTIFY_SYSTEM')).rows.length;

  test('a copy-both stream has messages in both directions until it is ended', async () => {
    const stream = await start({ alignOnCopyDataFrame: true });
    assert.ok(stream instanceof Duplex);
    const seen = { [WAL_DATA]: 0, [KEEPALIVE]: 0 };
    const data = new Promise((resolve, reject) => {
      stream.once('error', reject);
      stream.on('data', (message) => {
        seen[message[0]] += message.length;
        if (seen[WAL_DATA] > 100_000 && seen[KEEPALIVE] > 0) resolve();
      });
    });
    stream.write(standbyStatus());
    await writeAhead();
    const asking = setInterval(() => stream.write(standbyStatus()), 50);
    await data.finally(() => clearInterval(asking));
    const ended = Promise.all([once(stream, 'end'), once(stream, 'finish')]);
    stream.end();
    await ended;
    assert.equal(await answers(), 1);
  });

  test('without alignment the bytes are the same, wherever they are cut', async () => {
    const stream = await start();
    let bytes = 0;
    const enough = new Promise((resolve, reject) => {
      stream.once('error', reject);
      stream.on('data', (chunk) => {
        bytes += chunk.length;
        if (bytes > 100_000) resolve();
      });
    });
    await writeAhead();
    await enough;
    const ended = once(stream, 'end');
    stream.end();
    await ended;
    assert.equal(await answers(), 1);
  });

  test('a text that the server refuses is an error of the stream', async () => {
    const stream = client.query(copyStreams.both('START_REPLICATION PHYSICAL FF/FFFFFF00'));
    stream.resume();
    const [error] = await once(stream, 'error');
    assert.equal(error instanceof driver.DatabaseError, true);
  });

  if (ours) {
    test('a COPY of another kind that is destroyed is undone', async () => {
      const plain = new driver.Client(server.config());
      await plain.connect();
      await plain.query('CREATE TEMP TABLE numbers (n int)');
      const stream = plain.query(copyStreams.both('COPY numbers FROM STDIN'));
      stream.write('1\n');
      stream.destroy();
      await once(stream, 'close');
      assert.deepEqual((await plain.query('SELECT n FROM numbers')).rows, []);
      await plain.end();
    });

    test('a stream that is destroyed frees the client', async () => {
      const stream = await start();
      await writeAhead();
      await once(stream, 'readable');
      stream.destroy();
      await once(stream, 'close');
      assert.equal(await answers(), 1);
    });
  }
});
