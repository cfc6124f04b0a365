'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { beforeEach, afterEach, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { Duel } = require('../values/duel');
const { portrait } = require('../values/portrait');
const { postgres } = require('../support/server');

describe('events of a client', () => {
  forBoth(({ pg }) => {
    let client;
    let server;
    beforeEach(async () => {
      server = await postgres();
      client = new pg.Client(server.config());
      await client.connect();
    });
    afterEach(() => client.end());

    test('notice brings what the server raised, before the query that raised it has ended', async () => {
      const seen = [];
      client.on('notice', (notice) =>
        seen.push([notice.severity, notice.message, notice.detail, notice.code]),
      );
      await client.query(`DO $$ BEGIN
        RAISE NOTICE 'first';
        RAISE WARNING 'second' USING DETAIL = 'with detail', ERRCODE = '01XYZ';
        RAISE NOTICE 'é 日本 😀';
      END $$`);
      assert.deepEqual(seen, [
        ['NOTICE', 'first', undefined, '00000'],
        ['WARNING', 'second', 'with detail', '01XYZ'],
        ['NOTICE', 'é 日本 😀', undefined, '00000'],
      ]);
    });

    test('notice is no Error and says so by its name', async () => {
      const [[notice]] = await Promise.all([
        once(client, 'notice'),
        client.query("DO $$ BEGIN RAISE NOTICE 'x'; END $$"),
      ]);
      assert.equal(notice instanceof Error, false);
      assert.equal(notice.name, 'notice');
    });

    test('a notice without a listener does no harm', async () => {
      await client.query("DO $$ BEGIN RAISE NOTICE 'unheard'; END $$");
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('notification brings channel, payload and process', async () => {
      await client.query('LISTEN "a Channel"');
      const heard = once(client, 'notification');
      await server.asSuperuser((other) => other.query("SELECT pg_notify('a Channel', 'é payload')"));
      const [message] = await heard;
      assert.equal(message.channel, 'a Channel');
      assert.equal(message.payload, 'é payload');
      assert.equal(typeof message.processId, 'number');
      assert.notEqual(message.processId, client.processID);
    });

    test('notification comes to the client that notified, with an empty payload when none was given', async () => {
      await client.query('LISTEN mine');
      const heard = once(client, 'notification');
      await client.query('NOTIFY mine');
      const [message] = await heard;
      assert.equal(message.payload, '');
      assert.equal(message.processId, client.processID);
    });

    test('notifications come in the order in which they were sent', async () => {
      await client.query('LISTEN counted');
      const payloads = [];
      const all = new Promise((resolve) => {
        client.on('notification', ({ payload }) => {
          payloads.push(Number(payload));
          if (payloads.length === 200) resolve();
        });
      });
      await server.asSuperuser((other) =>
        other.query("SELECT pg_notify('counted', n::text) FROM generate_series(1, 200) n"),
      );
      await all;
      assert.deepEqual(
        payloads,
        Array.from({ length: 200 }, (_, index) => index + 1),
      );
    });

    test('drain comes when the last waiting query has ended, and after its callback', async () => {
      const order = [];
      client.on('drain', () => order.push('drain'));
      const drained = once(client, 'drain');
      client.query('SELECT 1', () => order.push('first'));
      client.query('SELECT 2', () => order.push('second'));
      await drained;
      assert.deepEqual(order, ['first', 'second', 'drain']);
    });

    test('drain comes after a query that failed too', async () => {
      const drained = once(client, 'drain');
      await assert.rejects(client.query('SELECT 1 / 0'), { code: '22012' });
      await drained;
    });

    test('an idle client whose backend is terminated emits error and then end', async () => {
      const order = [];
      client.on('error', (error) => order.push(['error', error.message, error.code]));
      const ended = new Promise((resolve) => {
        client.on('end', () => {
          order.push(['end']);
          resolve();
        });
      });
      await server.asSuperuser((other) => other.query('SELECT pg_terminate_backend($1)', [client.processID]));
      await ended;
      assert.deepEqual(order[0], ['error', 'terminating connection due to administrator command', '57P01']);
      assert.deepEqual(order.at(-1), ['end']);
      await assert.rejects(client.query('SELECT 1'), {
        message: 'Client has encountered a connection error and is not queryable',
      });
    });

    test('a query in flight when the backend is terminated is rejected, and so are those behind it', async () => {
      const errors = [];
      client.on('error', (error) => errors.push(error.message));
      const running = client.query('SELECT pg_sleep(600)');
      const waiting = client.query('SELECT 1');
      const outcomes = Promise.allSettled([running, waiting]);
      const ended = new Promise((resolve) => client.on('end', resolve));
      await server.asSuperuser(async (other) => {
        let gone = false;
        while (!gone) {
          const { rows } = await other.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%'",
            [client.processID],
          );
          gone = rows.length > 0;
        }
      });
      const [first, second] = await outcomes;
      await ended;
      assert.equal(first.reason.code, '57P01');
      assert.equal(second.reason.message, 'Connection terminated unexpectedly');
      assert.deepEqual(errors, ['Connection terminated unexpectedly']);
      await assert.rejects(client.query('SELECT 1'), {
        message: 'Client has encountered a connection error and is not queryable',
      });
    });

    test('a query that the server breaks off fails before the client reports it', async () => {
      const told = [];
      client.on('error', ({ message }) => told.push(message));
      client.on('end', () => told.push('end'));
      const ended = new Promise((resolve) => client.once('end', resolve));
      client.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(({ code }) => told.push(code));
      client.query('SELECT 1', () => told.push('the next one'));
      await ended;
      assert.deepEqual(told, ['57P01', 'Connection terminated unexpectedly', 'the next one', 'end']);
    });

    for (const [how, lose, before] of [
      [
        'its backend is terminated',
        () => client.query('SELECT pg_terminate_backend(pg_backend_pid())'),
        ['57P01'],
      ],
      ['its stream is destroyed', async () => client.connection.stream.destroy(), [undefined]],
    ]) {
      test(`the promises of what is waiting are rejected when the client has told of the loss: ${how}`, async () => {
        const told = [];
        client.on('error', ({ message }) => told.push(message));
        client.on('end', () => told.push('end'));
        await lose().then(
          () => told.push(undefined),
          ({ code }) => told.push(code),
        );
        await client.query('SELECT pg_sleep(600)').catch(({ message }) => told.push(`rejected: ${message}`));
        const lost = 'Connection terminated unexpectedly';
        assert.deepEqual(told, [...before, lost, 'end', `rejected: ${lost}`]);
      });
    }
  });

  test('a notice and a notification look the same as with pg', async () => {
    const server = await postgres();
    const duel = await Duel.open(server.config());
    const heard = async (client) => {
      const notice = once(client, 'notice');
      const notification = once(client, 'notification');
      await client.query("LISTEN looks; DO $$ BEGIN RAISE WARNING 'x' USING HINT = 'h', TABLE = 't'; END $$");
      await client.query("NOTIFY looks, 'p'");
      const [[first], [second]] = await Promise.all([notice, notification]);
      return [{ ...first }, { ...second, processId: second.processId === client.processID }].map(portrait);
    };
    const expected = await heard(duel.oracle);
    const got = await heard(duel.contender);
    await duel.close();
    assert.deepEqual(got, expected);
  });
});
