'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { setFlagsFromString } = require('node:v8');
const { inspect } = require('node:util');
const { runInNewContext } = require('node:vm');
const { ofOurManager } = require('../support/managers');

ofOurManager('a database that is kept without connecting to it', (bench) => {
  const { native } = require('../../lib/native/binding.js');

  /** How often the native side was asked for a pool while `use` ran. */
  async function poolsOpenedBy(use) {
    const { openPool } = native;
    let count = 0;
    native.openPool = (...settings) => {
      count += 1;
      return openPool(...settings);
    };
    try {
      await use();
    } finally {
      native.openPool = openPool;
    }
    return count;
  }

  test('costs a few kilobytes, and nothing on the native side, before its first use', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    const manager = bench.keep(new bench.DatabaseManager());
    const config = (n) => ({
      ...bench.config({ max: 2 }),
      dbName: `tenant_${n}`,
      application_name: `app ${n}`,
    });
    manager._addLazily('first', config(0));
    gc();
    const before = process.memoryUsage().heapUsed;
    const opened = await poolsOpenedBy(() => {
      for (let n = 1; n <= 1000; n++) manager._addLazily(`tenant ${n}`, config(n));
    });
    gc();
    const each = (process.memoryUsage().heapUsed - before) / 1000;
    assert.equal(manager.connections.size, 1001);
    assert.equal(opened, 0);
    assert.ok(each < 4096, `${each} bytes each`);
    assert.equal(await poolsOpenedBy(() => manager.close()), 0);
  });

  test('costs a few kilobytes in a configuration of a thousand, and nothing on the native side', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc');
    const databases = (from, to) => {
      const names = Array.from({ length: to - from }, (_, at) => `tenant ${from + at}`);
      return Object.fromEntries(
        names.map((name) => [name, { ...bench.config(), dbName: name, tags: ['eu'] }]),
      );
    };
    const groups = { some: ['tenant 1*'] };
    bench.keep(await bench.DatabaseManager.fromConfig({ databases: databases(0, 1), groups }));
    gc();
    const before = process.memoryUsage().heapUsed;
    let manager;
    const opened = await poolsOpenedBy(async () => {
      manager = bench.keep(await bench.DatabaseManager.fromConfig({ databases: databases(0, 1000), groups }));
    });
    gc();
    const each = (process.memoryUsage().heapUsed - before) / 1000;
    assert.equal(manager.connections.size, 1000);
    assert.equal(opened, 0);
    assert.ok(each < 4096, `${each} bytes each`);
    assert.equal((await manager._select('group:some')).length, 111);
    assert.equal(await poolsOpenedBy(() => manager.close()), 0);
  });

  test('is connected to at its first use, and by nothing else', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const name = bench.unique('application');
    manager._addLazily('main', bench.config({ application_name: name }));
    manager._addLazily('other', bench.config());
    assert.match(inspect(manager, { depth: 5 }), /dbPassword: '\[hidden\]'/);
    assert.deepEqual(JSON.parse(JSON.stringify(manager.connections.get('main'))).name, 'main');
    assert.equal(manager.currentConnection, 'main');
    assert.equal(await bench.sockets(name), 0);
    const opened = await poolsOpenedBy(() => manager.executeDDL('SELECT 1'));
    assert.equal(opened, 1);
    assert.equal(await bench.sockets(name), 1);
    assert.equal(manager.connections.get('main').pool, manager.currentPool);
    assert.equal(await poolsOpenedBy(() => manager.removeConnection('other')), 0);
  });

  test('takes no name that another one has', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    manager._addLazily('main', bench.config());
    const message = 'There is a connection "main" already';
    assert.throws(() => manager._addLazily('main', bench.config()), { message });
  });
});
