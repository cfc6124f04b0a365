'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { failure } = require('../support/failure');
const { postgres } = require('../support/server');

const endOf = (client) => new Promise((resolve) => client.once('end', resolve));

describe('the connection of a client', () => {
  forBoth(({ pg }) => {
    const made = async (context) => {
      const client = new pg.Client((await postgres()).config());
      context.after(() => client.end());
      return client;
    };

    test('tells what the server says of itself while it is opened', async (context) => {
      const client = await made(context);
      const told = [];
      const parameters = new Map();
      client.connection.on('parameterStatus', ({ parameterName, parameterValue }) =>
        parameters.set(parameterName, parameterValue),
      );
      for (const name of ['connect', 'backendKeyData', 'readyForQuery']) {
        client.connection.on(name, (message) => told.push([name, message]));
      }
      await client.connect();
      const { rows } = await client.query('SHOW server_version');
      assert.equal(parameters.get('server_version'), rows[0].server_version);
      assert.equal(parameters.get('standard_conforming_strings'), 'on');
      assert.deepEqual(told[0], ['connect', undefined]);
      assert.deepEqual({ ...told[1][1] }, { ...told[1][1], processID: client.processID, length: 12 });
      assert.deepEqual({ ...told[2][1] }, { name: 'readyForQuery', status: 'I', length: 5 });
    });

    test('tells of settings that change, notices and notifications', async (context) => {
      const client = await made(context);
      await client.connect();
      const told = [];
      client.connection.on('parameterStatus', (message) => told.push({ ...message }));
      client.connection.on('notice', ({ message }) => told.push(message));
      client.connection.on('notification', ({ channel }) => told.push(channel));
      await client.query("SET application_name = 'café'");
      await client.query("DO $$ BEGIN RAISE NOTICE 'look'; END $$");
      await client.query('LISTEN there; NOTIFY there');
      await client.query('SELECT 1');
      const name = 'parameterStatus';
      const [changed, ...rest] = told;
      assert.deepEqual(changed, {
        name,
        parameterName: 'application_name',
        parameterValue: changed.parameterValue,
        length: 4 + 'application_name'.length + 1 + changed.parameterValue.length + 1,
      });
      assert.deepEqual(rest, ['look', 'there']);
    });

    test('whose stream is destroyed with an error fails the client with it', async (context) => {
      const client = await made(context);
      await client.connect();
      const ended = endOf(client);
      const told = [];
      client.on('error', ({ message }) => told.push(message));
      const answer = failure(client.query('SELECT pg_sleep(60)')).then(({ message }) => told.push(message));
      client.connection.stream.destroy(new Error('cut'));
      await ended;
      await answer;
      assert.deepEqual(told, ['cut', 'cut', 'Connection terminated unexpectedly']);
    });

    for (const [whose, emitter] of Object.entries({
      'an error event': ({ connection }) => connection,
      'an error event of the stream': ({ connection }) => connection.stream,
    })) {
      test(`fails the client by ${whose}`, async (context) => {
        const client = await made(context);
        await client.connect();
        const errors = [];
        client.on('error', ({ message }) => errors.push(message));
        emitter(client).emit('error', new Error('made up'));
        assert.deepEqual(errors, ['made up']);
        await assert.rejects(client.query('SELECT 1'), /not queryable/);
      });
    }

    for (const [how, close] of Object.entries({
      destroyed: (stream) => stream.destroy(),
      ended: (stream) => stream.end(),
    })) {
      test(`whose stream is ${how} ends`, async (context) => {
        const client = await made(context);
        await client.connect();
        const ended = endOf(client);
        const { stream } = client.connection;
        const told = [];
        client.on('error', ({ message }) => told.push(message));
        stream.on('close', () => told.push('close'));
        client.connection.on('end', () => told.push('end of the connection'));
        close(stream);
        await ended;
        assert.deepEqual(told.sort(), [
          'Connection terminated unexpectedly',
          'close',
          'end of the connection',
        ]);
        assert.deepEqual([stream.destroyed, stream.writable], [true, false]);
      });
    }
  });
});
