'use strict';

const assert = require('node:assert/strict');
const { beforeEach, afterEach, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('queries of a pool', () => {
  forBoth(({ pg }) => {
    let pool;
    beforeEach(async () => {
      pool = new pg.Pool((await postgres()).config({ max: 3 }));
    });
    afterEach(() => pool.end());

    const called = (start) => new Promise((resolve) => start((...values) => resolve(values)));

    test('by text, values, object, name, and rows as arrays', async () => {
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      assert.deepEqual((await pool.query('SELECT $1::int4 AS n', [2])).rows, [{ n: 2 }]);
      assert.deepEqual((await pool.query({ text: 'SELECT $1::int4 AS n', values: [3] })).rows, [{ n: 3 }]);
      assert.deepEqual((await pool.query({ text: 'SELECT $1::int4 AS n' }, [4])).rows, [{ n: 4 }]);
      assert.deepEqual((await pool.query({ name: 'five', text: 'SELECT 5 AS n' })).rows, [{ n: 5 }]);
      assert.deepEqual((await pool.query({ text: 'SELECT 6 AS n', rowMode: 'array' })).rows, [[6]]);
    });

    test('of several statements', async () => {
      const results = await pool.query('SELECT 1 AS a; SELECT 2 AS b');
      assert.deepEqual(
        results.map(({ rows }) => rows),
        [[{ a: 1 }], [{ b: 2 }]],
      );
    });

    const forms = {
      'text, callback': (callback) => pool.query('SELECT 1 AS n', callback),
      'text, values, callback': (callback) => pool.query('SELECT $1::int4 AS n', [1], callback),
      'text, undefined, callback': (callback) => pool.query('SELECT 1 AS n', undefined, callback),
      'object, callback': (callback) => pool.query({ text: 'SELECT 1 AS n' }, callback),
      'object, values, callback': (callback) => pool.query({ text: 'SELECT $1::int4 AS n' }, [1], callback),
    };
    for (const [form, ask] of Object.entries(forms)) {
      test(`the form "${form}" calls back with undefined and the result, and returns nothing`, async () => {
        let returned = 'nothing yet';
        const values = await called((callback) => {
          returned = ask(callback);
        });
        assert.equal(returned, undefined);
        assert.equal(values.length, 2);
        assert.equal(values[0], undefined);
        assert.deepEqual(values[1].rows, [{ n: 1 }]);
      });
    }

    test('a callback gets the error alone', async () => {
      const values = await called((callback) => pool.query('SELECT 1 / 0', callback));
      assert.equal(values.length, 1);
      assert.equal(values[0].code, '22012');
    });

    test('a function for text is refused', async () => {
      const message = 'Passing a function as the first parameter to pool.query is not supported';
      const [error] = await called((callback) => pool.query(callback));
      assert.equal(error.message, message);
    });

    for (const nothing of [null, undefined]) {
      test(`${nothing} is refused`, async () => {
        await assert.rejects(pool.query(nothing), {
          name: 'TypeError',
          message: 'Client was passed a null or undefined query',
        });
        assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      });
    }

    test('an error of the server rejects, and its client is thrown away', async () => {
      const before = (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
      await assert.rejects(pool.query('SELECT 1 / 0'), (error) => {
        assert.ok(error instanceof pg.DatabaseError);
        assert.equal(error.code, '22012');
        return true;
      });
      assert.notEqual((await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid, before);
    });

    test('an error of the values rejects', async () => {
      const circle = {};
      circle.self = circle;
      await assert.rejects(pool.query('SELECT $1', [circle]), TypeError);
      await assert.rejects(pool.query({}), { message: /^A query must have either text or a name/ });
      await assert.rejects(pool.query('SELECT 1', 'text'), { message: 'Query values must be an array' });
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('a parser that throws rejects', async () => {
      const boom = new Error('boom');
      const types = {
        getTypeParser: () => () => {
          throw boom;
        },
      };
      await assert.rejects(pool.query({ text: 'SELECT 1', types }), (error) => error === boom);
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('a transaction left open by one is not seen by others', async () => {
      await pool.query('BEGIN; SELECT 1 / 1');
      const answers = await Promise.all([1, 2, 3].map(() => pool.query('SELECT 1 AS n')));
      assert.ok(answers.every(({ rows }) => rows[0].n === 1));
    });

    test('thousands at once, good ones and bad ones, each get their own answer', async () => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 2000 }, (_, n) =>
          n % 100 === 99 ? pool.query('SELECT 1 / 0') : pool.query('SELECT $1::int4 AS n', [n]),
        ),
      );
      outcomes.forEach((outcome, n) => {
        if (n % 100 === 99) assert.equal(outcome.reason.code, '22012');
        else assert.deepEqual(outcome.value.rows, [{ n }]);
      });
    });

    test('a Query object', async () => {
      const [error, result] = await called((callback) => pool.query(new pg.Query('SELECT 1 AS n'), callback));
      assert.equal(error, undefined);
      assert.deepEqual(result.rows, [{ n: 1 }]);
    });

    test('query_timeout of a query', async () => {
      await assert.rejects(pool.query({ text: 'SELECT pg_sleep(600)', query_timeout: 100 }), {
        message: 'Query read timeout',
      });
      assert.deepEqual((await pool.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });
  });
});
