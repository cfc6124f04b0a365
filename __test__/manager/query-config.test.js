'use strict';

const { after, before, test } = require('node:test');
const assert = require('node:assert/strict');
const { failure } = require('../support/failure.js');
const { closeManager, forManagers, guideConfig, ofOurManager } = require('../support/managers.js');
const { postgres } = require('../support/server.js');

/** What a program can read from a result, without the class of the object it is in. */
function readable(result) {
  if (Array.isArray(result)) return result.map(readable);
  const { command, rowCount, rows, fields } = result;
  return { command, rowCount, rows, fields: fields.map((field) => ({ ...field })) };
}

/** What `client.query` takes, each with what the rows are. */
const QUERIES = {
  'text and values': [{ text: 'SELECT $1::int AS a, $2::text AS b', values: [7, 'x'] }, [{ a: 7, b: 'x' }]],
  'values of many kinds': [
    {
      text: 'SELECT $1::text AS a, $2::bytea AS b, $3::int[] AS c, $4::jsonb AS d, $5::timestamptz AS e',
      values: [null, Buffer.from([0, 255]), [1, 2], { a: [1] }, new Date(0)],
    },
    [{ a: null, b: Buffer.from([0, 255]), c: [1, 2], d: { a: [1] }, e: new Date(0) }],
  ],
  'rowMode array': [{ text: 'SELECT 1 AS a, 2 AS a', rowMode: 'array' }, [[1, 2]]],
  'rowMode array of several statements': [
    { text: 'SELECT 1 AS a; SELECT 2 AS b', rowMode: 'array' },
    [[[1]], [[2]]],
  ],
  'a name': [{ name: 'named', text: 'SELECT $1::int AS a', values: [1] }, [{ a: 1 }]],
  'a name without values': [{ name: 'named too', text: 'SELECT 1 AS a' }, [{ a: 1 }]],
  'parsers of its own': [
    { text: 'SELECT 1 AS a', types: { getTypeParser: () => (value) => `<${value}>` } },
    [{ a: '<1>' }],
  ],
  'binary results': [{ text: 'SELECT $1::int AS a', values: [3], binary: true }, [{ a: 3 }]],
  'the extended protocol': [{ text: 'SELECT 1 AS a', queryMode: 'extended' }, [{ a: 1 }]],
};

