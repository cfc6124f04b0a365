'use strict';

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { randomBytes } = require('node:crypto');
const { before, beforeEach, afterEach, describe, test } = require('node:test');
const pgfleet = require('../..');
const { eventually, failure, settled } = require('../support/failure');
const { guideConfig } = require('../support/managers');
const { run } = require('../support/program');
const { tappedProxy } = require('../support/proxy');
const { postgres } = require('../support/server');

const unique = () => `channel_${randomBytes(6).toString('hex')}`;

describe('pool.listen', () => {
  let server;
  let pool;
  let name;
  before(async () => {
    server = await postgres();
  });
  beforeEach(() => {
    name = unique();
    pool = new pgfleet.Pool(server.config({ max: 2, application_name: name }));
  });
  afterEach(() => pool[Symbol.asyncDispose]());

  const notify = (channel, payload) => pool.query('SELECT pg_notify($1, $2)', [channel, payload]);
  const asSuperuser = (sql, values) =>
    server.asSuperuser(async (client) => (await client.query(sql, values)).rows);
  const listeners = () =>
    asSuperuser("SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND query LIKE '%LISTEN%'", [
      name,
    ]);
  const kill = (sql = "query LIKE '%LISTEN%'") =>
    asSuperuser(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND ${sql}`,
      [name],
    );

  /** A handler that keeps what it gets, and a promise for the n-th message. */
  function mailbox() {
    const messages = [];
    const handler = (message) => messages.push(message);
    return {
      messages,
      handler,
      until: (count) => eventually(() => messages.length >= count, `${count} messages`),
    };
  }

  test('hands over each notification with channel, payload and sender', async () => {
    const channel = unique();
    const { messages, handler, until } = mailbox();
    const subscription = await pool.listen(channel, handler);
    assert.equal(subscription.channel, channel);
    await notify(channel, 'hello');
    await notify(channel, '');
    await until(2);
    assert.deepEqual(
      messages.map((message) => [message.channel, message.payload, typeof message.processId]),
      [
        [channel, 'hello', 'number'],
        [channel, '', 'number'],
      ],
    );
  });

  test('takes the channel as it is, not as SQL', async () => {
    for (const channel of ['Mixed Case', 'quo"te', "it's; DROP TABLE x", 'ключ', 'a'.repeat(63)]) {
      const { messages, handler, until } = mailbox();
      await pool.listen(channel, handler);
      await notify(channel, channel);
      await until(1);
      assert.equal(messages[0].payload, channel);
    }
  });

  test('refuses arguments that can’t be', async () => {
    const nothing = () => undefined;
    for (const all of [
      ['', nothing],
      [undefined, nothing],
      ['a\0b', nothing],
      ['a'.repeat(64), nothing],
      ['ok'],
      ['ok', nothing, { onGap: 1 }],
      ['ok', nothing, null],
    ]) {
      assert.ok((await failure(pool.listen(...all))) instanceof TypeError, String(all));
    }
    assert.deepEqual(await listeners(), []);
  });

  test('uses one connection for all channels, beside those of the pool', async () => {
    const channels = Array.from({ length: 8 }, unique);
    const { messages, handler, until } = mailbox();
    await Promise.all(channels.map((channel) => pool.listen(channel, handler)));
    assert.equal(pool.totalCount, 0);
    assert.equal((await listeners()).length, 1);
    await Promise.all(channels.map((channel) => notify(channel, channel)));
    await until(channels.length);
    assert.deepEqual(messages.map(({ payload }) => payload).sort(), [...channels].sort());
  });

  test('several handlers of a channel each get it, and unlisten takes one out', async () => {
    const channel = unique();
    const [first, second] = [mailbox(), mailbox()];
    const subscription = await pool.listen(channel, first.handler);
    await pool.listen(channel, second.handler);
    await notify(channel, '1');
    await Promise.all([first.until(1), second.until(1)]);
    await subscription.unlisten();
    await subscription.unlisten();
    await notify(channel, '2');
    await second.until(2);
    assert.equal(first.messages.length, 1);
  });

  test('the last unlisten closes the connection, and a later listen opens another', async () => {
    const channel = unique();
    const subscription = await pool.listen(channel, () => undefined);
    await subscription[Symbol.asyncDispose]();
    await eventually(async () => (await listeners()).length === 0, 'no connection');
    const { handler, until } = mailbox();
    await pool.listen(channel, handler);
    await notify(channel, 'again');
    await until(1);
  });

  test('unlisten of one channel leaves the others', async () => {
    const [one, other] = [unique(), unique()];
    const [first, second] = [mailbox(), mailbox()];
    const subscription = await pool.listen(one, first.handler);
    await pool.listen(other, second.handler);
    await subscription.unlisten();
    await notify(one, 'x');
    await notify(other, 'y');
    await second.until(1);
    assert.deepEqual(first.messages, []);
  });

  test('comes back by itself after a lost connection, and reports the gap', async () => {
    const [one, other] = [unique(), unique()];
    const gaps = [];
    const { messages, handler, until } = mailbox();
    await pool.listen(one, handler, { onGap: (gap) => gaps.push(gap) });
    await pool.listen(other, handler, { onGap: (gap) => gaps.push(gap) });
    const before = new Date();
    await kill();
    await eventually(() => gaps.length === 2, 'two gaps');
    assert.deepEqual(gaps.map(({ channel }) => channel).sort(), [one, other].sort());
    for (const gap of gaps) {
      assert.equal(gap.error.code, '57P01');
      assert.ok(gap.attempts >= 1);
      assert.ok(before <= gap.lostAt && gap.lostAt <= gap.resumedAt);
    }
    await notify(one, '1');
    await notify(other, '2');
    await until(2);
    assert.deepEqual(messages.map(({ payload }) => payload).sort(), ['1', '2']);
  });

  test('tells the pool’s error listeners of the loss', async () => {
    const told = new Promise((resolve) => pool.once('error', (...all) => resolve(all)));
    await pool.listen(unique(), () => undefined);
    await kill();
    const [error, client] = await settled(told, 'the event');
    assert.equal(error.code, '57P01');
    assert.ok(client instanceof pgfleet.Client);
  });

  test('keeps trying while the server can’t be reached', async () => {
    const proxy = await tappedProxy(server);
    const distant = new pgfleet.Pool(
      server.config({ host: proxy.host, port: proxy.port, application_name: name }),
    );
    const channel = unique();
    const gaps = [];
    const { handler, until } = mailbox();
    await distant.listen(channel, handler, { onGap: (gap) => gaps.push(gap) });
    const lost = new Promise((resolve) => distant.once('error', resolve));
    await proxy.close();
    await settled(lost, 'the loss');
    const refused = await failure(distant.listen(unique(), handler));
    assert.equal(refused.code, 'ECONNREFUSED');
    const again = await reopen(proxy.port, server);
    await eventually(() => gaps.length === 1, 'the gap');
    assert.ok(gaps[0].attempts >= 1);
    assert.equal(gaps[0].channel, channel);
    await notify(channel, 'back');
    await until(1);
    await distant.end();
    await again.close();
  });

  test('rejects when the first connection can’t be made, and tries no further', async () => {
    const wrong = new pgfleet.Pool(server.config({ database: 'no_such_database' }));
    const error = await failure(wrong.listen(unique(), () => undefined));
    assert.equal(error.code, '3D000');
    await wrong.end();
  });

  test('a handler that throws reaches uncaughtException and takes nothing with it', async () => {
    const source = `
      const { Pool } = require('./index.js');
      const seen = [];
      process.on('uncaughtException', (error) => seen.push(error.message));
      (async () => {
        const pool = new Pool(process.env.DATABASE_URL ? { connectionString: process.env.DATABASE_URL } : {});
        let second;
        const done = new Promise((resolve) => { second = resolve; });
        let count = 0;
        await pool.listen('thrower', () => {
          count += 1;
          if (count === 2) second();
          throw new Error('handler ' + count);
        });
        await pool.query("NOTIFY thrower, '1'");
        await pool.query("NOTIFY thrower, '2'");
        await done;
        await pool.end();
        console.log(seen.join(', '));
      })();`;
    const outcome = await run({ source }, { env: { DATABASE_URL: server.url() } });
    assert.equal(outcome.stderr, '');
    assert.equal(outcome.stdout, 'handler 1, handler 2\n');
  });

  test('handlers run in the asynchronous context of their listen', async () => {
    const storage = new AsyncLocalStorage();
    const channel = unique();
    const seen = new Promise((resolve) => {
      storage.run('mine', () => pool.listen(channel, () => resolve(storage.getStore())));
    });
    await eventually(async () => (await listeners()).length === 1, 'the listener');
    await storage.run('other', () => notify(channel, 'x'));
    assert.equal(await settled(seen, 'the notification'), 'mine');
  });

  test('keeps the process alive, and ending the pool lets it go', async () => {
    const source = `
      const { Pool } = require('./index.js');
      const pool = new Pool({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true });
      pool.listen('stay', ({ payload }) => { console.log(payload); pool.end(); }).then(() => {
        // There is time to end meanwhile.
        setTimeout(() => pool.query("NOTIFY stay, 'heard'"), 300).unref();
      });`;
    const outcome = await run({ source }, { env: { DATABASE_URL: server.url() } });
    assert.equal(outcome.stderr, '');
    assert.equal(outcome.stdout, 'heard\n');
    assert.equal(outcome.code, 0);
  });

  test('ending the pool closes the connection, while it is lost too', async () => {
    await pool.listen(unique(), () => undefined);
    await pool.end();
    await eventually(async () => (await listeners()).length === 0, 'no connection');
    assert.match((await failure(pool.listen(unique(), () => undefined))).message, /after calling end/);
    const other = new pgfleet.Pool(server.config({ application_name: name }));
    await other.listen(unique(), () => undefined);
    const lost = new Promise((resolve) => other.once('error', resolve));
    await kill();
    await lost;
    await settled(other.end(), 'end');
  });
});

/** A proxy at a port that one has had before. */
async function reopen(port, server) {
  const net = require('node:net');
  const links = new Set();
  const listener = net.createServer((client) => {
    const upstream = net.connect(server.port, server.host);
    for (const socket of [client, upstream]) {
      links.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => links.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise((resolve) => listener.listen(port, '127.0.0.1', resolve));
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of links) socket.destroy();
        listener.close(resolve);
      }),
  };
}

describe('manager.listen', () => {
  test('listens to the database that was current, and ends with it', async () => {
    const server = await postgres();
    const manager = new pgfleet.DatabaseManager();
    assert.match((await failure(manager.listen('x', () => undefined))).message, /no connection yet/);
    const [one, two] = [await server.createDatabase(), await server.createDatabase()];
    await manager.addConnection('one', guideConfig(server, { ssl: false, database: one }));
    await manager.addConnection('two', guideConfig(server, { ssl: false, database: two }));
    const heard = [];
    await manager.listen('news', ({ payload }) => heard.push(payload));
    await manager.switchConnection('two');
    await manager.currentPool.query("NOTIFY news, 'from two'");
    await manager.connections.get('one').pool.query("NOTIFY news, 'from one'");
    await eventually(() => heard.length > 0, 'the notification');
    assert.deepEqual(heard, ['from one']);
    await manager.close();
    assert.match((await failure(manager.listen('x', () => undefined))).message, /closed/);
  });
});
