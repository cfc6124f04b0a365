'use strict';

// Supavisor lets go of whoever sends a cancel request before it passes the request on, so that it may hit what the connection
// does next. It never does.

const { afterEach, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const pgfleet = require('../..');
const { eventually, failure } = require('../support/failure.js');
const { postgres } = require('../support/server.js');
const { startSupavisor } = require('../support/supavisor/index.js');

const REF = 'abcdefghijklmnopqrst';

for (const mode of /** @type {const} */ (['session', 'transaction'])) {
  describe(`a cancel request that Supavisor passes on late, in ${mode} mode`, () => {
    let server;
    let pooler;
    let config;
    before(async () => {
      server = await postgres();
    });
    afterEach(() => pooler.close());

    async function start(millis = {}) {
      pooler = await startSupavisor({ server, tenants: { [REF]: {} }, millis });
      const port = mode === 'session' ? pooler.port : pooler.transactionPort;
      config = pooler.config(REF, { port, max: 1 });
    }

    /** Something is asked, and cancelled when it runs; the answer comes before the request does. */
    async function cancelled(ask) {
      const controller = new AbortController();
      const asked = failure(ask('SELECT pg_sleep(0.4)', controller.signal));
      await eventually(() => pooler.busyClients === 1, 'the query');
      controller.abort();
      await asked;
      await eventually(() => pooler.cancels.received > 0, 'the request');
    }

    /** What is asked next runs while the request is passed on. */
    async function assertSpared(ask) {
      const next = ask('SELECT pg_sleep(0.5), 1 AS one');
      await eventually(() => pooler.busyClients === 1, 'the next query');
      pooler.cancels.release();
      assert.equal((await next).rows[0].one, 1);
    }

    test("spares the next query of a pool's", async () => {
      await start();
      const pool = new pgfleet.Pool(config);
      pooler.cancels.hold();
      await cancelled((text, signal) => pool.query({ text, signal }));
      await assertSpared((text) => pool.query(text));
      await pool.end();
    });

    test('spares the query behind a script', async () => {
      await start();
      const manager = new pgfleet.DatabaseManager();
      const { user, password, host, port, ssl } = config;
      await manager.addConnection('main', {
        ...{ dbHost: host, dbPort: port, dbUser: user, dbPassword: password, ssl, max: 1 },
      });
      pooler.cancels.hold();
      await cancelled((script, signal) => manager.executeDDL(script, { signal }));
      await assertSpared((text) => manager.currentPool.query(text));
      await manager.close();
    });

    test("spares the next query of a client's, which waits for it a little", async () => {
      await start({ cancel: 100 });
      const client = new pgfleet.Client(config);
      await client.connect();
      await cancelled((text, signal) => client.query({ text, signal }));
      const { rows } = await client.query('SELECT pg_sleep(0.5), 1 AS one');
      assert.equal(rows[0].one, 1);
      await client.end();
    });
  });
}
