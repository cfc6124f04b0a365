'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { failure } = require('../support/failure');
const { postgres } = require('../support/server');

const endOf = (client) => new Promise((resolve) => client.once('end', resolve));

describe('the connection of a client', () => {
  forBoth(({ pg, ours }) => {
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

    /** Everything that is told of a client's end, in order. */
    const endings = (client) => {
      const told = [];
      const { connection } = client;
      client.on('error', ({ message }) => told.push(message));
      client.on('end', () => told.push('end of the client'));
      connection.on('end', () => told.push('end of the connection'));
      for (const name of ['finish', 'end', 'close']) connection.stream.on(name, () => told.push(name));
      return told;
    };
    const LOST = 'Connection terminated unexpectedly';
    const ENDS = ['end of the connection', 'end of the client'];

    const endTwice = [
      'ended, and its client behind it',
      (client) => (client.connection.end(), client.end()),
      ENDS,
    ];
    for (const [what, end, expected] of [
      ['ended is lost for its client', (client) => client.connection.end(), [LOST, ...ENDS]],
      ['ended by its client', (client) => client.end(), ENDS],
      // node-postgres says goodbye twice then, and the server's reset may come in place of its end.
      ...(ours ? [endTwice] : []),
    ]) {
      test(`that is ${what}, and its stream finishes, ends and closes`, async (context) => {
        const client = await made(context);
        await client.connect();
        const told = endings(client);
        const ended = endOf(client);
        end(client);
        await ended;
        const ofStream = ['finish', 'end', 'close'];
        assert.deepEqual(
          told.filter((what) => ofStream.includes(what)),
          ofStream,
        );
        assert.deepEqual(told.sort(), [...ofStream, ...expected].sort());
        const { stream } = client.connection;
        assert.deepEqual(
          [stream.destroyed, stream.writableFinished, stream.readableEnded],
          [true, true, true],
        );
      });
    }

    for (const [what, prepare] of [
      ['a query under way', (client) => failure(client.query('SELECT pg_sleep(60)'))],
      ['an error behind it', (client) => client.connection.emit('error', new Error('made up'))],
    ]) {
      test(`that is ended by its client with ${what} closes, and its stream neither finishes nor ends`, async (context) => {
        const client = await made(context);
        await client.connect();
        const told = endings(client);
        const ended = endOf(client);
        prepare(client);
        client.end();
        await ended;
        assert.deepEqual(
          told.filter((what) => what !== 'made up'),
          ['end of the connection', 'close', 'end of the client'],
        );
      });
    }

    test('that the server ends has its stream end, finish and close', async (context) => {
      const client = await made(context);
      await client.connect();
      const told = endings(client);
      const ended = endOf(client);
      const server = await postgres();
      await server.asSuperuser((other) => other.query('SELECT pg_terminate_backend($1)', [client.processID]));
      await ended;
      assert.deepEqual(told, [
        'terminating connection due to administrator command',
        'end',
        'finish',
        LOST,
        'end of the connection',
        'close',
        'end of the client',
      ]);
    });

    test('that is ended answers the query under way, and no later one', async (context) => {
      const client = await made(context);
      await client.connect();
      const told = endings(client);
      const ended = endOf(client);
      const answer = client.query('SELECT 1 AS n');
      client.connection.end();
      const late = failure(client.query('SELECT 2'));
      assert.deepEqual((await answer).rows, [{ n: 1 }]);
      await ended;
      assert.match((await late).message, /^Connection terminated/);
      assert.ok(told.includes(LOST));
      await assert.rejects(client.query('SELECT 3'), {
        message: 'Client has encountered a connection error and is not queryable',
      });
    });

    for (const [what, say] of Object.entries({
      'the end of the connection': ({ connection }) => connection.emit('end'),
      'the close of its stream': ({ connection }) => connection.stream.emit('close'),
    })) {
      test(`fails the client by ${what}, as an event`, async (context) => {
        const client = await made(context);
        await client.connect();
        const errors = [];
        client.on('error', ({ message }) => errors.push(message));
        const ended = endOf(client);
        // node-postgres leaves the socket open.
        const { stream } = client.connection;
        context.after(() => stream.destroy());
        say(client);
        await ended;
        assert.deepEqual(errors, [LOST]);
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
