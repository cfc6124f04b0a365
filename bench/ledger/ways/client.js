'use strict';

const net = require('node:net');
const { Client } = require('../../../index.js');
const { bodyOf } = require('../schema.js');
const { inTime } = require('../site.js');
const { Untrue, mustBe } = require('../untrue.js');

const INSERT = 'INSERT INTO entries (key, part, body) VALUES ($1, $2, $3)';

async function insert(client, key, part) {
  const { rowCount } = await client.query(INSERT, [key, part, bodyOf(key, part)]);
  mustBe(rowCount === 1, `acknowledged with ${rowCount} rows`);
}

/** An error that is known not to have left anything behind, whatever it says. */
const refused = (error) => Object.assign(error, { state: 'refused' });

/** For the error of a client in use, which comes as that of its query as well. */
const ignore = () => {};

/** BEGIN, what `work` does, COMMIT. Until COMMIT is sent nothing can be there. */
async function inTransaction(client, work) {
  try {
    await client.query('BEGIN');
    await work();
  } catch (error) {
    throw error instanceof Untrue ? error : refused(error);
  }
  const { command } = await client.query('COMMIT');
  return command === 'COMMIT' ? 'acknowledged' : 'refused';
}

/** Takes a client, and gives it back as a careful program does: closed where it may be in a transaction. */
async function withClient(site, work) {
  let client;
  try {
    client = await site.pool.connect();
  } catch (error) {
    throw refused(error);
  }
  client.on('error', ignore);
  try {
    const state = await work(client);
    client.release();
    client.off('error', ignore);
    return state;
  } catch (error) {
    client.release(
      await client.query('ROLLBACK').then(
        () => false,
        () => true,
      ),
    );
    throw error;
  }
}

/** A client of its own, connected, ended afterwards. */
async function withOwnClient(site, options, work) {
  const client = new Client({ ...site.config, ...options });
  client.on('error', ignore);
  try {
    await client.connect();
    await work(client);
  } finally {
    await inTime(client.end(), 'the end of a client');
  }
}

const ways = [
  {
    name: 'client, transaction',
    weight: 6,
    run(site) {
      const parts = site.random.between(1, 4);
      return site.entry('transaction', { parts }, (key) =>
        withClient(site, (client) =>
          inTransaction(client, async () => {
            for (let part = 1; part <= parts; part += 1) await insert(client, key, part);
          }),
        ),
      );
    },
  },
  {
    name: 'client, savepoints',
    weight: 3,
    run: (site) =>
      site.entry('savepoints', { parts: 2 }, (key) =>
        withClient(site, (client) =>
          inTransaction(client, async () => {
            await insert(client, key, 1);
            await client.query('SAVEPOINT here');
            await insert(client, key, 7);
            await client.query('SELECT 1 / 0').then(
              () => mustBe(false, 'a division by zero was acknowledged'),
              () => client.query('ROLLBACK TO here'),
            );
            await insert(client, key, 2);
          }),
        ),
      ),
  },
  {
    name: 'client, a transaction in one text',
    weight: 3,
    run: (site) =>
      site.entry('transaction in one text', { parts: 2 }, (key) =>
        withClient(site, async (client) => {
          const inserts = [1, 2].map(
            (part) =>
              `INSERT INTO entries (key, part, body) VALUES ('${key}', ${part}, '${bodyOf(key, part)}')`,
          );
          const results = await client.query(`BEGIN; ${inserts.join('; ')}; COMMIT`);
          const commands = results.map(({ command }) => command).join();
          mustBe(commands === 'BEGIN,INSERT,INSERT,COMMIT', `acknowledged as ${commands}`);
        }),
      ),
  },
  {
    name: 'client, closed in mid-transaction',
    weight: 2,
    run: (site) =>
      site.entry('closed in mid-transaction', { hopeless: true }, async (key) => {
        const client = await site.pool.connect();
        client.on('error', ignore);
        try {
          await client.query('BEGIN');
          await insert(client, key, 1);
        } catch (error) {
          throw error instanceof Untrue ? error : refused(error);
        } finally {
          client.release(true);
        }
        return 'refused';
      }),
  },
  {
    name: 'client, closed in mid-query',
    weight: 2,
    run: (site) =>
      site.entry('closed in mid-query', { hopeless: true }, async (key) => {
        const client = await site.pool.connect();
        client.on('error', ignore);
        const inserted = insert(client, key, 1);
        client.release(true);
        await inserted;
      }),
  },
  {
    name: 'client of its own',
    weight: 2,
    run: (site) =>
      site.entry('own client', {}, (key) => withOwnClient(site, {}, (client) => insert(client, key, 1))),
  },
  {
    name: 'client of its own on a stream',
    weight: 2,
    run: (site) =>
      site.entry('client on a stream', {}, (key) =>
        withOwnClient(site, { stream: () => new net.Socket() }, (client) => insert(client, key, 1)),
      ),
  },
  {
    name: 'pipeline',
    weight: 3,
    run: (site) =>
      site.reading('pipeline', () =>
        withOwnClient(site, { pipeline: true }, (client) => {
          const count = site.random.between(5, 40);
          return Promise.all(
            Array.from({ length: count }, () => site.entry('pipeline', {}, (key) => insert(client, key, 1))),
          );
        }),
      ),
  },
];

module.exports = { refused, ways, withClient };
