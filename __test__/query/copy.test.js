'use strict';

const assert = require('node:assert/strict');
const { before, after, describe, test } = require('node:test');
const { forBoth } = require('../support/both');
const { postgres } = require('../support/server');

describe('COPY through a plain query', () => {
  forBoth(({ pg, ours }) => {
    let client;
    before(async () => {
      client = new pg.Client((await postgres()).config());
      await client.connect();
      await client.query('CREATE TEMP TABLE copied (n int4)');
    });
    after(() => client.end());

    const stillUsable = async () => assert.deepEqual((await client.query('SELECT 1 AS n')).rows, [{ n: 1 }]);

    for (const [protocol, queryMode] of [
      ['simple', undefined],
      ['extended', 'extended'],
    ]) {
      // node-postgres hangs here: the server has thrown the Sync away that came with the query
      const hangs = queryMode === 'extended' && !ours;
      const refused = `FROM STDIN fails, because there is nothing to copy from, in the ${protocol} protocol`;
      test(refused, { skip: hangs }, async () => {
        await assert.rejects(client.query({ text: 'COPY copied FROM STDIN', queryMode }), {
          code: '57014',
          message: 'COPY from stdin failed: No source stream defined',
        });
        await stillUsable();
      });

      test(`TO STDOUT gives its tag and no rows in the ${protocol} protocol`, async () => {
        const text = 'COPY (SELECT n FROM generate_series(1, 5000) n) TO STDOUT';
        const result = await client.query({ text, queryMode });
        assert.equal(result.command, 'COPY');
        assert.equal(result.rowCount, 5000);
        assert.deepEqual(result.rows, []);
        await stillUsable();
      });
    }

    test('FROM STDIN between other statements fails and undoes them', async () => {
      const text = 'INSERT INTO copied VALUES (1); COPY copied FROM STDIN; INSERT INTO copied VALUES (2)';
      await assert.rejects(client.query(text), { code: '57014' });
      assert.deepEqual((await client.query('SELECT n FROM copied')).rows, []);
    });

    test('TO STDOUT between other statements', async () => {
      const results = await client.query('SELECT 1 AS a; COPY (SELECT 7) TO STDOUT; SELECT 2 AS b');
      assert.deepEqual(
        results.map(({ command, rowCount, rows }) => ({ command, rowCount, rows })),
        [
          { command: 'SELECT', rowCount: 1, rows: [{ a: 1 }] },
          { command: 'COPY', rowCount: 1, rows: [] },
          { command: 'SELECT', rowCount: 1, rows: [{ b: 2 }] },
        ],
      );
    });

    test('FROM a program or a file that is missing is an error of the server', async () => {
      await assert.rejects(client.query("COPY copied FROM '/no/such/file'"), { code: '58P01' });
      await stillUsable();
    });
  });
});
