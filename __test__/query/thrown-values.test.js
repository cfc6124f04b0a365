'use strict';

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const { forBoth } = require('../support/both.js');
const { settled } = require('../support/failure.js');
const { postgres } = require('../support/server.js');

// Code of the program's own runs while a query is made and while its answer is read. Whatever it throws, the query
// rejects with that; the client, or the pool, goes on.

const thrower = (value) => () => {
  throw value;
};

const unreadable = new Proxy(
  {},
  { get: thrower(new Error('get')), defineProperty: thrower(new Error('defineProperty')) },
);

/** An error of which nothing can be read. */
const unspeakable = new Error('unspeakable');
assert.ok(unspeakable.stack); // which is made when it is read first, of the others
for (const name of ['message', 'name', 'code', 'severity']) {
  Object.defineProperty(unspeakable, name, { get: thrower(new Error(`${name} was read`)) });
}

const THROWN = {
  'an Error': new Error('of the program'),
  'a frozen Error': Object.freeze(new Error('frozen')),
  'a frozen object': Object.freeze({ a: 1 }),
  'an Error of throwing getters': unspeakable,
  'a proxy that throws': unreadable,
  'a string': 'words',
  'a symbol': Symbol('thrown'),
  undefined,
  null: null,
  0: 0,
  false: false,
  "''": '',
};

const PLACES = {
  toPostgres: (throws) => ({ text: 'SELECT $1::text', values: [{ toPostgres: throws }] }),
  'toPostgres in an array': (throws) => ({ text: 'SELECT $1::text[]', values: [[{ toPostgres: throws }]] }),
  toJSON: (throws) => ({ text: 'SELECT $1::text', values: [{ toJSON: throws }] }),
  "a function's toString": (throws) => ({
    text: 'SELECT $1::text',
    values: [Object.assign(() => undefined, { toString: throws })],
  }),
  'a getter among the values': (throws) => ({
    text: 'SELECT $1::text, $2::text',
    values: Object.defineProperty(['a', 'b'], 1, { get: throws, enumerable: true }),
  }),
  'a parser': (throws) => ({ text: 'SELECT 1 AS a', types: { getTypeParser: () => throws } }),
  getTypeParser: (throws) => ({ text: 'SELECT 1 AS a', types: { getTypeParser: throws } }),
};

/** Options of a configuration that every way of asking reads. */
const GETTERS = ['text', 'values', 'name', 'types', 'rowMode', 'binary', 'queryMode', 'rows', 'portal'];

const WAYS = {
  'a client': { make: (pg, config) => new pg.Client(config) },
  'a pipeline': { make: (pg, config) => new pg.Client({ ...config, pipeline: true }), isOurs: true },
  'a client with a stream': {
    make: (pg, config) => new pg.Client({ ...config, stream: () => new net.Socket() }),
  },
  'a pool': { make: (pg, config) => new pg.Pool({ ...config, max: 1 }) },
  'a pool that is listened to': {
    make: (pg, config) => new pg.Pool({ ...config, max: 1 }).on('acquire', () => undefined),
  },
};

async function reasonOf(promise) {
  return settled(
    promise.then(
      (result) => assert.fail(`resolved with ${JSON.stringify(result)}`),
      (reason) => ({ reason }),
    ),
    'the query',
  );
}

forBoth(({ pg, ours }) => {
  let server;
  before(async () => {
    server = await postgres();
  });

  for (const [way, { make, isOurs }] of Object.entries(WAYS)) {
    if (isOurs && !ours) continue;
    describe(way, () => {
      let target;
      before(async () => {
        target = make(pg, server.config());
        if (target instanceof pg.Client) await target.connect();
      });
      after(() => target.end());

      async function assertGoesOn() {
        const { rows } = await settled(target.query('SELECT 1 AS a'), 'the next query');
        assert.deepEqual(rows, [{ a: 1 }]);
        if (target instanceof pg.Pool) assert.equal(target.totalCount - target.idleCount, 0);
      }

      for (const [place, queryOf] of Object.entries(PLACES)) {
        // With pg a client without an answer is stuck after that one.
        if (!ours && place === 'getTypeParser') continue;
        for (const [what, value] of Object.entries(THROWN)) {
          // With pg only some of what is thrown counts, and comes as it was thrown.
          if (!ours && what !== 'an Error') continue;
          test(`${place} that throws ${what} rejects the query`, async () => {
            const { reason } = await reasonOf(target.query(queryOf(thrower(value))));
            if (value) assert.ok(reason === value, 'rejected with something else');
            else assert.match(reason.message, /^A callback has thrown /);
            await assertGoesOn();
          });
        }
      }

      for (const option of GETTERS) {
        if (isOurs && option === 'portal') continue; // which a pipeline doesn't read
        test(`a getter "${option}" that throws rejects with a pool, and throws with a client`, async () => {
          const thrown = new Error('of a getter');
          const query = Object.defineProperty({ text: 'SELECT $1::text AS a', values: ['x'] }, option, {
            get: thrower(thrown),
            enumerable: true,
          });
          if (target instanceof pg.Pool) assert.equal((await reasonOf(target.query(query))).reason, thrown);
          else assert.throws(() => target.query(query), thrown);
          await assertGoesOn();
        });
      }

      test('a toPostgres that leads back to itself rejects', async () => {
        const itself = { toPostgres: () => itself };
        const first = { toPostgres: (prepare) => prepare(second) };
        const second = { toPostgres: () => first };
        for (const value of [itself, first]) {
          const { reason } = await reasonOf(target.query('SELECT $1::text', [value]));
          assert.match(reason.message, /^circular reference detected|^Maximum call stack/);
        }
        await assertGoesOn();
      });

      test('values that change while they are prepared are those that were counted first', async () => {
        const growing = [
          {
            toPostgres() {
              growing.push('more');
              return 'a';
            },
          },
        ];
        assert.deepEqual((await target.query('SELECT $1::text AS a', growing)).rows, [{ a: 'a' }]);
      });

      if (!ours) return;

      test('more values than the protocol can count are refused, however many they claim to be', async () => {
        for (const values of [new Array(70_000).fill('x'), new Array(2 ** 32 - 1)]) {
          const { reason } = await reasonOf(target.query('SELECT $1::text', values));
          assert.match(reason.message, /^A query can have at most 65535 values, and this one has \d+\./);
        }
        await assertGoesOn();
      });

      test('values that can only be asked with an error reject', async () => {
        const { proxy, revoke } = Proxy.revocable([], {});
        revoke();
        const length = new Proxy([], { get: thrower(undefined) });
        for (const values of [proxy, length, [proxy]]) {
          const { reason } = await reasonOf(target.query('SELECT $1::text', values));
          assert.match(reason.message, /on a proxy that has been revoked$|^A callback has thrown undefined$/);
          await assertGoesOn();
        }
      });

      test('a toString that gives no text rejects', async () => {
        for (const given of [5, {}, true]) {
          const value = Object.assign(() => undefined, { toString: () => given });
          const { reason } = await reasonOf(target.query('SELECT $1::text', [value]));
          assert.match(reason.message, /must be (a string|of type string)/);
        }
        await assertGoesOn();
      });
    });
  }
});
