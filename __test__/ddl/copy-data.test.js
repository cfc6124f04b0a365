'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');

/** As pg_dump writes it. */
const dump = (table) => `--
-- PostgreSQL database dump
--

\\restrict 3bQ0pUYb1x

SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET row_security = off;
SET default_table_access_method = heap;

CREATE TABLE public.${table} (
    id integer NOT NULL,
    name text
);

COPY public.${table} (id, name) FROM stdin;
1\tone; with a semicolon
2\t\\N
3\ttab\\tand 'quote' and $$
\\.


ALTER TABLE ONLY public.${table} ADD CONSTRAINT ${table}_pkey PRIMARY KEY (id);

\\unrestrict 3bQ0pUYb1x

`;

ofOurManager('a script with COPY data', (bench) => {
  const contents = (table) => bench.look(`SELECT * FROM ${table} ORDER BY 1`);

  test('that pg_dump wrote runs, and leaves no setting behind', async () => {
    const manager = await bench.manager({ max: 1 });
    await manager.executeDDL("SET work_mem = '5MB'");
    const [{ rows: before }] = await manager.executeDDL('SHOW search_path; SELECT 1');
    const {
      rows: [{ pid }],
    } = await manager.executeDDL('SELECT pg_backend_pid() AS pid');
    const table = bench.unique('dumped');
    const results = await manager.executeDDL(dump(table));
    assert.deepEqual(results.map(({ command, rowCount }) => [command, rowCount]).slice(-3), [
      ['CREATE', null],
      ['COPY', 3],
      ['ALTER', null],
    ]);
    assert.deepEqual(await contents(table), [
      { id: 1, name: 'one; with a semicolon' },
      { id: 2, name: null },
      { id: 3, name: "tab\tand 'quote' and $$" },
    ]);
    const after = await manager.executeDDL(
      'SHOW search_path; SHOW row_security; SHOW work_mem; SELECT pg_backend_pid() AS pid',
    );
    assert.deepEqual(
      after.map(({ rows }) => rows[0]),
      [
        before[0],
        { row_security: 'on' },
        // What was set before is nothing of the script's.
        { work_mem: '5MB' },
        { pid },
      ],
    );
  });

  test('in CSV, with CR LF and in any case of letters, is understood', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    const script = [
      `Create Table ${table} (a int, b text);`,
      `copy ${table} From StdIn With (Format csv, HEADER);`,
      'a,b',
      '1,"x, y"',
      '2,',
      '\\.',
      `SELECT count(*)::int AS n FROM ${table};`,
      `COPY ${table} FROM STDIN;`,
      '3\tthree',
      '\\.',
    ].join('\r\n');
    const results = await manager.executeDDL(script);
    assert.deepEqual(results[2].rows, [{ n: 2 }]);
    assert.deepEqual(await contents(table), [
      { a: 1, b: 'x, y' },
      { a: 2, b: null },
      { a: 3, b: 'three' },
    ]);
  });

  for (const options of [undefined, { transaction: false }, { transaction: 'auto' }]) {
    test(`is all or nothing, with ${JSON.stringify(options) ?? 'no options'}`, async () => {
      const manager = await bench.manager({ max: 1 });
      const table = bench.unique();
      const script = `CREATE TABLE ${table} (a int);\nCOPY ${table} FROM STDIN;\n1\nnonsense\n\\.\nSELECT 1`;
      const error = await failure(manager.executeDDL(script, options));
      assert.deepEqual([error.code, error.outcome], ['22P02', 'not applied']);
      assert.deepEqual(await bench.tables(table), []);
      assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
    });
  }

  test('has errors where they are in the script', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    const script = `CREATE TABLE ${table} (a text);\nCOPY ${table} FROM STDIN;\nä\nö;\n\\.\nSELECT nonsense`;
    const { position } = await failure(manager.executeDDL(script));
    assert.equal(Number(position) - 1, script.indexOf('nonsense'));
  });

  test('is sent again when a lock was not had', async () => {
    const { blocker, waits } = require('../support/locks.js');
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    await manager.executeDDL(`CREATE TABLE ${table} (a text)`);
    const { client, end } = await blocker(bench, `BEGIN; LOCK TABLE ${table}`);
    const running = manager.executeDDL(`COPY ${table} FROM STDIN;\none\ntwo\n\\.\n`, { lockTimeout: 100 });
    await waits(bench, `COPY ${table}`);
    await client.query('SELECT pg_sleep(0.3); COMMIT');
    assert.equal((await running).rowCount, 2);
    await end();
  });

  test('closes the connection where a hook may have set something of its own', async () => {
    const hooked = { max: 1, onConnect: (client) => client.query("SET search_path = 'hooked'") };
    const manager = await bench.manager(hooked);
    const look = async () =>
      (await manager.executeDDL("SELECT pg_backend_pid() AS pid, current_setting('search_path') AS path"))
        .rows[0];
    const before = await look();
    await manager.executeDDL(dump(bench.unique('dumped')));
    const after = await look();
    assert.equal(after.path, 'hooked');
    assert.notEqual(after.pid, before.pid);
    // One that sets nothing leaves nothing to undo.
    await manager.executeDDL('SELECT 1', { transaction: true });
    assert.deepEqual(await look(), after);
  });

  test('may be refused by a COPY without data', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    const error = await failure(
      manager.executeDDL(`CREATE TABLE ${table} (a int); COPY ${table} FROM STDIN`),
    );
    assert.deepEqual([error.code, error.outcome], ['57014', 'not applied']);
  });
});

ofOurManager("psql's commands in a script", (bench) => {
  test('are named and refused, and nothing is sent', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    for (const options of [undefined, false, { transaction: 'auto' }]) {
      const script = `CREATE TABLE ${table} ();\n\\connect elsewhere\nSELECT 1`;
      const error = await failure(manager.executeDDL(script, options));
      assert.deepEqual(
        [error.name, error.code, error.outcome],
        ['SyntaxError', 'PGFLEET_PSQL', 'not applied'],
      );
      assert.ok(error instanceof SyntaxError);
      assert.match(error.message, /^\\connect in line 2 is a command of psql/);
    }
    assert.deepEqual(await bench.tables(table), []);
  });

  test('may stand in a literal or a comment', async () => {
    const manager = await bench.manager({ max: 1 });
    const { rows } = await manager.executeDDL("SELECT '\\connect' AS a, E'\\\\i' AS b /* \\set */ -- \\q");
    assert.deepEqual(rows, [{ a: '\\connect', b: '\\i' }]);
  });
});
