'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

const rowsOf = async (answer) => (await answer).rows;

describe('what a query may be made of', () => {
  forBoth(({ pg, ours }) => {
    let client;
    before(async () => {
      client = new pg.Client((await postgres()).config());
      await client.connect();
    });
    after(() => client.end());

    test('a text, with values, as an object, and as an object with values beside it', async () => {
      assert.deepEqual(await rowsOf(client.query('SELECT 1 AS n')), [{ n: 1 }]);
      assert.deepEqual(await rowsOf(client.query('SELECT $1::int4 AS n', [2])), [{ n: 2 }]);
      assert.deepEqual(await rowsOf(client.query({ text: 'SELECT $1::int4 AS n', values: [3] })), [{ n: 3 }]);
      assert.deepEqual(await rowsOf(client.query({ text: 'SELECT $1::int4 AS n' }, [4])), [{ n: 4 }]);
    });

    test('values beside an object win over the values in it', async () => {
      const rows = await rowsOf(client.query({ text: 'SELECT $1::int4 AS n', values: [1] }, [2]));
      assert.deepEqual(rows, [{ n: 2 }]);
    });

    test('the result has the documented parts', async () => {
      const result = await client.query('SELECT 1::int2 AS small, $1::text AS word', ['x']);
      assert.ok(result instanceof pg.Result);
      assert.equal(result.command, 'SELECT');
      assert.equal(result.rowCount, 1);
      assert.equal(result.oid, null);
      assert.deepEqual(
        result.fields.map((field) => ({ ...field })),
        [
          {
            name: 'small',
            tableID: 0,
            columnID: 0,
            dataTypeID: 21,
            dataTypeSize: 2,
            dataTypeModifier: -1,
            format: 'text',
          },
          {
            name: 'word',
            tableID: 0,
            columnID: 0,
            dataTypeID: 25,
            dataTypeSize: -1,
            dataTypeModifier: -1,
            format: 'text',
          },
        ],
      );
    });

    test('an object is neither changed nor kept', async () => {
      const query = { text: 'SELECT $1::int4 AS n', values: [1], name: 'kept', rowMode: 'array' };
      const copy = structuredClone(query);
      await client.query(query);
      await client.query(query, [2]);
      assert.deepEqual(query, copy);
      await new Promise((resolve, reject) => {
        client.query(query, [3], (error) => (error ? reject(error) : resolve()));
      });
      assert.deepEqual(query, copy);
      assert.deepEqual(Reflect.ownKeys(query), Reflect.ownKeys(copy));
    });

    test('an object may be frozen, values and all', async () => {
      const query = Object.freeze({ text: 'SELECT $1::int4 AS n', values: Object.freeze([5]) });
      assert.deepEqual(await rowsOf(client.query(query)), [{ n: 5 }]);
    });

    // node-postgres copies a frozen object with its flags and then can't put the other values in.
    if (ours) {
      test('a frozen object may have other values beside it', async () => {
        const query = Object.freeze({ text: 'SELECT $1::int4 AS n', values: [5] });
        assert.deepEqual(await rowsOf(client.query(query, [6])), [{ n: 6 }]);
      });
    }

    test('an object may have its parts as getters, on its class and from its prototype', async () => {
      class Statement {
        constructor(number) {
          this.number = number;
        }
        get text() {
          return 'SELECT $1::int4 AS n';
        }
        get values() {
          return [this.number];
        }
      }
      const inherited = Object.create({ text: 'SELECT $1::int4 AS n', values: [8], rowMode: 'array' });
      assert.deepEqual(await rowsOf(client.query(new Statement(7))), [{ n: 7 }]);
      assert.deepEqual(await rowsOf(client.query(inherited)), [[8]]);
    });

    test('the same object may be used for queries that run at the same time', async () => {
      const query = { text: 'SELECT $1::int4 AS n' };
      const answers = await Promise.all([1, 2, 3].map((n) => client.query(query, [n])));
      assert.deepEqual(
        answers.map(({ rows }) => rows[0].n),
        [1, 2, 3],
      );
    });

    test('keys that mean nothing are ignored', async () => {
      const query = { text: 'SELECT 1 AS n', sql: 'SELECT 2', params: [1], extra: { deep: true } };
      assert.deepEqual(await rowsOf(client.query(query)), [{ n: 1 }]);
    });

    for (const nothing of [null, undefined]) {
      test(`${nothing} is refused at once`, () => {
        assert.throws(() => client.query(nothing), {
          name: 'TypeError',
          message: 'Client was passed a null or undefined query',
        });
      });
    }

    for (const [what, query] of Object.entries({
      'an empty object': {},
      'a number': 5,
      'an object with a number for text': { text: 5 },
      'an object with null for text': { text: null },
      'an array': ['SELECT 1'],
      'a String object': new String('SELECT 1'),
    })) {
      test(`${what} is refused through the promise`, async () => {
        await assert.rejects(client.query(query), {
          message: 'A query must have either text or a name. Supplying neither is unsupported.',
        });
        assert.deepEqual(await rowsOf(client.query('SELECT 1 AS n')), [{ n: 1 }]);
      });
    }

    test('values that are no array are refused through the promise', async () => {
      await assert.rejects(client.query({ text: 'SELECT 1', values: 'text' }), {
        message: 'Query values must be an array',
      });
      assert.deepEqual(await rowsOf(client.query('SELECT 1 AS n')), [{ n: 1 }]);
    });

    test('utils.normalizeQueryConfig gives a new object with the parts of all arguments', () => {
      const { normalizeQueryConfig } = pg.utils;
      const callback = () => {};
      assert.deepEqual(normalizeQueryConfig('text'), { text: 'text' });
      assert.deepEqual(normalizeQueryConfig('text', [1]), { text: 'text', values: [1] });
      assert.deepEqual(normalizeQueryConfig('text', callback), { text: 'text', callback });
      assert.deepEqual(normalizeQueryConfig('text', [1], callback), { text: 'text', values: [1], callback });
      const query = { text: 'text', values: [1] };
      const normalized = normalizeQueryConfig(query, [2], callback);
      assert.notEqual(normalized, query);
      assert.deepEqual(normalized, { text: 'text', values: [2], callback });
      assert.deepEqual(query, { text: 'text', values: [1] });
    });
  });
});