forManagers(({ DatabaseManager }) => {
  let manager;
  before(async () => {
    const server = await postgres();
    manager = new DatabaseManager();
    await manager.addConnection('main', guideConfig(server, { database: await server.createDatabase() }));
  });
  after(() => closeManager(manager));

  for (const [what, [query, expected]] of Object.entries(QUERIES)) {
    for (const inTransaction of [true, false]) {
      test(`executeDDL takes ${what}, ${inTransaction ? 'in a transaction' : 'without one'}`, async () => {
        const result = await manager.executeDDL(query, inTransaction);
        const rows = Array.isArray(result) ? result.map((one) => one.rows) : result.rows;
        assert.deepEqual(rows, expected);
      });
    }
  }

  test('executeDDL with values runs in a transaction, and is undone when it fails', async () => {
    await manager.executeDDL('CREATE TABLE valued (id int)');
    const insert = { text: 'INSERT INTO valued VALUES ($1) RETURNING id / $2 AS never', values: [1, 0] };
    assert.equal((await failure(manager.executeDDL(insert))).code, '22012');
    await manager.executeDDL({ text: 'INSERT INTO valued VALUES ($1)', values: [2] });
    assert.deepEqual((await manager.executeDDL('SELECT id FROM valued')).rows, [{ id: 2 }]);
  });

  test('executeDDL refuses several statements with values', async () => {
    const several = { text: 'SELECT $1::int; SELECT 2', values: [1] };
    assert.equal((await failure(manager.executeDDL(several))).code, '42601');
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  test('executeDDL rejects with what toPostgres throws', async () => {
    const value = {
      toPostgres() {
        throw new RangeError('no such value');
      },
    };
    const error = await failure(manager.executeDDL({ text: 'SELECT $1', values: [value] }));
    assert.deepEqual([error.name, error.message], ['RangeError', 'no such value']);
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  test('executeDDL goes through the query of a client that was replaced and given back', async () => {
    const client = await manager.currentPool.connect();
    const { query } = client;
    const seen = [];
    client.query = function spy(text, ...rest) {
      seen.push(text);
      return query.call(this, text, ...rest);
    };
    client.release();
    const { rows } = await manager.executeDDL('SELECT 1 AS one');
    assert.deepEqual(rows, [{ one: 1 }]);
    assert.deepEqual(seen, ['BEGIN', 'SELECT 1 AS one', 'COMMIT']);
    seen.length = 0;
    assert.equal((await failure(manager.executeDDL('SELECT 1/0'))).code, '22012');
    assert.deepEqual(seen, ['BEGIN', 'SELECT 1/0', 'ROLLBACK']);
    delete client.query;
  });

  test('executeDDL goes through a query that was replaced for all clients', async (t) => {
    const { prototype } = manager.currentPool.Client;
    const { query } = prototype;
    const seen = [];
    t.after(() => (prototype.query = query));
    prototype.query = function traced(text, ...rest) {
      seen.push(text);
      return query.call(this, text, ...rest);
    };
    const script = { text: 'SELECT $1::int AS one', values: [1] };
    assert.deepEqual((await manager.executeDDL(script)).rows, [{ one: 1 }]);
    assert.deepEqual(seen, ['BEGIN', script, 'COMMIT']);
  });
});

ofOurManager('the outcome of an executeDDL that is refused', (bench) => {
  const { DatabaseManager } = bench;

  for (const [what, args] of Object.entries({
    'no text': [undefined],
    'a number for a text': [42],
    'a submittable': [{ submit: () => undefined }],
    'options that are no object': ['SELECT 1', undefined, 'fast'],
    'a commit that there isn’t': ['SELECT 1', { commit: 'later' }],
    'a transaction that there isn’t': ['SELECT 1', { transaction: 'maybe' }],
    'two transactions that disagree': ['SELECT 1', { transaction: true, useTransaction: false }],
    'a signal that is none': ['SELECT 1', { signal: {} }],
  })) {
    test(`${what} is a TypeError that was not applied`, async () => {
      const manager = await bench.manager();
      const error = await failure(manager.executeDDL(...args));
      assert.ok(error instanceof TypeError);
      assert.equal(error.outcome, 'not applied');
    });
  }

  test('a text that is a String is taken for its characters', async () => {
    const manager = await bench.manager();
    for (const sql of [new String('SELECT 1 AS one'), { text: new String('SELECT 1 AS one') }]) {
      assert.deepEqual((await manager.executeDDL(sql)).rows, [{ one: 1 }]);
      assert.deepEqual((await manager.executeDDL(sql, false)).rows, [{ one: 1 }]);
    }
  });

  test('values that can’t be converted were not applied', async () => {
    const manager = await bench.manager();
    const circle = {};
    circle.itself = circle;
    const error = await failure(manager.executeDDL({ text: 'SELECT $1', values: [circle] }));
    assert.deepEqual([error.name, error.outcome], ['TypeError', 'not applied']);
  });

  test('a closed manager, one without a connection and one that can’t connect applied nothing', async () => {
    const closed = await bench.manager();
    await closed.close();
    const empty = bench.keep(new DatabaseManager());
    const ended = await bench.manager();
    await ended.currentPool.end();
    for (const [manager, message] of [
      [closed, /closed/],
      [empty, /no connection/],
      [ended, /after calling end/],
    ]) {
      const error = await failure(manager.executeDDL('SELECT 1'));
      assert.match(error.message, message);
      assert.equal(error.outcome, 'not applied');
    }
  });

  test('an error that can’t be written on is the cause of one that has an outcome', async () => {
    const manager = await bench.manager();
    const frozen = Object.freeze(Object.assign(new Error('no clients here'), { code: 'NONE' }));
    manager.currentPool = { connect: () => Promise.reject(frozen) };
    const error = await failure(manager.executeDDL('SELECT 1'));
    assert.deepEqual(
      [error.message, error.code, error.cause, error.outcome],
      ['no clients here', 'NONE', frozen, 'not applied'],
    );
    manager.currentPool = { connect: () => Promise.reject('plain words') };
    const told = await failure(manager.executeDDL('SELECT 1', { signal: new AbortController().signal }));
    assert.deepEqual([told.message, told.cause, told.outcome], ['plain words', 'plain words', 'not applied']);
  });

  test('a call right before the end of its pool, its connection or its manager is served', async () => {
    for (const end of [
      (manager) => manager.currentPool.end(),
      (manager) => manager.close(),
      (manager) => manager.removeConnection('main'),
    ]) {
      const manager = await bench.manager({ max: 1 });
      const tables = [bench.unique(), bench.unique(), bench.unique()];
      const calls = tables.map((table) => manager.executeDDL(`CREATE TABLE ${table} ()`));
      const ended = end(manager);
      await Promise.all(calls);
      await ended;
      assert.deepEqual(await bench.tables(...tables), [...tables].sort());
    }
  });

  test('two hundred at once on one connection are all served', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique();
    await manager.executeDDL(`CREATE TABLE ${table} (id int)`);
    await Promise.all(
      Array.from({ length: 200 }, (_, id) => manager.executeDDL(`INSERT INTO ${table} VALUES (${id})`)),
    );
    assert.deepEqual(await bench.look(`SELECT count(*)::int AS rows FROM ${table}`), [{ rows: 200 }]);
    assert.equal(manager.currentPool.totalCount, 1);
  });
});
