'use strict';

const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const DatabaseManager = require('../..');
const { Client } = require('pg');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const backend = require('../support/backend-messages.js');
const { eventually, failure, settled } = require('../support/failure.js');
const { heldLock } = require('../support/held-lock.js');
const { CUTS, scriptProxy } = require('../support/script-proxy.js');

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  describe('what executeDDL tells when the server can’t be asked at once', () => {
    let server;
    before(async () => {
      const version = Number(process.env.PGFLEET_TEST_VERSION ?? 17);
      server = await startEmbedded({ version, tls: false, settings: { synchronous_commit: 'on' } });
    });
    after(() => server.stop());

    let tables = 0;
    /** A script whose link is cut in its COMMIT, and whose server can't be reached until `isDown` is false. */
    async function interrupted(moment, { onLookUp, ...config } = {}) {
      tables += 1;
      const table = `restarted_${tables}`;
      const state = { isDown: false, lookUps: 0 };
      const proxy = await scriptProxy(server, {
        onLink(link) {
          if (state.isDown) link.destroy();
          else if (link.number > 0 && onLookUp) onLookUp(link, (state.lookUps += 1));
        },
        [moment](link) {
          state.isDown = !onLookUp;
          CUTS.FIN(link);
          return false;
        },
      });
      const manager = new DatabaseManager();
      const target = server.config({ port: proxy.port, ssl: false, connectionTimeoutMillis: 30_000, max: 1 });
      await manager.addConnection('main', { ...target, ...config });
      const ddl = manager.executeDDL(`CREATE TABLE ${table} (id int)`);
      ddl.catch(() => undefined);
      if (!onLookUp) await eventually(() => state.isDown, 'COMMIT');
      const close = async () => {
        await manager.close();
        await proxy.close();
      };
      return { close, ddl, state, table };
    }

    async function isThere(table) {
      const client = new Client(server.config());
      await client.connect();
      const { rows } = await client.query('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
      await client.end();
      return rows[0].there;
    }

    for (const how of ['fast', 'immediate']) {
      test(`a committed id proves nothing after a restart that is ${how}: unknown`, async () => {
        const { close, ddl, state, table } = await interrupted('onCommitted');
        await server.restart(how);
        state.isDown = false;
        const error = await settled(failure(ddl), 'executeDDL', 60_000);
        assert.equal(error.outcome, 'unknown');
        assert.deepEqual(error.steps, [{ statement: `CREATE TABLE ${table} (id int)`, state: 'unknown' }]);
        assert.match(error.message, /the server was started anew/);
        assert.equal(await isThere(table), true);
        await close();
      });

      test(`a COMMIT that never arrived before a restart that is ${how}: not applied`, async () => {
        const { close, ddl, state, table } = await interrupted('onCommit');
        await server.restart(how);
        state.isDown = false;
        const error = await settled(failure(ddl), 'executeDDL', 60_000);
        assert.equal(error.outcome, 'not applied');
        assert.equal(await isThere(table), false);
        await close();
      });
    }

    test('a server that is starting up is asked again', async () => {
      const refuse = (link, number) => {
        if (number > 2) return;
        const starting = { S: 'FATAL', V: 'FATAL', C: '57P03', M: 'the database system is starting up' };
        link.client.end(backend.errorResponse(starting));
        link.server.destroy();
      };
      const { close, ddl, state, table } = await interrupted('onCommitted', { onLookUp: refuse });
      assert.equal((await settled(ddl, 'executeDDL')).command, 'CREATE');
      assert.equal(state.lookUps, 3);
      assert.equal(await isThere(table), true);
      await close();
    });

    test('a server that refuses the look-up is asked once: unknown', async () => {
      const refuse = (link) => {
        link.client.end(backend.errorResponse({ S: 'FATAL', V: 'FATAL', C: '28P01', M: 'wrong password' }));
        link.server.destroy();
      };
      const { close, ddl, state } = await interrupted('onCommitted', { onLookUp: refuse });
      const error = await settled(failure(ddl), 'executeDDL');
      assert.equal(error.outcome, 'unknown');
      assert.match(error.message, /the server could not be asked: wrong password/);
      assert.equal(state.lookUps, 1);
      await close();
    });

    test('a COMMIT that takes long on a sound connection is waited for, also when the look-up is refused', async () => {
      const proxy = await scriptProxy(server, {
        onLink(link) {
          if (link.number === 0) return;
          const full = { S: 'FATAL', V: 'FATAL', C: '28000', M: 'no more connections for this role' };
          link.client.end(backend.errorResponse(full));
          link.server.destroy();
        },
      });
      const manager = new DatabaseManager();
      await manager.addConnection('main', server.config({ port: proxy.port, ssl: false, max: 1 }));
      const held = await heldLock(server.config());
      const ddl = manager.executeDDL(`CREATE TABLE slowly (id int);
          CREATE FUNCTION slowly_wait() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock(${held.key}); RETURN NULL; END $$;
          CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slowly DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION slowly_wait();
          INSERT INTO slowly VALUES (1)`);
      await eventually(() => proxy.accepted > 1, 'a look-up');
      await held.release();
      assert.equal((await settled(ddl, 'executeDDL')).length, 4);
      await manager.close();
      await proxy.close();
    });

    test('a server that is gone for longer than connectionTimeoutMillis: unknown, with what to do', async () => {
      const { close, ddl, table } = await interrupted('onCommitted', { connectionTimeoutMillis: 1500 });
      const error = await settled(failure(ddl), 'executeDDL');
      assert.equal(error.outcome, 'unknown');
      assert.deepEqual(error.steps, [{ statement: `CREATE TABLE ${table} (id int)`, state: 'unknown' }]);
      assert.match(error.message, /^Connection terminated unexpectedly\. .* could not be asked/);
      assert.match(error.message, /Look for its effects before it is run again\.$/);
      await close();
    });
  });
}
