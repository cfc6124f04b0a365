'use strict';

const assert = require('node:assert/strict');
const { after, before, beforeEach, describe, test } = require('node:test');
const { settled } = require('../support/failure');
const { postgres } = require('../support/server');

/** Each kind of statement, and the streams that it is the right one for. */
const STATEMENTS = {
  'COPY things FROM STDIN': ['from', 'both'],
  'SELECT 1; COPY things FROM STDIN': ['from', 'both'],
  'COPY things FROM STDIN; SELECT 1': ['from', 'both'],
  'COPY things FROM STDIN; COPY (SELECT 1) TO STDOUT': ['from', 'both'],
  'COPY things FROM STDIN; COPY things FROM STDIN': [],
  'COPY nowhere FROM STDIN': [],
  'COPY (SELECT generate_series(1, 3)) TO STDOUT': ['to', 'QueryStream', 'Cursor'],
  'COPY (SELECT 1) TO STDOUT; COPY (SELECT 2) TO STDOUT': ['to'],
  'COPY (SELECT 1) TO STDOUT; COPY things FROM STDIN': ['both'],
  'SELECT 1 AS n': ['QueryStream', 'Cursor'],
  'SELECT generate_series(1, 300) AS n': ['QueryStream', 'Cursor'],
  'INSERT INTO things VALUES (7)': ['QueryStream', 'Cursor'],
  '': ['QueryStream', 'Cursor'],
  'SELEC 1': [],
};

const GOOD_ENDS = { from: 'finish', both: 'finish', to: 'end', QueryStream: 'end', Cursor: 'end' };

/** When the stream is destroyed, or the cursor closed. */
const MOMENTS = ['never', 'before its turn', 'when it is sent', 'when its answer has come'];

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  const { Client, Pool, Cursor, QueryStream, copyStreams } = require('../..');

  const MAKERS = {
    ...copyStreams,
    QueryStream: (text) => new QueryStream(text),
    Cursor: (text) => new Cursor(text),
  };

  /** Writes, ends and reads what can be; what it tells stands in `told`. */
  function use(stream, kind, told) {
    if (kind === 'Cursor') {
      stream.read(1000, (error) => told.push(error ? 'read failed' : 'read'));
      return;
    }
    if (kind === 'from' || kind === 'both') {
      stream.write('1\n');
      stream.end();
    }
    if (kind !== 'from') stream.resume();
  }

  /** @returns {Promise<void>} settles when the stream is closed */
  function closing(stream, kind, told) {
    for (const name of ['finish', 'end']) stream.on(name, () => told.push(name));
    stream.on('error', () => told.push('error'));
    return new Promise((resolve) => {
      if (kind !== 'Cursor') stream.on('close', resolve);
      else for (const name of ['end', 'error']) stream.on(name, () => setImmediate(resolve));
    });
  }

  /** @returns {Promise<void>} settles when it is destroyed */
  function destroy(stream, kind) {
    if (kind === 'Cursor') return stream.close();
    stream.destroy();
    return Promise.resolve();
  }

  /**
   * Gives one stream to a client or pool, and destroys it at its moment.
   *
   * @returns {Promise<string[]>} what it told
   */
  async function run(owner, kind, text, moment) {
    const what = `${kind} of ${JSON.stringify(text)}, destroyed ${moment}`;
    const told = [];
    const first = moment === 'before its turn' ? owner.query('SELECT pg_sleep(0.01)') : undefined;
    const stream = MAKERS[kind](text);
    const closed = closing(stream, kind, told);
    const settledAll = Promise.allSettled([first, owner.query(stream)]);
    if (moment === 'never') {
      use(stream, kind, told);
      await settled(closed, what);
    } else {
      if (moment === 'when its answer has come') await new Promise((resolve) => setTimeout(resolve, 10));
      await settled(destroy(stream, kind), what);
      if (kind !== 'Cursor') await settled(closed, what);
    }
    await settled(settledAll, `the promise of ${what}`);
    const { rows } = await settled(owner.query('SELECT 42 AS n'), `the query behind ${what}`);
    assert.deepEqual(rows, [{ n: 42 }], what);
    return told;
  }

  describe('any statement in any stream', () => {
    let server;
    /** @type {unknown[]} */
    let uncaught;
    const note = (error) => uncaught.push(error);

    before(async () => {
      server = await postgres();
      await server.asSuperuser((admin) =>
        admin.query('DROP TABLE IF EXISTS things; CREATE TABLE things (id int)'),
      );
      process.on('uncaughtException', note);
      process.on('unhandledRejection', note);
    });

    beforeEach(() => {
      uncaught = [];
    });

    after(async () => {
      process.off('uncaughtException', note);
      process.off('unhandledRejection', note);
      await server.asSuperuser((admin) => admin.query('DROP TABLE things'));
    });

    const OWNERS = {
      'a client': async () => {
        const client = new Client(server.config());
        await client.connect();
        return client;
      },
      'a pool of one': () => new Pool(server.config({ max: 1 })),
    };

    for (const [owner, open] of Object.entries(OWNERS)) {
      for (const kind of Object.keys(MAKERS)) {
        for (const moment of MOMENTS) {
          test(`${kind} on ${owner}, destroyed ${moment}, ends in one way and leaves the client usable`, async () => {
            const lender = await open();
            for (const [text, kinds] of Object.entries(STATEMENTS)) {
              const told = await run(lender, kind, text, moment);
              const what = `${JSON.stringify(text)}: ${told.join(', ')}`;
              assert.deepEqual(uncaught, [], what);
              if (moment !== 'never') {
                // It may have been done before it was destroyed, but never with an end and an error.
                assert.ok(told.filter((name) => name === 'error').length <= 1, what);
                assert.ok(!(told.includes('error') && told.includes(GOOD_ENDS[kind])), what);
              } else if (kinds.includes(kind)) {
                assert.ok(told.includes(GOOD_ENDS[kind]) && !told.includes('error'), what);
              } else {
                assert.ok(told.includes('error') && !told.includes(GOOD_ENDS[kind]), what);
              }
            }
            await settled(lender.end(), 'the end');
          });
        }
      }
    }

    test('a client in pipeline mode refuses each stream, and goes on', async () => {
      const client = new Client(server.config({ pipeline: true }));
      await client.connect();
      for (const kind of Object.keys(MAKERS)) {
        for (const text of Object.keys(STATEMENTS)) {
          for (const moment of ['never', 'when it is sent']) {
            const told = await run(client, kind, text, moment);
            if (moment === 'never')
              assert.ok(told.includes('error'), `${kind} of ${text}: ${told.join(', ')}`);
            assert.deepEqual(uncaught, []);
          }
        }
      }
      await settled(client.end(), 'the end');
    });

    test('a pool that is ended meanwhile ends behind each stream', async () => {
      for (const kind of Object.keys(MAKERS)) {
        for (const text of Object.keys(STATEMENTS)) {
          const pool = new Pool(server.config({ max: 1 }));
          const told = [];
          const stream = MAKERS[kind](text);
          const closed = closing(stream, kind, told);
          const given = Promise.allSettled([pool.query(stream)]);
          use(stream, kind, told);
          await settled(Promise.all([closed, given, pool.end()]), `${kind} of ${JSON.stringify(text)}`);
          assert.deepEqual(uncaught, []);
        }
      }
    });
  });
}
