'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');

ofOurManager('what a script sets for its session', (bench) => {
  const settings = `SELECT current_setting('search_path') AS path, current_setting('app.tenant', true) AS tenant,
    current_setting('lock_timeout') AS lock, current_user::text AS role, current_setting('work_mem') AS memory`;
  const script = `SET search_path = 'somewhere'; SET app.tenant = '7'; SET lock_timeout = '9s';
    SET ROLE pg_monitor; SELECT set_config('work_mem', '6MB', false)`;

  for (const options of [
    { transaction: true },
    { transaction: false },
    { transaction: 'auto' },
    { lockTimeout: 500 },
    { lockTimeout: 0 },
    { lockBudget: 5000 },
    { retries: 1 },
    { statementTimeout: 5000 },
  ]) {
    test(`is undone, and only that, with ${JSON.stringify(options)}`, async () => {
      const manager = await bench.manager({ max: 1 });
      await manager.executeDDL("SET work_mem = '5MB'; SET app.mine = 'x'");
      const before = (await manager.executeDDL(`${settings}, current_setting('app.mine') AS mine`)).rows[0];
      await manager.executeDDL(script, options);
      const after = (await manager.executeDDL(`${settings}, current_setting('app.mine') AS mine`)).rows[0];
      assert.deepEqual(
        { ...after, tenant: after.tenant || null },
        { ...before, tenant: before.tenant || null },
      );
      assert.equal(after.memory, '5MB');
    });
  }

  test('stays with a script that is run without them, as with pg', async () => {
    const manager = await bench.manager({ max: 1 });
    await manager.executeDDL("SET search_path = 'somewhere'");
    await manager.executeDDL("SET app.tenant = '7'", false);
    await manager.executeDDL("SET work_mem = '6MB'", { useTransaction: true });
    const { rows } = await manager.executeDDL(settings);
    assert.deepEqual([rows[0].path, rows[0].tenant, rows[0].memory], ['somewhere', '7', '6MB']);
  });

  test('holds until its end, in a transaction or not', async () => {
    const manager = await bench.manager({ max: 1 });
    const results = await manager.executeDDL(
      "SET app.tenant = '7'; VACUUM (SKIP_LOCKED) pg_depend; SELECT current_setting('app.tenant') AS tenant",
      { transaction: 'auto' },
    );
    assert.deepEqual(results[2].rows, [{ tenant: '7' }]);
    const { rows } = await manager.executeDDL(settings);
    assert.equal(rows[0].tenant || null, null);
  });

  test('is undone when the script fails, too', async () => {
    const manager = await bench.manager({ max: 1 });
    for (const options of [{ transaction: true }, { transaction: 'auto' }]) {
      await failure(
        manager.executeDDL("SET work_mem = '6MB'; COMMIT; SET work_mem = '7MB'; SELECT 1/0", options),
      );
      const { rows } = await manager.executeDDL(settings);
      assert.equal(rows[0].memory, '4MB', JSON.stringify(options));
    }
  });
});
