'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { Duel } = require('../values/duel');
const { postgres } = require('../support/server');

const SCHEMA = `
  CREATE TABLE owners (id int4 PRIMARY KEY, name text NOT NULL);
  CREATE TABLE pets (
    id int4 PRIMARY KEY,
    owner int4 CONSTRAINT pets_owner REFERENCES owners,
    age int4 CONSTRAINT pets_age CHECK (age >= 0),
    span int4range,
    CONSTRAINT pets_span EXCLUDE USING gist (span WITH &&)
  );
  INSERT INTO owners VALUES (1, 'Ann');
  INSERT INTO pets VALUES (1, 1, 2, '[1,5)');
  CREATE DOMAIN short AS text CONSTRAINT short_enough CHECK (length(VALUE) < 4);
  CREATE FUNCTION complain() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'all fields' USING ERRCODE = 'ZX001', DETAIL = 'the detail', HINT = 'the hint',
        COLUMN = 'the column', CONSTRAINT = 'the constraint', DATATYPE = 'the type', TABLE = 'the table',
        SCHEMA = 'the schema';
    END $$;
  CREATE FUNCTION inner_error() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN EXECUTE 'SELECT no_such_column FROM owners'; END $$;
  CREATE FUNCTION outer_error() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM inner_error(); END $$;
`;

const texts = [
  'SELEC 1',
  'SELECT 1 FROM',
  "SELECT 'unfinished",
  'SELECT no_such_column FROM owners',
  'SELECT * FROM no_such_table',
  'SELECT * FROM no_such_schema.no_such_table',
  'SELECT no_such_function(1)',
  "SELECT 'x'::no_such_type",
  'SELECT 1 / 0',
  "SELECT 'x'::int4",
  '\n\n  SELECT é FROM owners',
  'SELECT 99999999999999999999::int4',
  "SELECT '2024-13-01'::date",
  `SELECT '{"a":'::json`,
  "SELECT '\\x0'::bytea",
  "INSERT INTO owners VALUES (1, 'again')",
  'INSERT INTO owners VALUES (2, NULL)',
  'INSERT INTO pets VALUES (2, 99, 1, NULL)',
  'INSERT INTO pets VALUES (2, 1, -1, NULL)',
  "INSERT INTO pets VALUES (2, 1, 1, '[2,3)')",
  'DELETE FROM owners',
  "SELECT 'too long'::short",
  'SELECT complain()',
  'SELECT outer_error()',
  "DO $$ BEGIN RAISE EXCEPTION ''; END $$",
  "DO $$ BEGIN RAISE EXCEPTION 'several\nlines and é 日本 😀'; END $$",
  "DO $$ BEGIN RAISE SQLSTATE '22012'; END $$",
  "SELECT set_config('no_such_setting', 'x', false)",
  "SET DateStyle = 'no style'",
  'VACUUM owners; SELECT 1',
  'SELECT 1; SELECT 1 / 0; SELECT 2',
  "COPY owners FROM '/no/such/file'",
  'CREATE TABLE owners (id int4)',
  'DROP TABLE no_such_table',
  'PREPARE TRANSACTION',
  'FETCH 1 FROM no_such_cursor',
  'EXECUTE no_such_statement',
  'SELECT $1::int4',
  'COMMIT AND CHAIN',
  'ROLLBACK TO SAVEPOINT nowhere',
  `SELECT ${'1 + '.repeat(3000)} 'x'`,
  'SELECT pg_terminate_backend(0, -1)',
];

describe('errors of the server', () => {
  let config;
  before(async () => {
    const server = await postgres();
    config = server.config({ database: await server.createDatabase() });
    await server.asSuperuser((client) => client.query(SCHEMA), config.database);
  });

  describe('carry what they carry with pg', () => {
    let duel;
    before(async () => {
      duel = await Duel.open(config);
    });
    after(() => duel.close());

    const ways = {
      'a simple query': (client, text) => client.query(text),
      'an extended query': (client, text) => client.query({ text, queryMode: 'extended' }),
      'a named query': (client, text) => client.query({ text, name: 'faulty' }),
    };
    for (const [way, ask] of Object.entries(ways)) {
      for (const text of texts) {
        test(`${way} of ${JSON.stringify(text.slice(0, 60))}`, async () => {
          const { expected, got } = await duel.compare((client) => ask(client, text));
          assert.equal(got, expected);
        });
      }
    }

    test('in a transaction that has failed already', async () => {
      await duel.prepare('BEGIN');
      const failing = await duel.compare((client) => client.query('SELECT 1 / 0'));
      assert.equal(failing.got, failing.expected);
      const later = await duel.compare((client) => client.query('SELECT 1'));
      assert.equal(later.got, later.expected);
      await duel.prepare('ROLLBACK');
    });
  });

  forBoth(({ pg }) => {
    let client;
    before(async () => {
      client = new pg.Client(config);
      await client.connect();
    });
    after(() => client.end());

    test('are DatabaseError, and Error, with name error and the fields of the protocol', async () => {
      const error = await client.query('SELECT complain()').catch((reason) => reason);
      assert.ok(error instanceof pg.DatabaseError);
      assert.ok(error instanceof Error);
      const {
        name,
        message,
        severity,
        code,
        detail,
        hint,
        where,
        schema,
        table,
        column,
        dataType,
        constraint,
      } = error;
      assert.deepEqual(
        { name, message, severity, code, detail, hint, where, schema, table, column, dataType, constraint },
        {
          name: 'error',
          message: 'all fields',
          severity: 'ERROR',
          code: 'ZX001',
          detail: 'the detail',
          hint: 'the hint',
          where: 'PL/pgSQL function complain() line 3 at RAISE',
          schema: 'the schema',
          table: 'the table',
          column: 'the column',
          dataType: 'the type',
          constraint: 'the constraint',
        },
      );
      assert.equal(typeof error.file, 'string');
      assert.match(error.line, /^\d+$/);
      assert.equal(error.routine, 'exec_stmt_raise');
      assert.equal(error.length > 0, true);
    });

    test('say where in the text they are, in characters from 1', async () => {
      await assert.rejects(client.query('SELECT é FROM owners'), { code: '42703', position: '8' });
      await assert.rejects(client.query("SELECT '😀', nothing FROM owners"), {
        code: '42703',
        position: '13',
      });
    });

    test('name the query inside a function', async () => {
      await assert.rejects(client.query('SELECT outer_error()'), {
        code: '42703',
        internalPosition: '8',
        internalQuery: 'SELECT no_such_column FROM owners',
      });
    });

    test('leave the client usable, one after the other and many at once', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 60 }, (_, index) =>
          client.query(
            ...(index % 3 === 0
              ? ['SELECT 1 / 0']
              : ['SELECT $1::int4 AS n', [index % 3 === 1 ? index : 'x']]),
          ),
        ),
      );
      outcomes.forEach((outcome, index) => {
        if (index % 3 === 0) assert.equal(outcome.reason.code, '22012');
        if (index % 3 === 1) assert.deepEqual(outcome.value.rows, [{ n: index }]);
        if (index % 3 === 2) assert.equal(outcome.reason.code, '22P02');
      });
    });

    test('are different objects for different queries', async () => {
      const [one, two] = await Promise.all(
        [1, 2].map(() => client.query('SELECT 1 / 0').catch((error) => error)),
      );
      assert.notEqual(one, two);
    });
  });
});
