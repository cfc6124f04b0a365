'use strict';

// What docs/compat.md says of the inside of a client that isn't as in node-postgres.

const { test, before } = require('node:test');
const assert = require('node:assert/strict');
const { settled } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { postgres } = require('../support/server.js');

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const { Client, Query } = require('../../index.js');

  let server;
  before(async () => {
    server = await postgres();
  });

  test('what waits in the queue of a client is no Query, unless the caller made it one', async () => {
    const client = new Client(server.config());
    await client.connect();
    const answers = [client.query('SELECT 1'), client.query('SELECT 2')];
    assert.equal(client.queryQueue.length, 1);
    assert.equal(client.queryQueue[0] instanceof Query, false);
    assert.equal(client.queryQueue[0].text, 'SELECT 2');
    await Promise.all(answers);
    await client.end();
  });

  test("the stream of a client's connection is no socket", async () => {
    const client = new Client(server.config());
    await client.connect();
    assert.equal(client.connection.stream.remoteAddress, undefined);
    assert.equal(typeof client.connection.stream.write, 'function');
    await client.end();
  });

  test('an unsolicited BindComplete is an error of the client', async (context) => {
    const fake = await fakeServer(async (connection) => {
      await connection.greet();
      connection.send(messages.message('2'));
    });
    context.after(() => fake.close());
    const client = new Client(fake.config());
    const spoiled = new Promise((resolve) => client.once('error', resolve));
    client.on('error', () => {});
    await client.connect();
    assert.match(
      (await settled(spoiled, 'the error')).message,
      /BindComplete|bindComplete|nothing asked for|'2'/,
    );
    await assert.rejects(client.query('SELECT 1'), /not queryable/);
  });
}
