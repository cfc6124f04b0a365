'use strict';

const { describe, test } = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const { once } = require('node:events');
const { serialize } = require('pg-protocol');
const pgfleet = require('../..');
const { failure, eventually, settled } = require('../support/failure.js');
const { fakeServer } = require('../support/fake-server.js');
const { run } = require('../support/program.js');
const { tappedProxy } = require('../support/proxy.js');
const { postgres } = require('../support/server.js');

/** A server that greets, never answers a query, and treats a cancel request as the test says. */
function deafServer(onCancel) {
  return fakeServer(async (connection) => {
    const parameters = await connection.greet();
    if (parameters === null) await onCancel(connection);
    else await connection.gone();
  });
}

const ways = {
  'a native connection': {},
  "a socket of the program's own": { stream: () => new net.Socket() },
};

test('a cancel request goes by the way to the server that the program makes', async () => {
  const server = await postgres();
  const made = [];
  const stream = () => {
    made.push(new net.Socket());
    return made.at(-1);
  };
  const client = new pgfleet.Client(server.config({ stream }));
  await client.connect();
  const query = { text: 'SELECT pg_sleep(600)', query_timeout: 50 };
  assert.equal((await failure(client.query(query))).message, 'Query read timeout');
  await settled(client.query('SELECT 1'), 'the next query');
  await client.end();
  assert.ok(made.length > 1);
  assert.ok(made.every((socket) => socket.bytesWritten > 0));
});

test('a client whose query can not be cancelled, since no stream can be made, loses its connection', async () => {
  const fake = await deafServer(() => {});
  let made = 0;
  const stream = () => {
    made += 1;
    if (made > 1) throw new Error('no more streams');
    return new net.Socket();
  };
  const client = new pgfleet.Client(fake.config({ stream, cancelTimeoutMillis: 100 }));
  client.on('error', () => {}); // told by the query behind
  await client.connect();
  const timedOut = failure(client.query({ text: 'SELECT', query_timeout: 20 }));
  const behind = failure(client.query('SELECT'));
  assert.equal((await settled(timedOut, 'the query')).message, 'Query read timeout');
  assert.match((await settled(behind, 'the query behind')).message, /Connection terminated/);
  await client.end();
  await fake.close();
});

for (const [way, options] of Object.entries(ways)) {
  describe(`a cancel request of ${way}`, () => {
    async function cancelling(fake, more) {
      const client = new pgfleet.Client(fake.config({ ...options, ...more }));
      client.on('error', () => {}); // that it is lost is told by its queries
      await client.connect();
      const query = new pgfleet.Query('SELECT');
      const failed = failure(new Promise((_, reject) => query.once('error', reject)));
      client.query(query);
      const canceller = new pgfleet.Client(fake.config());
      const ended = once(canceller, 'end');
      canceller.cancel(client, query);
      return { client, failed, ended };
    }

    test('is over when the server says anything, of which no more is read', async () => {
      const chunk = Buffer.alloc(64 * 1024, 'N');
      let sent = 0;
      const fake = await deafServer((connection) =>
        connection.flood(() => {
          sent += chunk.length;
          return chunk;
        }),
      );
      const { client, failed, ended } = await cancelling(fake);
      await settled(ended, 'the cancelling');
      await eventually(() => fake.connections[1].socket.destroyed, 'the end of the socket');
      // What fits into the two sockets' buffers, and not the gigabytes that the server has.
      assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes`);
      fake.connections[0].drop();
      await failed;
      await client.end();
      await fake.close();
    });

    test('takes no longer than connectionTimeoutMillis when the server leaves it open', async () => {
      const fake = await deafServer((connection) => connection.gone());
      const { client, failed, ended } = await cancelling(fake, { connectionTimeoutMillis: 300 });
      await settled(ended, 'the cancelling');
      fake.connections[0].drop();
      await failed;
      await client.end();
      await fake.close();
    });

    test('that may still arrive takes its connection with it, so that it hits no other query', async () => {
      const fake = await deafServer((connection) => connection.gone());
      const config = { ...options, connectionTimeoutMillis: 300, cancelTimeoutMillis: 600_000 };
      const client = new pgfleet.Client(fake.config(config));
      client.on('error', () => {}); // told by the query behind
      await client.connect();
      const controller = new AbortController();
      const aborted = failure(client.query({ text: 'SELECT', signal: controller.signal }));
      const behind = failure(client.query('SELECT'));
      controller.abort();
      assert.equal((await settled(aborted, 'the query')).name, 'AbortError');
      assert.match((await settled(behind, 'the query behind')).message, /Connection terminated/);
      await client.end();
      await fake.close();
    });

    test('travels over TLS when its connection does', async () => {
      const server = await postgres();
      const firstBytes = new Map();
      const proxy = await tappedProxy(server, {
        onClientBytes(bytes, { number }) {
          if (!firstBytes.has(number)) firstBytes.set(number, bytes);
        },
      });
      const ssl = { rejectUnauthorized: false };
      const client = new pgfleet.Client(server.config({ ...options, port: proxy.port, ssl }));
      await client.connect();
      const query = { text: 'SELECT pg_sleep(600)', query_timeout: 50 };
      assert.equal((await failure(client.query(query))).message, 'Query read timeout');
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      await client.end();
      await proxy.close();
      assert.ok(firstBytes.size > 1);
      for (const bytes of firstBytes.values()) assert.deepEqual(bytes, serialize.requestSsl());
    });

    test('lets the program exit when it gets no answer, without a limit of its own', async () => {
      const fake = await deafServer((connection) => connection.gone());
      const source = `
        const net = require('node:net');
        const { Client, Query } = require('./index.js');
        const config = JSON.parse(process.env.PROGRAM_TARGET);
        if (config.carried) config.stream = () => new net.Socket();
        const client = new Client(config);
        client.connect().then(() => {
          const query = new Query('SELECT');
          query.on('error', (error) => console.log(error.message));
          client.query(query);
          new Client(config).cancel(client, query);
          client.unref();
          client.end();
          client.connection.stream.destroy();
        });`;
      const config = fake.config({ carried: options.stream !== undefined });
      const outcome = await run({ source }, { env: { PROGRAM_TARGET: JSON.stringify(config) } });
      assert.deepEqual([outcome.code, outcome.stderr], [0, '']);
      await fake.close();
    });
  });
}
