'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { Readable } = require('node:stream');
const { finished, pipeline } = require('node:stream/promises');
const { test } = require('node:test');
const { failure, settled } = require('../support/failure');
const { fakeServer, messages } = require('../support/fake-server');
const { tappedProxy } = require('../support/proxy');
const { postgres } = require('../support/server');
const { forEachMaker } = require('../support/stream-makers');

const { message, int16 } = messages;

const CUTS = {
  'by its end': (connection) => connection.socket.end(),
  'by a reset': (connection) => connection.socket.resetAndDestroy(),
};
const LOSS = /^Connection terminated unexpectedly$|ECONNRESET|EPIPE/;

/** What a server says to a COPY, in the order of the steps at which it can be cut off. */
const STEPS = [
  { after: 'its leave to send', says: [], hears: 'Q' },
  { after: 'the first data', says: ['leave'], hears: 'd' },
  { after: 'the end of the data', says: [], hears: 'c' },
  { after: 'its word that the copy is complete', says: ['complete'] },
];

/**
 * A server that takes one COPY and is gone as soon as it has done what the step says.
 *
 * @param {string} last the step after which it is gone
 * @param {{ leave: Buffer, complete: Buffer }} words
 * @param {(connection: any) => void} cut
 */
function cutServer(last, words, cut) {
  return fakeServer(async (connection) => {
    await connection.greet();
    for (const { after, says, hears } of STEPS) {
      if (hears && !(await connection.readUntil(hears))) return;
      if (after === STEPS[0].after) connection.send(words.leave);
      for (const word of says) if (word !== 'leave') connection.send(words[word]);
      if (after !== last) continue;
      // So that what was said is there before the reset, which would take it along.
      setTimeout(() => cut(connection), 20);
      await connection.gone();
      return;
    }
  });
}

const KINDS = {
  from: { leave: message('G', Buffer.from([0]), int16(0)), complete: messages.commandComplete('COPY 1') },
  both: {
    leave: message('W', Buffer.from([0]), int16(0)),
    complete: Buffer.concat([message('c'), messages.commandComplete('COPY 1')]),
  },
};

