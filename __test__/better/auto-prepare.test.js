'use strict';

const assert = require('node:assert/strict');
const { before, after, afterEach, describe, test } = require('node:test');
const { Client, Pool } = require('../..');
const corpus = require('../values/corpus');
const schema = require('../values/corpus/schema');
const { outcomeOf } = require('../values/portrait');
const { failure } = require('../support/failure');
const { postgres } = require('../support/server');

const COUNT = "SELECT count(*)::int AS n FROM pg_prepared_statements WHERE name LIKE 'pgfleet%'";

describe('autoPrepare', () => {
  let config;
  /** @type {any[]} */
  const opened = [];

  before(async () => {
    const server = await postgres();
    config = server.config({ database: await server.createDatabase() });
  });
  afterEach(() => Promise.all(opened.splice(0).map((one) => one.end())));

  const connected = async (options = { autoPrepare: true }) => {
    const client = new Client({ ...config, ...options });
    opened.push(client);
    await client.connect();
    return client;
  };
  const pooled = (options = { autoPrepare: true, max: 1 }) => {
    const pool = new Pool({ ...config, ...options });
    opened.push(pool);
    return pool;
  };
  const prepared = async (client) => (await client.query({ name: 'counting', text: COUNT })).rows[0].n;
  const times = async (count, work) => {
    let last;
    for (let n = 0; n < count; n += 1) last = await work(n);
    return last;
  };

  test('prepares a text that comes again, with values and without, once', async () => {
    const client = await connected();
    await client.query('SELECT $1::int4 AS a', [1]);
    await client.query('SELECT 1 AS a');
    assert.equal(await prepared(client), 0);
    for (const n of [2, 3, 4]) {
      assert.deepEqual((await client.query('SELECT $1::int4 AS a', [n])).rows, [{ a: n }]);
      assert.deepEqual((await client.query('SELECT 1 AS a')).rows, [{ a: 1 }]);
      assert.equal(await prepared(client), 2);
    }
  });

  test('is off by default', async () => {
    const client = await connected({});
    await times(4, (n) => client.query('SELECT $1::int4 AS a', [n]));
    assert.equal(await prepared(client), 0);
    const pool = pooled({ max: 1 });
    await times(4, (n) => pool.query('SELECT $1::int4 AS a', [n]));
    assert.equal(await prepared(pool), 0);
  });

  test('refuses what is neither true nor false', async () => {
    for (const autoPrepare of ['yes', 1, 0, '', {}, 5]) {
      for (const Made of [Client, Pool]) {
        assert.throws(() => new Made({ ...config, autoPrepare }), {
          name: 'TypeError',
          message: /"autoPrepare" must be true or false/,
        });
      }
    }
    for (const autoPrepare of [undefined, null, false, true]) new Client({ ...config, autoPrepare });
  });

  test('leaves alone what is not one planned statement', async () => {
    const client = await connected();
    for (const text of ['SHOW work_mem', 'SELECT 1; SELECT 2', 'BEGIN; COMMIT', '']) {
      await times(3, () => client.query(text));
      await times(3, () => client.query({ text, queryMode: 'extended' }).catch(() => {}));
    }
    assert.equal(await prepared(client), 0);
  });

  test('keeps a hundred statements on a connection, those that were used last', async () => {
    const client = await connected();
    for (let n = 0; n < 130; n += 1)
      await times(2, () => client.query(`SELECT ${n} AS n, $1::int4 AS one`, [1]));
    assert.equal(await prepared(client), 100);
    const { rows } = await client.query({
      name: 'listing',
      text: "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'pgfleet%' AND statement LIKE '%SELECT 129 %'",
    });
    assert.equal(rows.length, 1);
    assert.deepEqual((await client.query('SELECT 0 AS n, $1::int4 AS one', [1])).rows, [{ n: 0, one: 1 }]);
  });

  test('gives results and errors as without', async () => {
    const [plain, auto] = await Promise.all([connected({}), connected()]);
    await plain.query(schema);
    const differences = [];
    let answers = 0;
    for (const expression of Object.values(corpus).flat()) {
      const text = `SELECT (${expression}) AS value, $1::int4 AS one`;
      const ask = (client) => outcomeOf(() => client.query(text, [1]));
      const expected = await ask(plain);
      for (let n = 0; n < 3; n += 1) {
        const got = await ask(auto);
        if (got !== expected) differences.push({ text, n, expected, got });
      }
      answers += 1;
    }
    assert.deepEqual(differences, []);
    assert.ok(answers > 100);
  });

  test('gives the errors of wrong values, and of wrong counts of them, as without', async () => {
    const [plain, auto] = await Promise.all([connected({}), connected()]);
    const questions = [
      ['SELECT $1::int4 AS a', ['x']],
      ['SELECT $1::int4 AS a', [1, 2]],
      ['SELECT $1::int4 AS a', [1]],
      ['SELECT $1::int4 AS a', []],
      ['SELECT 1 / $1::int4 AS a', [0]],
      ['SELECT nothing FROM nowhere', []],
      ['SELECT $2::int4 AS a', [1]],
      ['SELECT 1 + 1 FROM', []],
      ['SELECT $1::int4 AS missing', []],
    ];
    for (let round = 0; round < 4; round += 1) {
      for (const [text, values] of questions) {
        const ask = (client) => outcomeOf(() => client.query(text, values));
        assert.equal(await ask(auto), await ask(plain), `${text} ${values}`);
      }
    }
    for (const client of [plain, auto]) await client.query('BEGIN; SAVEPOINT a');
    for (const [text, values] of questions) {
      const ask = async (client) => {
        const first = await outcomeOf(() => client.query(text, values));
        const second = await outcomeOf(() => client.query(text, values));
        await client.query('ROLLBACK TO a');
        return `${first} ${second}`;
      };
      assert.equal(await ask(auto), await ask(plain), `${text} ${values}`);
    }
  });

  for (const reset of ['DISCARD ALL', 'DEALLOCATE ALL', "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$"]) {
    test(`survives ${reset}`, async () => {
      const client = await connected();
      await times(3, (n) => client.query('SELECT $1::int4 AS a', [n]));
      for (let round = 0; round < 5; round += 1) {
        await client.query(reset);
        await times(3, async (n) => {
          assert.deepEqual((await client.query('SELECT $1::int4 AS a', [n])).rows, [{ a: n }]);
        });
      }
    });
  }

  test('stops preparing, once statements have vanished several times', async () => {
    const client = await connected();
    const ask = () => times(3, (n) => client.query('SELECT $1::int4 AS a', [n]));
    for (let round = 0; round < 4; round += 1) {
      await ask();
      await client.query("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
    }
    await ask();
    assert.equal(await prepared(client), 0);
  });

  for (const [what, ...changes] of [
    ['a new column', 'ALTER TABLE changing ADD b text'],
    ['a dropped column', 'ALTER TABLE changing DROP b'],
    ['another type', 'ALTER TABLE changing ALTER a TYPE text'],
    ['another table', 'DROP TABLE changing', 'CREATE TABLE changing (z date, a int8)'],
  ]) {
    for (const [where, changer] of [
      ['on the same connection', (client) => client],
      ['on another connection of the process', () => connected({})],
      ['from elsewhere', null],
    ]) {
      test(`survives ${what} that is made ${where}`, async () => {
        const client = await connected();
        await client.query(
          'DROP TABLE IF EXISTS changing; CREATE TABLE changing (a int4, b text); INSERT INTO changing VALUES (1)',
        );
        const ask = () => client.query('SELECT * FROM changing WHERE $1', [true]);
        await times(3, ask);
        assert.equal(await prepared(client), 1);
        if (what === 'a new column') changes[0] = 'ALTER TABLE changing ADD c text';
        for (const change of changes) {
          // What a DO block does is not seen in its tag, as if another program did it.
          if (changer === null) await client.query(`DO $x$ BEGIN EXECUTE '${change}'; END $x$`);
          else await (await changer(client)).query(change);
        }
        const plain = await connected({});
        const expected = await outcomeOf(() => plain.query('SELECT * FROM changing WHERE $1', [true]));
        for (let n = 0; n < 3; n += 1) assert.equal(await outcomeOf(ask), expected);
        assert.equal(await prepared(client), 1);
      });
    }
  }

  test('notices a schema change of its own transaction, and its end by ROLLBACK', async () => {
    const client = await connected();
    await client.query('DROP TABLE IF EXISTS undone; CREATE TABLE undone (a int4)');
    const ask = async () => (await client.query('SELECT * FROM undone')).fields.map((field) => field.name);
    await times(3, ask);
    await client.query('BEGIN');
    await client.query('ALTER TABLE undone ADD b int4');
    assert.deepEqual(await times(3, ask), ['a', 'b']);
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    assert.deepEqual(await times(3, ask), ['a']);
    await client.query('COMMIT');
  });

  test('notices another search_path, in a transaction as well', async () => {
    const client = await connected();
    await client.query(
      'CREATE SCHEMA other; CREATE TABLE public.there (a int4); CREATE TABLE other.there (x text)',
    );
    const ask = async () => (await client.query('SELECT * FROM there')).fields.map((field) => field.name);
    await times(3, ask);
    await client.query('BEGIN');
    await client.query('SET LOCAL search_path = other');
    assert.deepEqual(await times(3, ask), ['x']);
    await client.query('COMMIT');
    await client.query('BEGIN');
    assert.deepEqual(await times(3, ask), ['a']);
    await client.query('COMMIT');
  });

  test('passes on the error of a change that could not be seen in a transaction, once', async () => {
    const client = await connected();
    await client.query('DROP TABLE IF EXISTS hidden; CREATE TABLE hidden (a int4)');
    const ask = async () => (await client.query('SELECT * FROM hidden')).fields.map((field) => field.name);
    await times(3, ask);
    await client.query("DO $$ BEGIN EXECUTE 'ALTER TABLE hidden ADD b int4'; END $$");
    await client.query('BEGIN');
    const error = await failure(ask());
    assert.equal(error.code, '0A000');
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    assert.deepEqual(await times(3, ask), ['a', 'b']);
    await client.query('COMMIT');
  });

  test('serves queries of a pool that share a connection, through a reset and a schema change', async () => {
    const pool = pooled();
    await pool.query(
      'DROP TABLE IF EXISTS shared; CREATE TABLE shared (a int4); INSERT INTO shared VALUES (1)',
    );
    const burst = () =>
      Promise.all(
        Array.from({ length: 300 }, async (_, n) => {
          const text = `SELECT *, $1::int4 AS n FROM shared ${n % 3 === 0 ? '' : 'WHERE true'}`;
          const { rows } = await pool.query(text, [n]);
          assert.equal(rows[0].n, n);
          return Object.keys(rows[0]).length;
        }),
      );
    await burst();
    await burst();
    assert.ok((await prepared(pool)) >= 2);
    await pool.query("DO $$ BEGIN EXECUTE 'ALTER TABLE shared ADD b int4'; END $$");
    assert.deepEqual([...new Set(await burst())], [3]);
    await pool.query('DISCARD ALL');
    assert.deepEqual([...new Set(await burst())], [3]);
    await pool.query("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
    assert.deepEqual([...new Set(await burst())], [3]);
    assert.equal(pool.totalCount, 1);
  });

  test('runs a statement once, whatever happened to its preparation', async () => {
    const client = await connected();
    await client.query('DROP TABLE IF EXISTS once; CREATE TABLE once (a int4)');
    const insert = (n) => client.query('INSERT INTO once VALUES ($1) RETURNING *', [n]);
    await times(3, insert);
    await client.query("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$");
    await insert(3);
    await client.query("DO $$ BEGIN EXECUTE 'ALTER TABLE once ADD b int4'; END $$");
    assert.deepEqual((await insert(4)).rows, [{ a: 4, b: null }]);
    assert.deepEqual((await client.query('SELECT count(*)::int AS n FROM once')).rows, [{ n: 5 }]);
  });

  test('keeps the order of a pipeline by leaving it unprepared', async () => {
    const client = await connected({ autoPrepare: true, pipeline: true });
    await Promise.all(Array.from({ length: 10 }, (_, n) => client.query('SELECT $1::int4 AS a', [n])));
    assert.equal(await prepared(client), 0);
  });

  test('leaves a replication connection alone, which knows no extended protocol', async () => {
    const client = await connected({ autoPrepare: true, replication: 'database' });
    await times(3, async () => assert.deepEqual((await client.query('SELECT 1 AS a')).rows, [{ a: 1 }]));
  });

  test('tells text from binary results, and rows from arrays', async () => {
    const client = await connected();
    const text = 'SELECT $1::int4 AS a, now() - now() AS b';
    for (const extra of [{}, { binary: true }, { rowMode: 'array' }, {}, { binary: true }]) {
      const result = await times(2, () => client.query({ text, values: [7], ...extra }));
      assert.equal(extra.rowMode === 'array' ? result.rows[0][0] : result.rows[0].a, 7);
      assert.equal(result.fields[0].format, extra.binary ? 'binary' : 'text');
    }
    assert.equal(await prepared(client), 1);
  });
});
