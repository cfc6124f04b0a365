'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('the stack of an error leads to the caller', () => {
  forBoth(({ pg }) => {
    let client;
    let pool;
    let config;
    before(async () => {
      config = (await postgres()).config();
      client = new pg.Client(config);
      await client.connect();
      pool = new pg.Pool({ ...config, max: 2 });
    });
    after(async () => {
      await client.end();
      await pool.end();
    });

    const circle = {};
    circle.self = circle;
    const failures = {
      'a server error of a client': () => client.query('SELECT 1 / 0'),
      'a server error of a client with values': () => client.query('SELECT $1::int4', ['x']),
      'a server error of a named statement': () => client.query({ name: 'faulty', text: 'SELEC' }),
      'a value that cannot be prepared': () => client.query('SELECT $1', [circle]),
      'a query without text': () => client.query({}),
      'a server error of a pool': () => pool.query('SELECT 1 / 0'),
      'a server error of a pool with values': () => pool.query('SELECT $1::int4', ['x']),
      'a pool that cannot connect': () =>
        new pg.Pool({ ...config, database: 'no_such_database' }).query('SELECT 1'),
      'a pool that cannot connect a client': () =>
        new pg.Pool({ ...config, database: 'no_such_database' }).connect(),
    };

    for (const [what, fail] of Object.entries(failures)) {
      test(`for ${what}`, async () => {
        async function theFunctionThatAsks() {
          return await fail();
        }
        const error = await theFunctionThatAsks().catch((reason) => reason);
        assert.ok(error instanceof Error);
        assert.match(error.stack, /theFunctionThatAsks/);
        assert.ok(error.stack.includes(error.message));
        assert.ok(error.stack.includes(__filename));
      });
    }

    test('of every query when several fail at once', async () => {
      const first = async () => await client.query('SELECT 1 / 0');
      const second = async () => await client.query('SELECT 1 / 0');
      const errors = await Promise.all([first, second].map((ask) => ask().catch((error) => error)));
      assert.match(errors[0].stack, /at async first/);
      assert.match(errors[1].stack, /at async second/);
    });
  });
});
