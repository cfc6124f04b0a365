'use strict';

const assert = require('node:assert/strict');
const { beforeEach, afterEach, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

// As pg-promise and tracing tools do.
describe('a replaced Client.prototype.connect', () => {
  forBoth(({ pg }) => {
    const { prototype } = pg.Client;
    const original = prototype.connect;
    let outcomes;
    beforeEach(() => {
      outcomes = [];
      prototype.connect = function (callback) {
        this.connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
          if (parameterName === 'server_version') this.serverVersion = parameterValue;
        });
        const told = (error, client) => outcomes.push([error, client === this, this.serverVersion]);
        if (!callback) {
          return original.call(this).then((client) => {
            told(null, client);
            return client;
          });
        }
        return original.call(this, (...outcome) => {
          told(...outcome);
          callback(...outcome);
        });
      };
    });
    afterEach(() => {
      prototype.connect = original;
    });

    const assertOutcomes = (count, version) =>
      assert.deepEqual(
        outcomes,
        Array.from({ length: count }, () => [null, true, version]),
      );

    test('sees a client connect, and what the server said', async () => {
      const client = new pg.Client((await postgres()).config());
      assert.equal(await client.connect(), client);
      const { rows } = await client.query('SHOW server_version');
      await client.end();
      assertOutcomes(1, rows[0].server_version);
    });

    test('sees each client of a pool once, before it is handed out', async () => {
      const pool = new pg.Pool((await postgres()).config({ max: 2 }));
      const versions = [];
      const connected = [];
      pool.on('connect', (client) => connected.push(client));
      for (let round = 0; round < 3; round++) {
        const clients = await Promise.all([pool.connect(), pool.connect()]);
        for (const client of clients) {
          versions.push(client.serverVersion);
          client.release();
        }
      }
      const { rows } = await pool.query('SHOW server_version');
      await pool.end();
      assert.equal(connected.length, 2);
      assert.deepEqual(versions, Array(6).fill(rows[0].server_version));
      assertOutcomes(2, rows[0].server_version);
    });
  });
});
