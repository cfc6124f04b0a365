'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { postgres } = require('../support/server');

const SOURCE = path.join(__dirname, '../../src/sql/functions.rs');
/** What they answer is another one each time, and they do nothing else. */
const RANDOM = ['clock_timestamp', 'gen_random_uuid', 'random', 'timeofday'];
/** Functions that came with PostgreSQL 18. */
const NEW = ['uuidv4', 'uuidv7'];

test('the built-in functions without effects are such, as the server has them', async () => {
  const [list] = /const HARMLESS: [^=]*= \[([^\]]*)\]/.exec(fs.readFileSync(SOURCE, 'utf8')).slice(1);
  const names = list.match(/\w+/g);
  assert.ok(names.length > 300, `${names.length} names were read`);
  const server = await postgres(17);
  const { rows } = await server.asSuperuser((client) =>
    client.query(
      `SELECT proname AS name, bool_or(provolatile = 'v') AS volatile FROM pg_proc
       WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY ($1) GROUP BY 1 ORDER BY 1`,
      [names],
    ),
  );
  const known = new Set(rows.map(({ name }) => name));
  assert.deepEqual(
    names.filter((name) => !known.has(name)),
    NEW,
  );
  assert.deepEqual(
    rows.filter(({ volatile }) => volatile).map(({ name }) => name),
    RANDOM,
  );
});
