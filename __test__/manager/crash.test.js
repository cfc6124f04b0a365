'use strict';

const assert = require('node:assert/strict');
const { after, before, describe, test } = require('node:test');
const DatabaseManager = require('../..');
const { startEmbedded } = require('../../scripts/support/embedded');
const { observerOf } = require('../../bench/ledger/observer');
const { eventually, failure, settled } = require('../support/failure');
const { tappedProxy } = require('../support/proxy');

const COMMIT = Buffer.from('Q\0\0\0\x0bCOMMIT\0');

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  describe('executeDDL on a server that recovers from the crash of a process of its', () => {
    let server;
    let observe;
    before(async () => {
      const version = Number(process.env.PGFLEET_TEST_VERSION ?? 17);
      // What isn't committed is not written either, so that the crash takes the transaction's id with it.
      const settings = { synchronous_commit: 'on', wal_writer_delay: '10s' };
      server = await startEmbedded({ version, settings });
      observe = observerOf(server);
    });
    after(() => server.stop());

    test("doesn't take another transaction with the same id for its own", async () => {
      let isCommitting = false;
      let isClosed = false;
      const proxy = await tappedProxy(server, {
        onLink: (link) => isClosed && link.destroy(),
        onClientBytes(bytes) {
          if (!bytes.includes(COMMIT)) return undefined;
          isCommitting = true;
          return null;
        },
      });
      const manager = new DatabaseManager();
      try {
        const target = server.config({ host: proxy.host, port: proxy.port });
        await manager.addConnection('crashing', { ...target, ssl: false, connectionTimeoutMillis: 30_000 });
        const script = failure(manager.executeDDL('CREATE TABLE lost (n int)'), 'the script');
        await eventually(() => isCommitting, 'COMMIT');
        const { xact } = await observe(async (client) => {
          const sql = `SELECT backend_xid::text AS xact, pg_backend_pid() AS pid
            FROM pg_stat_activity WHERE backend_xid IS NOT NULL`;
          const { rows } = await client.query(sql);
          isClosed = true;
          process.kill(rows[0].pid, 'SIGKILL');
          return rows[0];
        });
        await eventually(() => isTaken(observe, xact), 'another transaction with that id');
        isClosed = false;
        const error = await settled(script, 'the script', 60_000);
        assert.equal(error.outcome, 'unknown');
        const { rows } = await observe((client) => client.query("SELECT to_regclass('lost') AS lost"));
        assert.equal(rows[0].lost, null);
      } finally {
        await manager.close();
        await proxy.close();
      }
    });
  });

  /** Takes the next id of a transaction, and says whether `xact` has been taken, and committed, by now. */
  async function isTaken(observe, xact) {
    return observe(async (client) => {
      await client.query('SELECT txid_current()');
      const sql = 'SELECT CASE WHEN txid_current() > $1::bigint THEN txid_status($1::bigint) END AS status';
      const { rows } = await client.query(sql, [xact]);
      return rows[0].status === 'committed';
    });
  }
}
