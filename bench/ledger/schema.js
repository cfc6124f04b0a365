'use strict';

/** Where entries are written. `volatile_entries` is replaced by a new one now and then; the old one keeps its rows. */
const TABLES = ['entries', 'volatile_entries'];
const COLUMNS = '(key text NOT NULL, part int NOT NULL, body text NOT NULL)';
const WRITTEN =
  "relkind = 'r' AND relname ~ '^(entries|volatile_entries|old_entries_)' AND relnamespace = 'public'::regnamespace";
const DROPS_AT_ONCE = 50;

/** The advisory lock that every script takes in its middle: a session that holds it exclusively stops them there. */
const GATE = 7_331;

/** The table that a script makes, for a key. */
const tableOf = (key) => `made_${key}`;

/**
 * What stands in a row: different for each key and part, of different lengths, and not only ASCII.
 *
 * @param {string} key @param {number} part
 */
function bodyOf(key, part) {
  const seed = [...key].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 997, part);
  return `${key}/${part} ${'äöü€ß'.slice(seed % 5)} ${'x'.repeat(seed % 10 === 0 ? 5000 : seed % 60)}`;
}

/** @param {import('pg').Client} client */
async function createTables(client) {
  for (const table of TABLES) await client.query(`CREATE TABLE ${table} ${COLUMNS}`);
  await client.query('CREATE INDEX ON entries (key)');
}

/**
 * @param {import('pg').Client} client
 * @returns {Promise<{ rows: { key: string, part: number, body: string }[], tables: Set<string> }>}
 */
async function readAll(client) {
  const rows = [];
  for (const table of await names(client, WRITTEN)) {
    const result = await client.query(`SELECT key, part, body FROM ${table}`);
    rows.push(...result.rows);
  }
  return { rows, tables: new Set(await names(client, "relkind = 'r' AND relname LIKE 'made\\_%'")) };
}

/** Leaves the tables as they were made. */
async function clear(client) {
  const leftovers = await names(client, "relkind = 'r' AND relname ~ '^(made_|old_entries_)'");
  while (leftovers.length > 0) {
    // A transaction can hold so many locks, and each table of one is a lock.
    await client.query(`DROP TABLE ${leftovers.splice(0, DROPS_AT_ONCE).join(', ')}`);
  }
  await client.query(`TRUNCATE ${TABLES.join(', ')}`);
}

async function names(client, condition) {
  const { rows } = await client.query(`SELECT relname FROM pg_class WHERE ${condition}`);
  return rows.map(({ relname }) => relname);
}

module.exports = { GATE, bodyOf, clear, createTables, readAll, tableOf };
