'use strict';

// The splitter is held against PostgreSQL itself: every prefix of every script is sent as one message, which the server
// takes apart, and each statement that the analysis finds in it as a message of one statement.

const assert = require('node:assert/strict');
const { readdirSync, readFileSync } = require('node:fs');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { Client } = require('pg');
const { analyzeSql } = require('../..');
const { postgres } = require('../support/server.js');

const DIRECTORY = path.join(__dirname, 'scripts');

/** @type {import('pg').Client} */
let client;
/** @type {Map<string, Promise<{ tags: string[], code: string | undefined }>>} */
const alone = new Map();

before(async () => {
  const server = await postgres();
  client = new Client(server.config());
  await client.connect();
  await client.query('CREATE TEMPORARY TABLE t (a int)');
});

after(() => client.end());

/**
 * What the server makes of a text, in a transaction that is undone.
 *
 * @param {string | { text: string, queryMode: 'extended' }} query
 * @returns {Promise<{ tags: string[], code: string | undefined }>} the tag of each statement, or why it was refused
 */
async function asked(query) {
  /** @type {string[]} */
  const tags = [];
  await client.query('BEGIN');
  const { connection } = /** @type {any} */ (client);
  const complete = (/** @type {{ text: string }} */ { text }) => tags.push(text.replace(/( \d+)+$/, ''));
  connection.on('commandComplete', complete);
  /** @type {string | undefined} */
  let code;
  try {
    await client.query(query);
  } catch (error) {
    code = /** @type {any} */ (error).code;
    assert.ok(code, String(error));
  }
  connection.off('commandComplete', complete);
  await client.query('ROLLBACK');
  return { tags, code };
}

/** @param {string} text one statement, which the extended protocol takes no more of */
function askedAlone(text) {
  const known = alone.get(text) ?? asked({ text, queryMode: 'extended' });
  alone.set(text, known);
  return known;
}

/** @param {string} prefix */
async function compare(prefix) {
  const whole = await asked(prefix);
  const statements = analyzeSql(prefix);
  const each = [];
  for (const { text } of statements) each.push(await askedAlone(text));
  const codes = each.map(({ code }) => code).filter((code) => code !== undefined);
  if (whole.code === undefined) {
    assert.deepEqual(codes, [], prefix);
    assert.deepEqual(
      each.flatMap(({ tags }) => tags),
      whole.tags,
      prefix,
    );
    return;
  }
  // What is behind the last statement is empty but for a comment that may be open.
  const rest = await asked(prefix.slice(statements.at(-1)?.end ?? 0));
  assert.ok([...codes, rest.code].includes(whole.code), `${whole.code}: ${prefix}`);
}

describe('the statements of every prefix are those that the server runs', () => {
  for (const name of readdirSync(DIRECTORY)) {
    test(name, async () => {
      const script = readFileSync(path.join(DIRECTORY, name), 'utf8');
      for (const ends of ['\n', '\r\n']) {
        const sql = script.replaceAll('\n', ends);
        for (let length = 0; length <= sql.length; length++) await compare(sql.slice(0, length));
      }
    });
  }
});

