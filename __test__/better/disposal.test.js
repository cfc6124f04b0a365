'use strict';

// `using` and `await using` are newer than the oldest Node that this package runs on, so TypeScript lowers them.

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const ts = require('typescript');
const pgfleet = require('../..');
const { failure } = require('../support/failure');
const { guideConfig } = require('../support/managers');
const { postgres } = require('../support/server');

/** A function whose body may have `await using`. */
function withUsing(parameters, body) {
  const { outputText } = ts.transpileModule(`async function main(${parameters}) {${body}}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022 },
  });
  return new Function(`${outputText}; return main;`)();
}

describe('at the end of a block', () => {
  let server;
  before(async () => {
    server = await postgres();
  });
  const poolOf = (options) => new pgfleet.Pool(server.config({ max: 2, ...options }));

  test('a pool is ended', async () => {
    const pool = poolOf();
    const main = withUsing('it', "await using pool = it; return (await pool.query('SELECT 1 AS n')).rows;");
    assert.deepEqual(await main(pool), [{ n: 1 }]);
    assert.equal(pool.ended, true);
    assert.equal(pool.totalCount, 0);
  });

  test('a pool that the block has ended, or is ending, is no error', async () => {
    const pool = poolOf();
    await withUsing('it', "await using pool = it; await pool.query('SELECT 1'); pool.end();")(pool);
    assert.equal(pool.ended, true);
    await withUsing('it', 'await using pool = it;')(pool);
  });

  test('a client of a pool is given back, after an error too', async () => {
    const pool = poolOf();
    for (const word of ['await using', 'using']) {
      const body = `${word} client = await pool.connect(); await client.query('SELECT nothing');`;
      assert.equal((await failure(withUsing('pool', body)(pool))).code, '42703');
      assert.equal(pool.totalCount, 1);
      assert.equal(pool.idleCount, 1);
    }
    await pool.end();
  });

  test('a client that the block has given back stays with its next user', async () => {
    const pool = poolOf({ max: 1 });
    const body = `await using client = await pool.connect();
      client.release();
      return pool.connect();`;
    const next = await withUsing('pool', body)(pool);
    assert.equal(pool.idleCount, 0);
    assert.deepEqual((await next.query('SELECT 1 AS n')).rows, [{ n: 1 }]);
    next.release();
    assert.equal(pool.idleCount, 1);
    await pool.end();
  });

  test('a client of a pool with a Client class of the program’s own is given back', async () => {
    class Own extends pgfleet.Client {}
    const pool = poolOf({ Client: Own });
    const body = "await using client = await pool.connect(); await client.query('SELECT 1');";
    await withUsing('pool', body)(pool);
    assert.equal(pool.idleCount, 1);
    await pool.end();
  });

  test('a client of its own is ended', async () => {
    const client = new pgfleet.Client(server.config());
    const ended = new Promise((resolve) => client.once('end', resolve));
    await withUsing('it', 'await using client = it; await client.connect();')(client);
    await ended;
    assert.match((await failure(client.query('SELECT 1'))).message, /not queryable/);
    assert.equal(client[Symbol.dispose], undefined, 'a sync block can’t wait for the end');
  });

  test('a manager is closed', async () => {
    const manager = new pgfleet.DatabaseManager();
    await withUsing('it, config', "await using manager = it; await it.addConnection('main', config);")(
      manager,
      guideConfig(server, { ssl: false }),
    );
    assert.match((await failure(manager.executeDDL('SELECT 1'))).message, /closed/);
  });
});
