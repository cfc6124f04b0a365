'use strict';

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Duel } = require('../values/duel');
const { postgres } = require('../support/server');

// In order: later statements need what earlier ones made.
const statements = [
  'CREATE TEMP TABLE items (id int4 PRIMARY KEY, word text)',
  'CREATE TABLE IF NOT EXISTS pg_temp.items (id int4)',
  "INSERT INTO items VALUES (1, 'a')",
  "INSERT INTO items VALUES (2, 'b'), (3, 'c'), (4, 'd')",
  "INSERT INTO items SELECT n, 'more' FROM generate_series(10, 1009) n",
  'INSERT INTO items SELECT 5, NULL WHERE false',
  "INSERT INTO items VALUES (6, 'f') RETURNING id, word",
  "INSERT INTO items VALUES (6, 'g') ON CONFLICT DO NOTHING",
  "INSERT INTO items VALUES (6, 'g') ON CONFLICT DO NOTHING RETURNING id",
  "INSERT INTO items VALUES (6, 'g') ON CONFLICT (id) DO UPDATE SET word = excluded.word RETURNING *",
  "UPDATE items SET word = 'changed' WHERE id < 3",
  'UPDATE items SET word = word WHERE false',
  'UPDATE items SET word = upper(word) WHERE id < 4 RETURNING id',
  'DELETE FROM items WHERE id = 1',
  'DELETE FROM items WHERE id > 9 AND id < 20 RETURNING id',
  'SELECT id FROM items ORDER BY id LIMIT 3',
  'SELECT id FROM items WHERE false',
  'TABLE items LIMIT 2',
  'VALUES (1), (2)',
  'WITH gone AS (DELETE FROM items WHERE id = 20 RETURNING id) SELECT * FROM gone',
  'WITH gone AS (SELECT 21 AS id) DELETE FROM items USING gone WHERE items.id = gone.id',
  "MERGE INTO items USING (VALUES (2, 'x'), (99, 'y')) v (id, word) ON items.id = v.id WHEN MATCHED THEN UPDATE SET word = v.word WHEN NOT MATCHED THEN INSERT VALUES (v.id, v.word)",
  'SELECT id INTO TEMP copied FROM items WHERE id < 5',
  'CREATE TEMP TABLE copied_too AS SELECT id FROM items WHERE id < 5',
  'CREATE INDEX ON items (word)',
  'CREATE TEMP VIEW seen AS SELECT * FROM items',
  'CREATE TEMP SEQUENCE numbers',
  'ALTER TABLE items ADD COLUMN extra int4',
  'ALTER SEQUENCE numbers RESTART',
  "COMMENT ON TABLE items IS 'words'",
  'ANALYZE items',
  'VACUUM items',
  'REINDEX TABLE items',
  'CLUSTER items USING items_pkey',
  'TRUNCATE copied',
  'LISTEN channel',
  "NOTIFY other_channel, 'payload'",
  'UNLISTEN *',
  "SET application_name = 'tagged'",
  'RESET application_name',
  'SHOW server_version_num',
  "SET LOCAL application_name = 'local'",
  'EXPLAIN (COSTS OFF) SELECT 1',
  'BEGIN',
  'SAVEPOINT here',
  'ROLLBACK TO SAVEPOINT here',
  'RELEASE SAVEPOINT here',
  'DECLARE walk CURSOR FOR SELECT id FROM items ORDER BY id',
  'FETCH 2 FROM walk',
  'MOVE 1 FROM walk',
  'FETCH ALL FROM walk',
  'CLOSE walk',
  'LOCK TABLE items',
  'COMMIT',
  'START TRANSACTION READ ONLY',
  'ROLLBACK',
  'BEGIN; SELECT 1 AS a; COMMIT',
  'PREPARE stored (int4) AS SELECT $1 AS a',
  'EXECUTE stored(1)',
  'DEALLOCATE stored',
  'DEALLOCATE ALL',
  'DO $$ BEGIN NULL; END $$',
  'CREATE FUNCTION pg_temp.f() RETURNS int4 LANGUAGE sql AS $$ SELECT 1 $$',
  'SELECT pg_temp.f()',
  'DROP FUNCTION pg_temp.f()',
  'CREATE PROCEDURE pg_temp.p(INOUT n int4) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; END $$',
  'CALL pg_temp.p(1)',
  'GRANT SELECT ON items TO PUBLIC',
  'REVOKE SELECT ON items FROM PUBLIC',
  'COPY (SELECT id FROM items ORDER BY id LIMIT 3) TO STDOUT',
  'CHECKPOINT',
  'DISCARD PLANS',
  "CREATE TYPE pg_temp.kind AS ENUM ('a')",
  'DROP TYPE pg_temp.kind',
  'DROP VIEW seen',
  'DROP TABLE items, copied, copied_too',
  'DISCARD ALL',
  '',
  '-- nothing',
];

describe('command, rowCount and oid of a result are the same as with pg', () => {
  for (const [protocol, queryMode] of [
    ['simple', undefined],
    ['extended', 'extended'],
  ]) {
    test(`for each kind of statement, in the ${protocol} protocol`, async (context) => {
      const server = await postgres();
      const duel = await Duel.open(server.config({ database: await server.createDatabase() }));
      context.after(() => duel.close());
      for (const text of statements) {
        // one after the other, because some of these lock what the other session is looking at
        const expected = await tagsOf(duel.oracle, { text, queryMode });
        const got = await tagsOf(duel.contender, { text, queryMode });
        assert.deepEqual({ text, ...got }, { text, ...expected });
      }
    });
  }
});

async function tagsOf(client, query) {
  try {
    const results = [await client.query(query)].flat();
    return {
      results: results.map(({ command, rowCount, oid, rows, fields }) => ({
        command,
        rowCount,
        oid,
        rows: JSON.stringify(rows),
        columns: fields.map(({ name }) => name),
      })),
    };
  } catch (error) {
    return { code: error.code, message: error.message };
  }
}
