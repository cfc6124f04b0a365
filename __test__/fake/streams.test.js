'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { failure, settled } = require('../support/failure');
const { fakeServer, messages } = require('../support/fake-server');

const { message, int16, int32 } = messages;

const copyIn = message('G', Buffer.from([0]), int16(0));
const copyOut = message('H', Buffer.from([0]), int16(0));
const copyBoth = message('W', Buffer.from([0]), int16(0));
const portalOpened = Buffer.concat([
  messages.parseComplete(),
  messages.bindComplete(),
  messages.rowDescription('value'),
]);

/**
 * What a stream's server says, until something strange comes: each word is said when the client has sent a message of
 * that type.
 *
 * @type {Record<string, { kind: string, script: [string, Buffer | null][] }>}
 */
const STATES = {
  'a copy-from stream before its turn to send': { kind: 'from', script: [['Q', null]] },
  'a copy-from stream that sends': {
    kind: 'from',
    script: [
      ['Q', copyIn],
      ['d', null],
    ],
  },
  'a copy-from stream that has sent all': {
    kind: 'from',
    script: [
      ['Q', copyIn],
      ['c', null],
    ],
  },
  'a copy-to stream before its data': { kind: 'to', script: [['Q', null]] },
  'a copy-to stream in its data': {
    kind: 'to',
    script: [['Q', Buffer.concat([copyOut, message('d', Buffer.from('1\n'))])]],
  },
  'a copy-to stream behind its data': { kind: 'to', script: [['Q', Buffer.concat([copyOut, message('c')])]] },
  'a copy-both stream before its data': { kind: 'both', script: [['Q', null]] },
  'a copy-both stream in its data': {
    kind: 'both',
    script: [['Q', Buffer.concat([copyBoth, message('d', Buffer.from('1'))])]],
  },
  'a query stream before its columns': { kind: 'QueryStream', script: [['H', null]] },
  'a query stream before its page': {
    kind: 'QueryStream',
    script: [
      ['H', portalOpened],
      ['E', null],
    ],
  },
  'a query stream in its page': {
    kind: 'QueryStream',
    script: [
      ['H', portalOpened],
      ['E', messages.dataRow('1')],
    ],
  },
  'a query stream behind its page': {
    kind: 'QueryStream',
    script: [
      ['H', portalOpened],
      ['E', Buffer.concat([messages.dataRow('1'), message('s')])],
    ],
  },
  'a query stream behind its last page': {
    kind: 'QueryStream',
    script: [
      ['H', portalOpened],
      ['E', Buffer.concat([messages.dataRow('1'), messages.commandComplete('SELECT 1')])],
    ],
  },
};

const withLength = (type, length, rest = '') =>
  Buffer.concat([Buffer.from(type), int32(length), Buffer.from(rest)]);

