'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { eventually, settled } = require('../support/failure');
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

describe('an unsolicited message', () => {
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

    const SAID = [...TEXTS, ['error', messages.errorResponse(), 'made-up failure']];
    const users = {
      'a query of a pool': (pool) => pool.query('SELECT 1'),
      'a query of a pool that lends clients as well': async (pool) => {
        const client = await pool.connect();
        await client.query('SELECT 0');
        client.release();
        return pool.query('SELECT 1');
      },
    };
    for (const [whose, use] of Object.entries(users)) {
      for (const [name, bytes, text] of SAID) {
        test(`${name} in one segment with the answer to ${whose} is one error of the pool`, async (context) => {
          const fake = await fakeServer(async (connection) => {
            await connection.greet();
            for (let query; (query = await connection.readUntil('Q'));) {
              const isSpoiled = query.body.includes('SELECT 1');
              connection.send(messages.oneRow('a'), isSpoiled ? bytes : Buffer.alloc(0));
            }
          });
          context.after(() => fake.close());
          const pool = new pg.Pool(fake.config({ max: 1 }));
          const told = [];
          pool.on('error', (error, client) => told.push([error.message, error.client === client]));
          assert.deepEqual((await settled(use(pool), 'the query')).rows, [{ value: 'a' }]);
          await eventually(() => told.length > 0, 'the error');
          assert.equal(pool.totalCount, 0);
          assert.deepEqual((await settled(pool.query('SELECT 2'), 'the next query')).rows, [{ value: 'a' }]);
          assert.equal(fake.connections.length, 2);
          assert.deepEqual(told, [[text, true]]);
          await pool.end();
        });
      }
    }

    test('a notice in one segment with the answer to a query of a pool costs nothing', async (context) => {
      const fake = await fakeServer(async (connection) => {
        await connection.greet();
        while (await connection.readUntil('Q'))
          connection.send(messages.oneRow('a'), messages.noticeResponse());
      });
      context.after(() => fake.close());
      const pool = new pg.Pool(fake.config({ max: 1 }));
      const told = [];
      pool.on('error', (error) => told.push(error.message));
      for (let count = 0; count < 3; count += 1) await settled(pool.query('SELECT 1'), 'the query');
      assert.deepEqual([told, pool.totalCount, fake.connections.length], [[], 1, 1]);
      await pool.end();
    });

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

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const { Pool } = require('../..');

  // With node-postgres the next query gets the stray message for an answer.
  test('requests that wait while a connection is spoiled get another one', async (context) => {
    const fake = await fakeServer(async (connection) => {
      await connection.greet();
      for (let count = 0; await connection.readUntil('Q'); count += 1) {
        const stray = connection.number === 0 && count === 0 ? messages.dataRow('x') : Buffer.alloc(0);
        connection.send(messages.oneRow(String(connection.number)), stray);
      }
    });
    context.after(() => fake.close());
    const pool = new Pool(fake.config({ max: 1 }));
    const told = [];
    pool.on('error', (error) => told.push(error.message));
    const results = await settled(
      Promise.all([1, 2, 3].map((number) => pool.query(`SELECT ${number}`))),
      'all',
    );
    assert.deepEqual(
      results.map(({ rows }) => rows[0].value),
      ['0', '1', '1'],
    );
    assert.deepEqual(told, ['Received unexpected dataRow message from backend.']);
    await pool.end();
  });
}
