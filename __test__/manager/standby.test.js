'use strict';

const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const DatabaseManager = require('../..');
const { startEmbedded } = require('../../scripts/support/embedded.js');
const { failure, settled } = require('../support/failure.js');
const { CUTS, scriptProxy } = require('../support/script-proxy.js');

if (process.env.PGFLEET_CONTENDER !== 'pg') {
  describe('executeDDL on a standby, which gives transactions no ids', () => {
    let server;
    before(async () => {
      const version = Number(process.env.PGFLEET_TEST_VERSION ?? 17);
      server = await startEmbedded({ version, tls: false, settings: { wal_level: 'replica' } });
      fs.writeFileSync(path.join(server.socketDirectory, 'data', 'standby.signal'), '');
      await server.restart('fast');
    });
    after(() => server.stop());

    async function connected(overrides) {
      const manager = new DatabaseManager();
      await manager.addConnection('main', server.config({ ssl: false, max: 1, ...overrides }));
      const { rows } = await manager.currentPool.query('SELECT pg_is_in_recovery() AS standby');
      assert.deepEqual(rows, [{ standby: true }]);
      return manager;
    }

    for (const commit of ['confirmed', 'pipelined']) {
      test(`a script that reads works, with a COMMIT that is ${commit}`, async () => {
        const manager = await connected();
        const { rows } = await settled(manager.executeDDL('SELECT 1 AS one', { commit }), 'executeDDL');
        assert.deepEqual(rows, [{ one: 1 }]);
        await manager.close();
      });

      test(`a script that writes is refused, with a COMMIT that is ${commit}`, async () => {
        const manager = await connected();
        const error = await settled(
          failure(manager.executeDDL('CREATE TABLE t ()', { commit })),
          'executeDDL',
        );
        assert.deepEqual([error.code, error.outcome], ['25006', 'not applied']);
        assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
        await manager.close();
      });
    }

    test('a lost answer to COMMIT leaves nothing that was applied', async () => {
      const cut = (link) => {
        CUTS.FIN(link);
        return false;
      };
      const proxy = await scriptProxy(server, { onCommitted: cut });
      const manager = await connected({ port: proxy.port });
      const error = await settled(failure(manager.executeDDL('SELECT 1')), 'executeDDL');
      assert.match(error.message, /Connection terminated unexpectedly/);
      assert.equal(error.outcome, 'not applied');
      await manager.close();
      await proxy.close();
    });
  });
}
