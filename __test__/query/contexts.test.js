'use strict';

const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { before, after, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');
const { run } = require('../support/program');

describe('the context of the caller', () => {
  forBoth(({ pg, ours }) => {
    const storage = new AsyncLocalStorage();
    let client;
    let pool;
    let config;
    before(async () => {
      config = (await postgres()).config();
      client = new pg.Client(config);
      await client.connect();
      pool = new pg.Pool({ ...config, max: 1 });
    });
    after(async () => {
      await client.end();
      await pool.end();
    });

    const asks = {
      'client.query': () => client.query('SELECT 1'),
      'client.query that fails': () => client.query('SELECT 1 / 0').catch(() => {}),
      'pool.query': () => pool.query('SELECT 1'),
      'pool.query that fails': () => pool.query('SELECT 1 / 0').catch(() => {}),
      'pool.connect': async () => (await pool.connect()).release(),
    };
    for (const [what, ask] of Object.entries(asks)) {
      test(`is there after await of ${what}, also when many wait`, async () => {
        const seen = await Promise.all(
          ['a', 'b', 'c', 'd'].map((name) =>
            storage.run(name, async () => {
              await ask();
              return storage.getStore();
            }),
          ),
        );
        assert.deepEqual(seen, ['a', 'b', 'c', 'd']);
      });
    }

    // node-postgres calls back in the context in which its socket was opened.
    if (ours) {
      const callbacks = {
        'client.query': (done) => client.query('SELECT 1', done),
        'client.query that fails': (done) => client.query('SELECT 1 / 0', done),
        'pool.query': (done) => pool.query('SELECT 1', done),
        'pool.connect': (done) =>
          pool.connect((error, _client, release) => {
            release();
            done(error);
          }),
      };
      for (const [what, ask] of Object.entries(callbacks)) {
        test(`is there in the callback of ${what}, also when many wait`, async () => {
          const seen = await Promise.all(
            ['a', 'b', 'c', 'd'].map(
              (name) =>
                new Promise((resolve) => storage.run(name, () => ask(() => resolve(storage.getStore())))),
            ),
          );
          assert.deepEqual(seen, ['a', 'b', 'c', 'd']);
        });
      }
    }

    test('a domain that is active when a query is asked is active in its callback', async () => {
      const source = `
        const domain = require('node:domain');
        const pg = require(${JSON.stringify(ours ? '.' : 'pg')});
        const client = new pg.Client(JSON.parse(process.env.QUERY_CONFIG));
        client.connect().then(() => {
          const area = domain.create();
          area.run(() => {
            client.query('SELECT 1', () => {
              console.log(process.domain === area ? 'same domain' : 'another domain');
              client.query('SELECT $1::int4', [1], () => {
                console.log(process.domain === area ? 'same domain' : 'another domain');
                client.end();
              });
            });
          });
        });
      `;
      const outcome = await run({ source }, { env: { QUERY_CONFIG: JSON.stringify(config) } });
      assert.equal(outcome.code, 0, outcome.stderr);
      assert.equal(outcome.stdout, 'same domain\nsame domain\n');
    });
  });
});
