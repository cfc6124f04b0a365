'use strict';

const assert = require('node:assert/strict');
const { createHash } = require('node:crypto');
const { EventEmitter } = require('node:events');
const net = require('node:net');
const { describe, test } = require('node:test');
const { setImmediate: turn } = require('node:timers/promises');
const { forBoth } = require('../support/both');
const { eventually, failure } = require('../support/failure');
const { postgres } = require('../support/server');

const OF_A_QUERY = [
  'rowDescription',
  'dataRow',
  'portalSuspended',
  'emptyQuery',
  'commandComplete',
  'parseComplete',
  'copyInResponse',
  'copyData',
];

const md5 = (...parts) => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** A socket that goes nowhere and keeps what is written. */
class Sink extends EventEmitter {
  constructor() {
    super();
    this.writable = true;
    this.written = [];
    this.calls = [];
  }

  write(bytes) {
    this.written.push(bytes.toString('latin1'));
    return true;
  }

  connect(...target) {
    this.calls.push(['connect', ...target]);
  }

  setNoDelay(on) {
    this.calls.push(['setNoDelay', on]);
  }

  setKeepAlive(...settings) {
    this.calls.push(['setKeepAlive', ...settings]);
  }

  end() {
    this.calls.push(['end']);
  }
}

describe('a Connection of the caller', () => {
  forBoth(({ pg }) => {
    /** A client whose connection writes into a list, and whose server is the test. */
    const scripted = (config) => {
      const connection = new pg.Connection({ stream: new Sink() });
      const sent = [];
      for (const name of ['query', 'parse', 'bind', 'describe', 'execute', 'sync']) {
        connection[name] = (message) => sent.push(name === 'query' ? message : name);
      }
      const client = new pg.Client({ connection, ...config });
      const connected = client.connect();
      connected.catch(() => {});
      connection.emit('connect');
      connection.stream.written.length = 0;
      return { client, connection, sent, connected, stream: connection.stream };
    };

    test('is the one the client uses', async () => {
      const connection = new pg.Connection({ stream: new net.Socket() });
      const client = new pg.Client((await postgres()).config({ connection }));
      await client.connect();
      assert.equal(client.connection, connection);
      assert.deepEqual((await client.query('SELECT $1::int AS n', [1])).rows, [{ n: 1 }]);
      await client.end();
      assert.ok(connection.stream.bytesRead > 0);
    });

    test('has a socket of its own, the one it is given, or one from a function', () => {
      const stream = new Sink();
      assert.ok(new pg.Connection().stream instanceof net.Socket);
      assert.equal(new pg.Connection({ stream }).stream, stream);
      assert.equal(new pg.Connection({ stream: ({ marker }) => marker && stream, marker: 1 }).stream, stream);
    });

    test('connects its stream, with keepalive, and passes its events on', () => {
      const connection = new pg.Connection({
        stream: new Sink(),
        keepAlive: true,
        keepAliveInitialDelayMillis: 7,
      });
      const { stream } = connection;
      const heard = [];
      for (const name of ['connect', 'error', 'end']) {
        connection.on(name, (...args) => heard.push([name, ...args]));
      }
      connection.connect(5432, 'there');
      stream.emit('connect');
      stream.emit('error', 'a');
      stream.emit('close');
      assert.deepEqual(stream.calls, [
        ['setNoDelay', true],
        ['connect', 5432, 'there'],
        ['setKeepAlive', true, 7],
      ]);
      assert.deepEqual(heard, [['connect'], ['error', 'a'], ['end']]);
    });

    test('that is ending does not mind a reset', () => {
      const connection = new pg.Connection({ stream: new Sink() });
      const errors = [];
      connection.on('error', ({ code }) => errors.push(code));
      connection.connect(5432, 'there');
      const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
      connection.stream.emit('error', reset);
      connection.end();
      connection.stream.emit('error', reset);
      assert.deepEqual(errors, ['ECONNRESET']);
    });

    test('tells of every message, by its name and as a message', () => {
      const connection = new pg.Connection({ stream: new Sink() });
      const heard = [];
      connection.on('message', ({ name }) => heard.push(['message', name]));
      connection.on('readyForQuery', ({ status }) => heard.push(['readyForQuery', status]));
      connection.connect(5432, 'there');
      connection.stream.emit('data', Buffer.from([0x5a, 0, 0, 0, 5, 0x54]));
      assert.deepEqual(heard, [
        ['message', 'readyForQuery'],
        ['readyForQuery', 'T'],
      ]);
    });

    test('gets one query after the other, each when the server is ready', () => {
      const { client, connection, sent } = scripted();
      const drained = [];
      client.on('drain', () => drained.push(sent.length));
      for (const text of ['a', 'b', 'c']) client.query(text, () => {});
      assert.deepEqual(sent, []);
      for (let turns = 0; turns < 4; turns++) connection.emit('readyForQuery');
      assert.deepEqual(sent, ['a', 'b', 'c']);
      assert.deepEqual(drained, [3]);
    });

    test('brings the parts of a result', async () => {
      const { client, connection } = scripted();
      const answer = client.query({ text: 'x', rowMode: 'array' });
      connection.emit('readyForQuery');
      connection.emit('rowDescription', { fields: [{ name: 'word' }] });
      connection.emit('dataRow', { fields: ['hi'] });
      connection.emit('commandComplete', { text: 'INSERT 31 1' });
      connection.emit('readyForQuery');
      const { rows, command, oid, rowCount } = await answer;
      assert.deepEqual([rows, command, oid, rowCount], [[['hi']], 'INSERT', 31, 1]);
    });

    test('gets a named statement once', () => {
      const { client, connection, sent } = scripted();
      for (const value of [1, 2]) client.query({ name: 'n', text: 'x', values: [value] }, () => {});
      for (let turns = 0; turns < 2; turns++) {
        connection.emit('readyForQuery');
        connection.emit('parseComplete');
      }
      const again = ['bind', 'describe', 'execute', 'sync'];
      assert.deepEqual(sent, ['parse', ...again, ...again]);
      assert.deepEqual(connection.parsedStatements, { n: 'x' });
    });

    test('fails the query under way with an error message, and the client goes on', async () => {
      const { client, connection, sent } = scripted();
      const [bad, good] = ['bad', 'good'].map((text) => client.query(text));
      connection.emit('readyForQuery');
      connection.emit('errorMessage', new Error('no'));
      assert.deepEqual(sent, ['bad']);
      connection.emit('readyForQuery');
      connection.emit('readyForQuery');
      await assert.rejects(bad, { message: 'no' });
      await good;
    });

    for (const name of OF_A_QUERY) {
      test(`an unsolicited ${name} spoils the client`, async () => {
        const { client, connection } = scripted();
        const errors = [];
        client.on('error', ({ message }) => errors.push(message));
        connection.emit('readyForQuery');
        connection.emit(name, { fields: [] });
        assert.deepEqual(errors, [`Received unexpected ${name} message from backend.`]);
        await assert.rejects(client.query('x'), /not queryable/);
      });
    }

    test('that closes fails what waits', async () => {
      const { client, connection, stream } = scripted();
      client.on('error', () => {});
      connection.emit('readyForQuery');
      const failures = ['a', 'b'].map((text) => failure(client.query(text)));
      stream.emit('close');
      for (const error of await Promise.all(failures)) {
        assert.equal(error.message, 'Connection terminated unexpectedly');
      }
      await turn();
      assert.equal(client._ended, true);
    });

    test('passes on notices, notifications and the keys for cancelling', () => {
      const { client, connection } = scripted();
      const heard = [];
      for (const name of ['notice', 'notification']) client.on(name, (message) => heard.push(message));
      connection.emit('notice', 'a');
      connection.emit('notification', 'b');
      connection.emit('backendKeyData', { processID: 5, secretKey: 6 });
      assert.deepEqual(heard, ['a', 'b']);
      assert.deepEqual([client.processID, client.secretKey], [5, 6]);
    });

    test('is told the password at once, in clear text and as MD5', async () => {
      const { connection, stream } = scripted({ user: 'brian', password: 'secret' });
      connection.emit('authenticationCleartextPassword');
      assert.deepEqual(stream.written, ['p\0\0\0\x0bsecret\0']);
      connection.emit('authenticationMD5Password', { salt: Buffer.from([1, 2, 3, 4]) });
      await eventually(() => stream.written.length > 1, 'an answer');
      const salted = [md5('secretbrian'), Buffer.from([1, 2, 3, 4])];
      assert.equal(stream.written[1], `p\0\0\0\x28md5${md5(...salted)}\0`);
    });

    test('hears why there will be no connection', async () => {
      const { connection, connected } = scripted({ password: 'secret' });
      const errors = [];
      connection.on('error', ({ message }) => errors.push(message));
      connection.emit('authenticationSASL', { mechanisms: ['OTHER'] });
      const error = await failure(connected);
      assert.match(error.message, /^SASL: Only mechanism\(s\) SCRAM-SHA-256 are supported/);
      assert.deepEqual(errors, [error.message]);
    });
  });
});
