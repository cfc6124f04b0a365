'use strict';

const { escapeLiteral } = require('../pg/query/escape');

/**
 * A client or pool, as far as the table is read with it.
 *
 * @typedef {{ query: (text: string) => Promise<unknown> }} Querying
 */

/** Node-pg-migrate's own number, so that either tool keeps the other out. */
const LOCK_ID = '7241865325823964';

const CREATE =
  'CREATE TABLE "public"."pgmigrations" ' +
  '(id SERIAL PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL)';

const HAS_PRIMARY_KEY = `
  SELECT EXISTS (
    SELECT FROM pg_constraint WHERE conrelid = 'public.pgmigrations'::regclass AND contype = 'p'
  ) AS answer`;

/**
 * Does something while no other migration runs on the database.
 *
 * @template T
 * @param {Querying} client whose session has the lock
 * @param {{ failure: unknown }} broken is told why the client can't be used again
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 * @throws {Error} at once when another one runs
 */
async function underLock(client, broken, work) {
  if (!(await ask(client, `SELECT pg_try_advisory_lock(${LOCK_ID}) AS answer`))) {
    throw new Error('Another migration is already running on this database; run this one when it is over');
  }
  try {
    return await work();
  } finally {
    // A lock that isn't given back ends with its connection, and says nothing about the work.
    await client.query(`SELECT pg_advisory_unlock(${LOCK_ID})`).catch((error) => {
      broken.failure ??= error || true;
    });
  }
}

/**
 * Creates node-pg-migrate's table, unless it is there.
 *
 * @param {Querying} client
 */
async function ensureTable(client) {
  if (!(await isThere(client))) await client.query(CREATE);
  else if (!(await ask(client, HAS_PRIMARY_KEY))) {
    await client.query('ALTER TABLE "public"."pgmigrations" ADD PRIMARY KEY (id)');
  }
}

/**
 * @param {Querying} client
 * @returns {Promise<string[]>} the names of what is applied, in the order in which it was
 */
async function appliedNames(client) {
  const rows = await rowsOf(client, 'SELECT name FROM "public"."pgmigrations" ORDER BY run_on, id');
  return rows.map(({ name }) => String(name));
}

/**
 * @param {Querying} client
 * @returns {Promise<Record<string, unknown>[]>} what is applied, the newest first; nothing without the table
 */
async function appliedMigrations(client) {
  if (!(await isThere(client))) return [];
  return await rowsOf(
    client,
    'SELECT id, name, run_on FROM "public"."pgmigrations" ORDER BY run_on DESC, id DESC',
  );
}

/**
 * @param {string} name
 * @param {'up' | 'down'} direction
 * @returns {string} the statement that writes down that a migration was run
 */
function recordText(name, direction) {
  const literal = escapeLiteral(name);
  return direction === 'up'
    ? `INSERT INTO "public"."pgmigrations" (name, run_on) VALUES (${literal}, NOW())`
    : `DELETE FROM "public"."pgmigrations" WHERE name = ${literal}`;
}

/** @param {Querying} client */
async function isThere(client) {
  return await ask(client, `SELECT to_regclass('"public"."pgmigrations"') IS NOT NULL AS answer`);
}

/**
 * @param {Querying} client
 * @param {string} text
 */
async function ask(client, text) {
  const [{ answer }] = await rowsOf(client, text);
  return answer === true;
}

/**
 * @param {Querying} client
 * @param {string} text
 */
async function rowsOf(client, text) {
  return /** @type {{ rows: Record<string, unknown>[] }} */ (await client.query(text)).rows;
}

module.exports = { appliedMigrations, appliedNames, ensureTable, recordText, underLock };