describe('the kind of a statement is the tag that the server answers', () => {
  for (const [sql, ...tags] of [
    [
      'SELECT 1; TABLE t; VALUES (1); SHOW ALL; EXPLAIN SELECT 1',
      'SELECT',
      'SELECT',
      'SELECT',
      'SHOW',
      'EXPLAIN',
    ],
    [
      'CREATE TABLE x AS SELECT 1; SELECT 1 INTO y; CREATE TABLE z AS SELECT 1 WITH NO DATA',
      'SELECT',
      'SELECT',
      'CREATE TABLE AS',
    ],
    [
      'CREATE MATERIALIZED VIEW m AS SELECT 1; REFRESH MATERIALIZED VIEW m',
      'SELECT',
      'REFRESH MATERIALIZED VIEW',
    ],
    [
      'CREATE MATERIALIZED VIEW m AS SELECT 1 WITH NO DATA; DROP MATERIALIZED VIEW m',
      'CREATE MATERIALIZED VIEW',
      'DROP MATERIALIZED VIEW',
    ],
    [
      'WITH a AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM a; UPDATE t SET a = 2; DELETE FROM t',
      'INSERT',
      'UPDATE',
      'DELETE',
    ],
    [
      'WITH a AS (INSERT INTO t VALUES (1) RETURNING a) SELECT a FROM a; TRUNCATE t; LOCK t',
      'SELECT',
      'TRUNCATE TABLE',
      'LOCK TABLE',
    ],
    [
      'DECLARE c CURSOR FOR SELECT 1; FETCH c; MOVE c; CLOSE c; CLOSE ALL',
      'DECLARE CURSOR',
      'FETCH',
      'MOVE',
      'CLOSE CURSOR',
      'CLOSE CURSOR ALL',
    ],
    [
      'PREPARE p AS SELECT 1; DEALLOCATE p; DEALLOCATE ALL; DISCARD PLANS',
      'PREPARE',
      'DEALLOCATE',
      'DEALLOCATE ALL',
      'DISCARD PLANS',
    ],
    [
      'SET work_mem = 100; RESET work_mem; SET ROLE NONE; RESET ROLE; SET CONSTRAINTS ALL DEFERRED',
      'SET',
      'RESET',
      'SET',
      'RESET',
      'SET CONSTRAINTS',
    ],
    [
      "SET NAMES 'utf8'; SET TIME ZONE 'UTC'; SET SESSION AUTHORIZATION DEFAULT; RESET SESSION AUTHORIZATION",
      'SET',
      'SET',
      'SET',
      'RESET',
    ],
    ['SAVEPOINT a; RELEASE a; SAVEPOINT b; ROLLBACK TO b', 'SAVEPOINT', 'RELEASE', 'SAVEPOINT', 'ROLLBACK'],
    [
      'CREATE GROUP sql_a; CREATE USER sql_b; GRANT sql_a TO sql_b; REVOKE sql_a FROM sql_b; GRANT SELECT ON t TO sql_b',
      'CREATE ROLE',
      'CREATE ROLE',
      'GRANT ROLE',
      'REVOKE ROLE',
      'GRANT',
    ],
    [
      'CREATE ROLE sql_a; ALTER USER sql_a NOLOGIN; ALTER GROUP sql_a RENAME TO sql_b; DROP OWNED BY sql_b; DROP USER sql_b',
      'CREATE ROLE',
      'ALTER ROLE',
      'ALTER ROLE',
      'DROP OWNED',
      'DROP ROLE',
    ],
    [
      'CREATE VIEW v AS SELECT 1 AS a; ALTER VIEW v RENAME COLUMN a TO b; ALTER TABLE v RENAME TO w; DROP VIEW w',
      'CREATE VIEW',
      'ALTER VIEW',
      'ALTER TABLE',
      'DROP VIEW',
    ],
    [
      "COMMENT ON TABLE t IS 'x'; CREATE UNIQUE INDEX i ON t (a); ALTER INDEX i RENAME TO j; REINDEX INDEX j; CLUSTER t USING j",
      'COMMENT',
      'CREATE INDEX',
      'ALTER INDEX',
      'REINDEX',
      'CLUSTER',
    ],
    [
      "CREATE TYPE e AS ENUM ('a'); ALTER TYPE e RENAME VALUE 'a' TO 'b'; CREATE DOMAIN d AS int; ALTER DOMAIN d SET NOT NULL",
      'CREATE TYPE',
      'ALTER TYPE',
      'CREATE DOMAIN',
      'ALTER DOMAIN',
    ],
    [
      'CREATE TEXT SEARCH CONFIGURATION c (COPY = english); DROP TEXT SEARCH CONFIGURATION c; ANALYZE t; NOTIFY x',
      'CREATE TEXT SEARCH CONFIGURATION',
      'DROP TEXT SEARCH CONFIGURATION',
      'ANALYZE',
      'NOTIFY',
    ],
    [
      'CREATE CONSTRAINT TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); ALTER TRIGGER x ON t RENAME TO y',
      'CREATE TRIGGER',
      'ALTER TRIGGER',
    ],
    [
      'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC; CREATE ROLE sql_c; REASSIGN OWNED BY sql_c TO CURRENT_USER; DO $$ BEGIN END $$',
      'ALTER DEFAULT PRIVILEGES',
      'CREATE ROLE',
      'REASSIGN OWNED',
      'DO',
    ],
  ]) {
    test(tags.join(', '), async () => {
      const answer = await asked(sql);
      assert.deepEqual(answer, { tags, code: undefined });
      assert.deepEqual(
        analyzeSql(sql).map(({ kind }) => kind),
        tags,
      );
    });
  }

  test('START TRANSACTION, BEGIN, END and ABORT', async () => {
    /** @type {string[]} */
    const tags = [];
    const { connection } = /** @type {any} */ (client);
    const complete = (/** @type {{ text: string }} */ { text }) => tags.push(text);
    connection.on('commandComplete', complete);
    const texts = [
      'START TRANSACTION',
      'END',
      'BEGIN WORK',
      'ABORT',
      'LISTEN x',
      'UNLISTEN *',
      'DISCARD TEMPORARY',
    ];
    for (const text of texts) await client.query(text);
    connection.off('commandComplete', complete);
    assert.deepEqual(
      tags,
      texts.flatMap((text) => analyzeSql(text)).map(({ kind }) => kind),
    );
    await client.query('CREATE TEMPORARY TABLE IF NOT EXISTS t (a int)');
  });
});
