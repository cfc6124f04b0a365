'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');
const { run } = require('../support/program');

const called = (start) => new Promise((resolve) => start((...values) => resolve(values)));

describe('queries with callbacks', () => {
  forBoth(({ pg, ours }) => {
    let client;
    let config;
    before(async () => {
      config = (await postgres()).config();
      client = new pg.Client(config);
      await client.connect();
    });
    after(() => client.end());

    const forms = {
      'text, callback': (callback) => client.query('SELECT 1 AS n', callback),
      'text, values, callback': (callback) => client.query('SELECT $1::int4 AS n', [1], callback),
      'text, undefined, callback': (callback) => client.query('SELECT 1 AS n', undefined, callback),
      'text, null, callback': (callback) => client.query('SELECT 1 AS n', null, callback),
      'object, callback': (callback) => client.query({ text: 'SELECT 1 AS n' }, callback),
      'object, values, callback': (callback) => client.query({ text: 'SELECT $1::int4 AS n' }, [1], callback),
      'object with callback': (callback) => client.query({ text: 'SELECT 1 AS n', callback }),
      'object with callback, values': (callback) =>
        client.query({ text: 'SELECT $1::int4 AS n', callback }, [1]),
    };
    for (const [form, ask] of Object.entries(forms)) {
      test(`the form "${form}" calls back with null and the result, and returns nothing`, async () => {
        let returned;
        const values = await called((callback) => {
          returned = ask(callback);
        });
        assert.equal(returned, undefined);
        assert.equal(values.length, 2);
        assert.equal(values[0], null);
        assert.deepEqual(values[1].rows, [{ n: 1 }]);
      });
    }

    test('a callback beside the object wins over the one in it', async () => {
      const [error, result] = await called((callback) =>
        client.query({ text: 'SELECT 1 AS n', callback: () => assert.fail('the wrong one') }, callback),
      );
      assert.equal(error, null);
      assert.deepEqual(result.rows, [{ n: 1 }]);
    });

    test('a callback gets the error alone', async () => {
      const values = await called((callback) => client.query('SELECT 1 / 0', callback));
      assert.equal(values.length, 1);
      assert.ok(values[0] instanceof pg.DatabaseError);
      assert.equal(values[0].code, '22012');
    });

    test('a callback gets an error of the values', async () => {
      const circle = {};
      circle.self = circle;
      const values = await called((callback) => client.query('SELECT $1', [circle], callback));
      assert.equal(values.length, 1);
      assert.ok(values[0] instanceof TypeError);
      assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    });

    test('a callback finds its query in `this`', async () => {
      const query = await new Promise((resolve) => {
        client.query('SELECT $1::int4 AS n', [1], function () {
          resolve(this);
        });
      });
      assert.deepEqual([query.text, query.values], ['SELECT $1::int4 AS n', [1]]);
    });

    test('without a callback there is a promise', async () => {
      const answer = client.query('SELECT 1');
      assert.ok(answer instanceof Promise);
      await answer;
    });

    test('a callback is not called before query has returned', async () => {
      let returned = false;
      await called((callback) => {
        client.query('SELECT 1', () => callback(assert.ok(returned)));
        returned = true;
      });
    });

    test('a callback may start the next query, which is done after those that wait already', async () => {
      const order = [];
      await called((callback) => {
        client.query('SELECT 1', () => {
          order.push('first');
          client.query('SELECT 3', () => {
            order.push('third');
            callback();
          });
        });
        client.query('SELECT 2', () => order.push('second'));
      });
      assert.deepEqual(order, ['first', 'second', 'third']);
    });

    for (const [what, ask] of Object.entries({
      'text beside a query': () => client.query('SELECT 1', [], 'no function'),
      'text in an object': () => client.query({ text: 'SELECT 1', callback: 'no function' }),
    })) {
      test(`a callback that is a ${what} is refused at once`, async () => {
        assert.throws(ask, { name: 'TypeError', message: 'callback is not a function' });
        assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
      });
    }

    const throwing = (ask) => ({
      source: `
        const pg = require(${JSON.stringify(ours ? '.' : 'pg')});
        const client = new pg.Client(JSON.parse(process.env.QUERY_CONFIG));
        const caught = [];
        process.on('uncaughtException', (error) => caught.push(error.message));
        client.connect(async (error) => {
          if (error) throw error;
          ${ask}
          const { rows } = await client.query('SELECT 7 AS n');
          await client.end();
          console.log(JSON.stringify({ caught, rows }));
        });
      `,
    });
    const programs = {
      'a callback that throws': `client.query('SELECT 1', () => { throw new Error('thrown inside'); });`,
      'callbacks that throw after each other': `
        client.query('SELECT 1', () => { throw new Error('thrown inside'); });
        client.query('SELECT $1::int4', [1], () => { throw new Error('thrown again'); });`,
    };
    // node-postgres loses the rest of what the server sent when a callback throws at an error, and hangs.
    if (ours) {
      programs['the callback of a failed query that throws'] =
        `client.query('SELECT 1 / 0', () => { throw new Error('thrown inside'); });`;
      programs['a listener of rows that throws'] =
        `client.query(new pg.Query('SELECT 1')).on('row', () => { throw new Error('thrown inside'); });`;
      programs['a listener of the end that throws'] =
        `client.query(new pg.Query('SELECT 1')).on('end', () => { throw new Error('thrown inside'); });`;
      programs['a listener of notices that throws'] = `
        client.on('notice', () => { throw new Error('thrown inside'); });
        await client.query("DO $$ BEGIN RAISE NOTICE 'x'; END $$");`;
    }
    for (const [what, ask] of Object.entries(programs)) {
      test(`what ${what} throws reaches uncaughtException, and the client stays usable`, async () => {
        const outcome = await run(throwing(ask), { env: { QUERY_CONFIG: JSON.stringify(config) } });
        assert.equal(outcome.code, 0, outcome.stderr);
        const { caught, rows } = JSON.parse(outcome.stdout);
        assert.deepEqual(rows, [{ n: 7 }]);
        assert.deepEqual(
          caught,
          ask.includes('again') ? ['thrown inside', 'thrown again'] : ['thrown inside'],
        );
      });
    }

    test('what a callback throws ends a process that does not listen for it', async () => {
      const program = throwing(`client.query('SELECT 1', () => { throw new Error('thrown inside'); });`);
      const source = program.source.replace(/process\.on\(.*\n/, '');
      const outcome = await run({ source }, { env: { QUERY_CONFIG: JSON.stringify(config) } });
      assert.equal(outcome.code, 1);
      assert.match(outcome.stderr, /Error: thrown inside/);
    });
  });
});
