'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { failure, settled } = require('../support/failure.js');
const { blocker, waits } = require('../support/locks.js');
const { ofOurManager } = require('../support/managers.js');

ofOurManager('executeDDL with CONCURRENTLY', (bench) => {
  const options = { transaction: false, lockTimeout: 100 };

  async function stage() {
    const manager = await bench.manager({ max: 2 });
    const table = bench.unique();
    await manager.executeDDL(
      `CREATE TABLE ${table} (a int, b int); INSERT INTO ${table} VALUES (1, 1), (1, 2)`,
    );
    return { manager, table };
  }

  const indexes = (table) =>
    bench.look(
      `SELECT c.relname AS name, i.indisvalid AS valid, c.oid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE i.indrelid = $1::regclass ORDER BY 1`,
      [table],
    );

  /** Leaves an invalid index behind, as a try that fails does. */
  async function spoil(table) {
    await failure(bench.look(`CREATE UNIQUE INDEX CONCURRENTLY ${table}_i ON ${table} (a)`));
    const [{ valid }] = await indexes(table);
    assert.equal(valid, false);
    await bench.look(`DELETE FROM ${table} WHERE b = 2`);
  }

  test('waits longer than lockTimeout, and within its budget', async () => {
    const { manager, table } = await stage();
    const { client, end } = await blocker(bench, `BEGIN; INSERT INTO ${table} VALUES (3, 3)`);
    const seen = [];
    const running = manager.executeDDL(`CREATE INDEX CONCURRENTLY ${table}_a ON ${table} (a)`, {
      ...options,
      onProgress: (event) => seen.push(event),
    });
    await waits(bench, `${table}_a`);
    await client.query('SELECT pg_sleep(0.5); COMMIT');
    assert.equal((await settled(running, 'the index')).command, 'CREATE');
    await end();
    assert.deepEqual(
      (await indexes(table)).map(({ valid }) => valid),
      [true],
    );
    assert.deepEqual([...new Set(seen.map(({ state }) => state))], ['started', 'waiting', 'done']);
  });

  test('is ended when its budget is, and names what stood in the way', async () => {
    const { manager, table } = await stage();
    const { pid, end } = await blocker(bench, `BEGIN; INSERT INTO ${table} VALUES (3, 3)`);
    const error = await failure(
      manager.executeDDL(`CREATE INDEX CONCURRENTLY ${table}_a ON ${table} (a)`, {
        ...options,
        lockBudget: 500,
      }),
    );
    assert.equal(error.code, '55P03');
    assert.deepEqual(
      error.blockers.map((one) => [one.pid, one.relation]),
      [[pid, `public.${table}`]],
    );
    await end();
    // What it left is found by the next call.
    await manager.executeDDL(`CREATE INDEX CONCURRENTLY IF NOT EXISTS ${table}_a ON ${table} (a)`, options);
    assert.deepEqual(
      (await indexes(table)).map(({ valid }) => valid),
      [true],
    );
  });

  for (const transaction of [false, 'auto']) {
    test(`builds an invalid index again, with transaction: ${transaction}`, async () => {
      const { manager, table } = await stage();
      await spoil(table);
      const build = `CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ${table}_i ON ${table} (a)`;
      assert.equal((await manager.executeDDL(build, { transaction })).command, 'CREATE');
      assert.deepEqual(
        (await indexes(table)).map(({ valid }) => valid),
        [true],
      );
    });
  }

  test('is ended when its budget is, even when the server has no connection to watch it', async () => {
    const role = bench.unique('role');
    const { table } = await stage();
    await bench.look(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'secret'`);
    const manager = await bench.manager({ max: 1, dbUser: role, dbPassword: 'secret' });
    await manager.executeDDL('SELECT 1');
    // Superusers are not counted.
    await bench.look(`ALTER ROLE ${role} NOSUPERUSER CONNECTION LIMIT 1; GRANT ALL ON SCHEMA public TO ${role};
      ALTER TABLE ${table} OWNER TO ${role}`);
    const { end } = await blocker(bench, `BEGIN; INSERT INTO ${table} VALUES (3, 3)`);
    const build = `CREATE INDEX CONCURRENTLY ${table}_a ON ${table} (a)`;
    const error = await settled(
      failure(manager.executeDDL(build, { ...options, lockBudget: 400 })),
      'the index',
    );
    await end();
    assert.deepEqual([error.code, error.blockers], ['55P03', []]);
    await manager.executeDDL(build, options);
    assert.deepEqual(
      (await indexes(table)).map(({ valid }) => valid),
      [true],
    );
  });

  test('says that nothing is applied when it could not begin', async () => {
    const { manager, table } = await stage();
    const { end } = await blocker(bench, `BEGIN; LOCK TABLE ${table} IN SHARE UPDATE EXCLUSIVE MODE`);
    const build = `CREATE INDEX CONCURRENTLY ${table}_a ON ${table} (a)`;
    const error = await failure(manager.executeDDL(build, { ...options, lockBudget: 300 }));
    await end();
    assert.deepEqual([error.code, error.outcome, 'steps' in error], ['55P03', 'not applied', false]);
    assert.deepEqual(await indexes(table), []);
  });

  test('counts a valid index of the same definition as done', async () => {
    const { manager, table } = await stage();
    const build = (
      more = '',
    ) => `CREATE INDEX CONCURRENTLY ${more} "${table}_I" ON public.${table} (lower(b::text), a DESC)
      WHERE ${table}.a > 0`;
    await manager.executeDDL(build(), { transaction: false });
    const before = await indexes(table);
    for (const more of ['', 'IF NOT EXISTS']) {
      const { command, rows } = await manager.executeDDL(build(more), { transaction: false });
      assert.deepEqual([command, rows], ['CREATE', []]);
    }
    assert.deepEqual(await indexes(table), before);
  });

  test('compares an index without what is commented behind it', async () => {
    const { manager, table } = await stage();
    const build = `CREATE INDEX CONCURRENTLY ${table}_i ON ${table} (a) -- for the report`;
    for (const _ of ['built', 'compared']) {
      assert.equal((await manager.executeDDL(build, { transaction: false })).command, 'CREATE');
    }
  });

  test('gives up comparing an index when its budget is spent, and names what has locked the table', async () => {
    const { manager, table } = await stage();
    await manager.executeDDL(`CREATE INDEX ${table}_i ON ${table} ((a + 1))`);
    const { pid, end } = await blocker(bench, `BEGIN; LOCK TABLE ${table}`);
    const build = `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${table}_i ON ${table} ((a + 1))`;
    const error = await settled(
      failure(manager.executeDDL(build, { ...options, lockBudget: 400 })),
      'the comparison',
    );
    await end();
    assert.deepEqual([error.code, error.outcome], ['55P03', 'not applied']);
    assert.deepEqual(
      error.blockers.map((one) => [one.pid, one.mode, one.relation]),
      [[pid, 'ACCESS EXCLUSIVE', `public.${table}`]],
    );
    assert.equal((await manager.executeDDL(build, options)).command, 'CREATE');
  });

  test('refuses a name that stands for another index', async () => {
    const { manager, table } = await stage();
    await manager.executeDDL(`CREATE INDEX ${table}_i ON ${table} (a)`);
    for (const definition of ['(b)', '(a) WHERE a > 0', '(a DESC)', 'USING hash (a)']) {
      const build = `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${table}_i ON ${table} ${definition}`;
      const error = await failure(manager.executeDDL(build, { transaction: false }));
      assert.deepEqual([error.code, error.outcome], ['42P07', 'not applied'], definition);
      assert.match(
        error.message,
        new RegExp(`^The index public.${table}_i exists and has another definition: CREATE`),
      );
    }
    const other = await stage();
    const build = `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${table}_i ON ${other.table} (a)`;
    const error = await failure(manager.executeDDL(build, { transaction: false }));
    assert.match(error.message, /is an index of another table/);
  });

  test('leaves an invalid index of another definition alone', async () => {
    const { manager, table } = await stage();
    await spoil(table);
    const before = await indexes(table);
    const build = `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${table}_i ON ${table} (b)`;
    const error = await failure(manager.executeDDL(build, { transaction: false }));
    assert.equal(error.code, '42P07');
    assert.deepEqual(await indexes(table), before);
  });

  test('sweeps what REINDEX CONCURRENTLY has left, and nothing else', async () => {
    const { manager, table } = await stage();
    const [index] = [`${table}_b`];
    await manager.executeDDL(
      `CREATE INDEX ${index} ON ${table} (b); CREATE INDEX keep_${index}_ccnew ON ${table} (a)`,
    );
    const { end } = await blocker(bench, `BEGIN; INSERT INTO ${table} VALUES (9, 9)`);
    const reindex = `REINDEX INDEX CONCURRENTLY ${index}`;
    await failure(manager.executeDDL(reindex, { transaction: false, lockTimeout: 100, lockBudget: 400 }));
    await end();
    const left = (await indexes(table)).filter(({ valid }) => !valid).map(({ name }) => name);
    assert.deepEqual(left, [`${index}_ccnew`]);
    for (const statement of [
      reindex,
      `REINDEX TABLE CONCURRENTLY ${table}`,
      'REINDEX SCHEMA CONCURRENTLY public',
    ]) {
      await manager.executeDDL(statement, { transaction: false });
      assert.deepEqual(
        (await indexes(table)).map(({ name, valid }) => [name, valid]),
        [
          [`keep_${index}_ccnew`, true],
          [index, true],
        ].sort(),
      );
    }
  });

  test('is run as it is without options', async () => {
    const { manager, table } = await stage();
    await spoil(table);
    // As the server has it: a notice, and the index stays invalid.
    await manager.executeDDL(
      `CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ${table}_i ON ${table} (a)`,
      false,
    );
    assert.deepEqual(
      (await indexes(table)).map(({ valid }) => valid),
      [false],
    );
  });
});
