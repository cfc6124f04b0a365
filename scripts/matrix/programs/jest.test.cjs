'use strict';

// In jest: by its own names, in the place of pg, under fake timers, and with a registry that is reset again and again.

/* global afterEach, expect, jest, test */

const config = { connectionString: process.env.DATABASE_URL, ssl: { rejectUnauthorized: false } };

afterEach(() => {
  jest.useRealTimers();
});

test('a pool runs queries and ends', async () => {
  const { Pool } = require('pgfleet');
  const pool = new Pool(config);
  expect((await pool.query('SELECT $1::int AS n', [1])).rows).toEqual([{ n: 1 }]);
  (await pool.connect()).release();
  await pool.end();
  await expect(pool.query('SELECT 1')).rejects.toThrow('after calling end');
});

test('pg is this package, for a library too', async () => {
  const { Client } = require('pgfleet');
  expect(require('pg').Client).toBe(Client);
  expect(require('pg/lib/utils')).toBe(require('pgfleet/lib/utils'));
  const knex = require('knex')({ client: 'pg', connection: config });
  const connection = await knex.client.acquireConnection();
  expect(connection).toBeInstanceOf(Client);
  await knex.client.releaseConnection(connection);
  await knex.destroy();
});

test('everything settles under fake timers', async () => {
  const { Client, Pool } = require('pgfleet');
  jest.useFakeTimers();
  const pool = new Pool(config);
  await pool.query('SELECT 1');
  (await pool.connect()).release();
  await pool.end();
  const client = new Client(config);
  await client.connect();
  await expect(client.query('SELECT nothing')).rejects.toThrow('nothing');
  await client.end();
});

test('a registry that is reset keeps no earlier copy', async () => {
  const copies = [];
  for (let round = 0; round < 50; round++) {
    jest.resetModules();
    copies.push(new WeakRef(require('pgfleet')));
    if (round % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  jest.resetModules();
  for (let turn = 0; turn < 20; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    globalThis.gc();
  }
  expect(copies.filter((copy) => copy.deref() !== undefined).length).toBeLessThan(5);
}, 120_000);