forEachMaker(({ driver, copyStreams, ours }) => {
  /** Copies a row to a server that is cut off, and says what the stream told. */
  async function copyTo(fake, kind, text = 'COPY numbers FROM STDIN') {
    const client = new driver.Client(fake.config());
    client.on('error', () => undefined);
    const gone = new Promise((resolve) => client.once('end', resolve));
    await client.connect();
    const stream = copyStreams[kind](text);
    const told = [];
    const closed = new Promise((resolve) => stream.once('close', resolve));
    stream.on('finish', () => told.push('finish'));
    stream.on('error', (error) => told.push(error.message));
    client.query(stream);
    if (kind === 'both') stream.resume();
    stream.write('1\n');
    // The end of the data comes behind what there is to say before it.
    setTimeout(() => stream.end(), 5);
    await settled(gone, 'the end of the client');
    // What it tells comes with the end or soon after.
    for (let turn = 0; turn < 10 && told.length === 0; turn++) await new Promise(setImmediate);
    await fake.close();
    return { closed, told, stream };
  }

  for (const [kind, words] of Object.entries(KINDS)) {
    for (const [how, cut] of Object.entries(CUTS)) {
      for (const { after } of STEPS.slice(0, 3)) {
        test(`a copy-${kind} stream that is cut off ${how} after ${after} fails, and doesn't finish`, async () => {
          const { told } = await copyTo(await cutServer(after, words, cut), kind);
          assert.equal(told.includes('finish'), false);
          assert.match(told[0], LOSS);
        });
      }

      const last = STEPS[3].after;
      test(`a copy-${kind} stream that is cut off ${how} after ${last} tells one thing only`, async () => {
        const { closed, told, stream } = await copyTo(await cutServer(last, words, cut), kind);
        if (ours) {
          await settled(closed, 'the end of the stream');
          assert.deepEqual(told, ['finish']);
          assert.equal(stream.rowCount, 1);
        } else {
          assert.match(told[0], LOSS);
        }
      });
    }
  }

  if (!ours) return;

  test('a copy-both stream of a COPY that sends nothing back ends on both sides when that is complete', async () => {
    const fake = await cutServer(STEPS[3].after, KINDS.from, CUTS['by its end']);
    const { closed, told } = await copyTo(fake, 'both');
    await settled(closed, 'the end of the stream');
    assert.deepEqual(told, ['finish']);
  });

  test('a statement behind the COPY may still have failed when the connection is lost', async () => {
    const fake = await cutServer(STEPS[3].after, KINDS.from, CUTS['by its end']);
    const { told } = await copyTo(fake, 'from', 'COPY numbers FROM STDIN; SELECT pg_sleep(1);');
    assert.match(told[0], LOSS);
    assert.equal(told.includes('finish'), false);
  });

  test('pipeline and finished reject with the loss', async () => {
    for (const wait of [
      (stream) => pipeline(Readable.from(['1\n']), stream),
      (stream) => {
        stream.end('1\n');
        return finished(stream);
      },
    ]) {
      const fake = await cutServer(STEPS[2].after, KINDS.from, CUTS['by its end']);
      const client = new driver.Client(fake.config());
      client.on('error', () => undefined);
      await client.connect();
      const stream = client.query(copyStreams.from('COPY numbers FROM STDIN'));
      const error = await settled(failure(wait(stream)), 'the copy');
      assert.match(error.message, LOSS);
      await fake.close();
    }
  });

  test('a server that is ready again without a word about the data has not copied it', async () => {
    const fake = await fakeServer(async (connection) => {
      await connection.greet();
      await connection.readUntil('Q');
      connection.send(KINDS.from.leave);
      await connection.readUntil('c');
      connection.send(messages.readyForQuery());
      await connection.readUntil('Q');
      connection.send(messages.oneRow());
      await connection.gone();
    });
    const client = new driver.Client(fake.config());
    await client.connect();
    const stream = client.query(copyStreams.from('COPY numbers FROM STDIN'));
    const error = await settled(failure(pipeline(Readable.from(['1\n']), stream)), 'the copy');
    assert.match(error.message, /without saying that it has all of the data/);
    assert.deepEqual((await client.query('SELECT 1')).rows, [{ value: '1' }]);
    await client.end();
    await fake.close();
  });

  test('the end of the client in the middle is an error of the stream', async () => {
    const server = await postgres();
    const client = new driver.Client(server.config());
    await client.connect();
    await client.query('CREATE TEMP TABLE numbers (n int)');
    const stream = client.query(copyStreams.from('COPY numbers FROM STDIN'));
    stream.write('1\n');
    const failed = once(stream, 'error');
    stream.end();
    const ended = client.end();
    assert.equal((await settled(failed, 'the stream'))[0].message, 'Connection terminated');
    await settled(ended, 'the end');
  });

  test('what was acknowledged behind a proxy that cuts is in the table', async () => {
    const server = await postgres();
    await server.asSuperuser((admin) =>
      admin.query('DROP TABLE IF EXISTS acknowledged; CREATE TABLE acknowledged (n int)'),
    );
    // The bytes of the server that pass before a cut: each place of the answers to start-up and COPY has its turn.
    let left = Infinity;
    const proxy = await tappedProxy(server, {
      onServerBytes: (bytes, link) => {
        if (bytes.length <= left) {
          left -= bytes.length;
          return bytes;
        }
        const head = bytes.subarray(0, left);
        left = 0;
        setImmediate(link.destroy);
        return head;
      },
    });
    const acknowledged = [];
    let refused = 0;
    for (let n = 0; n < 60; n++) {
      left = Infinity;
      const client = new driver.Client(server.config({ host: proxy.host, port: proxy.port, ssl: false }));
      client.on('error', () => undefined);
      await client.connect();
      left = n;
      const stream = client.query(copyStreams.from('COPY acknowledged FROM STDIN'));
      try {
        await settled(pipeline(Readable.from([`${n}\n`]), stream), `copy ${n}`);
        acknowledged.push(n);
      } catch (error) {
        assert.match(error.message, /Connection terminated|ECONNRESET|EPIPE/);
        refused++;
      }
      await settled(client.end(), `the end of client ${n}`);
    }
    const { rows } = await server.asSuperuser((admin) => admin.query('SELECT n FROM acknowledged'));
    const there = new Set(rows.map(({ n }) => n));
    assert.deepEqual(
      acknowledged.filter((n) => !there.has(n)),
      [],
    );
    assert.ok(acknowledged.length > 0 && refused > 0, `${acknowledged.length} and ${refused}`);
    await server.asSuperuser((admin) => admin.query('DROP TABLE acknowledged'));
    await proxy.close();
  });
});
