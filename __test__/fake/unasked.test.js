'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { settled } = require('../support/failure');
const { fakeServer, messages } = require('../support/fake-server');

const { int16, message } = messages;

const UNASKED = {
  rowDescription: messages.rowDescription('a'),
  dataRow: messages.dataRow('x'),
  portalSuspended: message('s'),
  emptyQuery: messages.emptyQueryResponse(),
  commandComplete: messages.commandComplete('SELECT 1'),
  parseComplete: messages.parseComplete(),
  copyInResponse: message('G', Buffer.from([0]), int16(0)),
  copyData: message('d', Buffer.from('x')),
};

describe('a message that nobody asked for', () => {
  forBoth(({ pg }) => {
    const TEXTS = Object.entries(UNASKED).map(([name, bytes]) => [
      name,
      bytes,
      `Received unexpected ${name} message from backend.`,
    ]);
    for (const [name, bytes, text] of [
      ...TEXTS,
      ['unknown', message('?'), 'received invalid response: 3f'],
    ]) {
      test(`${name} is an error of the client, which is of no more use`, async (context) => {
        const fake = await fakeServer(async (connection) => {
          await connection.greet();
          connection.send(bytes);
        });
        context.after(() => fake.close());
        const client = new pg.Client(fake.config());
        const spoiled = new Promise((resolve) => client.once('error', resolve));
        client.on('error', () => {});
        await client.connect();
        const error = await settled(spoiled, 'the error');
        assert.equal(error.message, text);
        await assert.rejects(client.query('SELECT 1'), {
          message: 'Client has encountered a connection error and is not queryable',
        });
        client.connection.stream.destroy();
      });
    }

    test('a connection that breaks under a query tells its client once', async (context) => {
      const fake = await fakeServer(async (connection) => {
        await connection.greet();
        await connection.read();
        connection.socket.end();
      });
      context.after(() => fake.close());
      const client = new pg.Client(fake.config());
      const told = [];
      client.on('error', ({ message: text }) => told.push(text));
      const ended = new Promise((resolve) => client.once('end', resolve));
      await client.connect();
      for (const name of ['first', 'second']) client.query('SELECT 1', () => told.push(name));
      await settled(ended, 'the end');
      assert.deepEqual(told, ['Connection terminated unexpectedly', 'first', 'second']);
    });
  });
});