/** Messages that can't be read, and each one that can: most of those have no place in a stream. */
const STRANGE = {
  'a length of zero': withLength('C', 0),
  'a negative length': withLength('d', -1),
  'a length of two gigabytes': withLength('D', 0x7fffffff),
  'half a message': withLength('d', 1000, 'x'),
  'an error without its end': message('E', Buffer.from('SERROR\0C42601\0Mhalf')),
  'a tag without its end': message('C', Buffer.from('COPY 1')),
  'a readiness with a status that does not exist': message('Z', Buffer.from('?')),
  'a type that does not exist': message('?', 'what'),
  'a web page': Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  authentication: messages.authenticationOk(),
  'a second key': messages.backendKeyData(1, 2),
  'leave to send': copyIn,
  'leave to send, twice': Buffer.concat([copyIn, copyIn]),
  'the beginning of data': copyOut,
  'the beginning of data both ways': copyBoth,
  data: message('d', Buffer.from('1\n')),
  'the end of data': message('c'),
  'a row': messages.dataRow('1'),
  'a row of another shape': messages.dataRow('1', '2'),
  columns: messages.rowDescription('a', 'b'),
  'no columns': messages.noData(),
  'a page that is full': message('s'),
  'an empty query': messages.emptyQueryResponse(),
  'a bound portal': messages.bindComplete(),
  'a closed portal': message('3'),
  'a readiness': messages.readyForQuery(),
  'an error': messages.errorResponse(),
  'an error and a readiness': Buffer.concat([messages.errorResponse(), messages.readyForQuery()]),
};

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const { Client, Cursor, Pool, QueryStream, copyStreams } = require('../..');
  const MAKERS = { ...copyStreams, QueryStream: (text) => new QueryStream(text) };

  /** A server that follows the script, says the strange thing, and is gone. */
  function strangeServer(script, strange) {
    return fakeServer(async (connection) => {
      await connection.greet();
      for (const [type, word] of script) {
        if (!(await connection.readUntil(type))) return;
        if (word !== null) connection.send(word);
      }
      connection.finish(strange);
    });
  }

  function use(stream, kind) {
    stream.on('error', () => undefined);
    if (kind === 'from' || kind === 'both') {
      stream.write('1\n');
      setImmediate(() => setImmediate(() => stream.end()));
    }
    if (kind !== 'from') stream.resume();
  }

  describe('a server that makes no sense to a stream', () => {
    for (const [state, { kind, script }] of Object.entries(STATES)) {
      test(`anything strange in ${state} ends it and the client, and it is not taken for the end of a copy`, async () => {
        for (const [what, strange] of Object.entries(STRANGE)) {
          for (const isPooled of [false, true]) {
            const fake = await strangeServer(script, strange);
            const owner = new (isPooled ? Pool : Client)(fake.config());
            owner.on('error', () => undefined);
            if (!isPooled) await owner.connect();
            const stream = MAKERS[kind]('COPY things FROM STDIN');
            const told = [];
            stream.on('finish', () => told.push('finish'));
            const closed = new Promise((resolve) => stream.once('close', resolve));
            const given = Promise.allSettled([owner.query(stream)]);
            use(stream, kind);
            const where = `${what}${isPooled ? ' on a pool' : ''}`;
            await settled(closed, `the stream after ${where}`);
            await settled(given, `the promise after ${where}`);
            assert.deepEqual(told, [], where);
            await settled(owner.end(), `the end after ${where}`);
            await fake.close();
          }
        }
      });
    }
  });

  describe('a server that brings more than was asked for, or takes less', () => {
    test('rows beyond the page are refused, and never kept', async () => {
      const rows = Buffer.concat(Array(100).fill(messages.dataRow('x'.repeat(1000))));
      // A hundred megabytes, if the client reads them.
      let sent = 0;
      let close;
      const closed = new Promise((resolve) => (close = resolve));
      const fake = await fakeServer(async (connection) => {
        await connection.greet();
        await connection.readUntil('E');
        connection.send(portalOpened);
        connection.socket.once('close', close);
        while (!connection.socket.destroyed && sent < 1000) {
          sent++;
          if (connection.socket.write(rows)) continue;
          const drained = new Promise((resolve) => connection.socket.once('drain', resolve));
          await Promise.race([drained, closed]);
        }
      });
      const client = new Client(fake.config());
      client.on('error', () => undefined);
      await client.connect();
      const error = await settled(failure(client.query(new Cursor('SELECT')).read(10)), 'the page');
      assert.match(error.message, /more rows than were asked for/);
      await settled(closed, 'the socket');
      assert.ok(sent < 1000, 'it was read to its end');
      await client.end();
      await fake.close();
    });

    test('a page may be as long as it was asked for, and all rows may be asked for', async () => {
      const page = Buffer.concat([messages.dataRow('1'), messages.dataRow('2')]);
      const fake = await fakeServer(async (connection) => {
        await connection.greet();
        await connection.readUntil('E');
        connection.send(portalOpened, page, message('s'));
        await connection.readUntil('E');
        connection.send(page, page, messages.commandComplete('SELECT 6'));
        await connection.readUntil('S');
        connection.send(messages.readyForQuery());
        await connection.gone();
      });
      const client = new Client(fake.config());
      await client.connect();
      const cursor = client.query(new Cursor('SELECT'));
      assert.equal((await settled(cursor.read(2), 'the page')).length, 2);
      assert.equal((await settled(cursor.read(0), 'the rest')).length, 4);
      await client.end();
      await fake.close();
    });

    test('a page that is too short is not the end of a query stream', async () => {
      const fake = await fakeServer(async (connection) => {
        await connection.greet();
        await connection.readUntil('E');
        connection.send(portalOpened, messages.dataRow('1'), message('s'));
        await connection.readUntil('E');
        connection.send(message('s'));
        await connection.readUntil('E');
        connection.send(messages.dataRow('2'), messages.commandComplete('SELECT 2'));
        await connection.readUntil('S');
        connection.send(messages.readyForQuery());
        await connection.gone();
      });
      const client = new Client(fake.config());
      await client.connect();
      const rows = await settled(client.query(new QueryStream('SELECT')).toArray(), 'the rows');
      assert.deepEqual(rows, [{ value: '1' }, { value: '2' }]);
      await client.end();
      await fake.close();
    });

    /** A server that lets data be sent and takes none, until it is told to. */
    const deafServer = () => {
      let listen;
      const listening = new Promise((resolve) => (listen = resolve));
      const server = fakeServer(async (connection) => {
        await connection.greet();
        await connection.readUntil('Q');
        connection.send(copyIn);
        connection.socket.pause();
        const last = await listening;
        if (last) connection.send(last);
        connection.socket.resume();
        while (await connection.readUntil('Q')) connection.send(messages.oneRow());
      });
      return server.then((fake) => ({ fake, listen }));
    };

    test('a writer that writes a little in each turn is held back by a server that takes nothing', async () => {
      const { fake, listen } = await deafServer();
      const client = new Client(fake.config());
      client.on('error', () => undefined);
      await client.connect();
      const stream = client.query(copyStreams.from('COPY things FROM STDIN'));
      stream.on('error', () => undefined);
      const chunk = Buffer.alloc(60_000);
      let accepted = 0;
      // What the two sockets keep is a few megabytes.
      while (accepted < 64_000_000 && stream.write(chunk)) {
        accepted += chunk.length;
        await new Promise(setImmediate);
      }
      assert.ok(accepted < 64_000_000, 'it was never held back');
      const drained = once(stream, 'drain');
      listen();
      await settled(drained, 'the room for more');
      await client.end();
      await fake.close();
    });

    test('a copy that fails while its data waits to be taken fails once, and the client goes on', async () => {
      const { fake, listen } = await deafServer();
      const client = new Client(fake.config());
      await client.connect();
      const stream = client.query(copyStreams.from('COPY things FROM STDIN'));
      const failed = once(stream, 'error');
      for (let n = 0; n < 200; n++) stream.write(Buffer.alloc(100_000));
      stream.end();
      await new Promise((resolve) => setTimeout(resolve, 50));
      listen(Buffer.concat([messages.errorResponse({ C: '22P02' }), messages.readyForQuery()]));
      assert.equal((await settled(failed, 'the error'))[0].code, '22P02');
      const { rows } = await settled(client.query('SELECT 1'), 'the next query');
      assert.deepEqual(rows, [{ value: '1' }]);
      await client.end();
      await fake.close();
    });
  });
}
