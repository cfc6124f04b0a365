'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');

const NOT_STRINGS = {
  undefined: undefined,
  null: null,
  42: 42,
  '{}': {},
  '[]': [],
  true: true,
  'a function': () => {},
};

ofOurManager('bad input to a manager', (bench) => {
  /** Calls, and demands that what goes wrong comes through the promise. */
  function rejection(call) {
    let promise;
    assert.doesNotThrow(() => (promise = call()), 'thrown instead of rejected');
    assert.equal(typeof promise?.then, 'function');
    return failure(promise);
  }

  async function isUsable(manager) {
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  }

  for (const [shown, value] of Object.entries(NOT_STRINGS)) {
    test(`${shown} as a name is a TypeError`, async () => {
      const manager = await bench.manager();
      for (const call of [
        () => manager.addConnection(value, bench.config()),
        () => manager.switchConnection(value),
        () => manager.removeConnection(value),
      ]) {
        const error = await rejection(call);
        assert.ok(error instanceof TypeError, error.message);
        assert.match(error.message, /name/i);
        assert.match(error.message, /string/i);
      }
      assert.deepEqual([...manager.connections.keys()], ['main']);
      await isUsable(manager);
    });

    test(`${shown} as SQL is a TypeError`, async () => {
      const manager = await bench.manager();
      const error = await rejection(() => manager.executeDDL(value));
      assert.ok(error instanceof TypeError, error.message);
      assert.match(error.message, /SQL|string/i);
      await isUsable(manager);
    });
  }

  test('a connection string in the place of a name or a configuration is not repeated', async () => {
    const manager = await bench.manager();
    const url = 'postgres://app:hush@db.example/app';
    for (const call of [
      () => manager.addConnection(url),
      () => manager.addConnection('app', url),
      () => manager.addConnection('app', 'hush'),
      () => manager.addDatabase('app', 'hush'),
      () => manager.addConnection('app', { dbHost: 'db.example', max: url }),
    ]) {
      const error = await rejection(call);
      assert.ok(error instanceof TypeError, error.message);
      assert.doesNotMatch(error.stack, /hush/);
    }
  });

  test('no arguments at all are TypeErrors', async () => {
    const manager = await bench.manager();
    for (const method of ['addConnection', 'switchConnection', 'removeConnection', 'executeDDL']) {
      assert.ok((await rejection(() => manager[method]())) instanceof TypeError, method);
    }
    await isUsable(manager);
  });

  test('an empty name is refused', async () => {
    const manager = await bench.manager();
    assert.match((await rejection(() => manager.addConnection('', bench.config()))).message, /name/i);
    await isUsable(manager);
  });

  for (const [shown, value] of Object.entries({
    null: null,
    undefined: undefined,
    'a number': 5,
    true: true,
  })) {
    test(`a config of ${shown} is a TypeError`, async () => {
      const manager = await bench.manager();
      const error = await rejection(() => manager.addConnection('bad', value));
      assert.ok(error instanceof TypeError, error.message);
      assert.match(error.message, /config/i);
      assert.equal(manager.connections.has('bad'), false);
      await isUsable(manager);
    });
  }

  const BAD_PORTS = {
    'a word': 'http',
    negative: -1,
    'too large': 65536,
    'not whole': 54.32,
    Infinity,
    '{}': {},
  };
  for (const [shown, dbPort] of Object.entries(BAD_PORTS)) {
    test(`a port that isn't one (${shown}) is refused by name, without a connection attempt`, async () => {
      const manager = await bench.manager();
      const error = await rejection(() => manager.addConnection('bad', bench.config({ dbPort })));
      assert.match(error.message, /port/i);
      assert.ok(error instanceof TypeError || error instanceof RangeError, error.message);
      assert.equal(error.code === 'ECONNREFUSED', false);
      assert.equal(manager.connections.has('bad'), false);
      await isUsable(manager);
    });
  }

  const BAD_OPTIONS = {
    max: ['many', -1, {}],
    idleTimeoutMillis: ['soon', -1, {}],
    connectionTimeoutMillis: ['soon', -1, {}],
    dbHost: [5, {}, true],
    dbUser: [5, {}, true],
    dbPassword: [5, {}, true],
    dbName: [5, {}, true],
    ssl: [5, 'perhaps'],
  };
  for (const [option, values] of Object.entries(BAD_OPTIONS)) {
    test(`a value that ${option} can't take is refused by name`, async () => {
      const manager = await bench.manager();
      for (const value of values) {
        const error = await rejection(() => manager.addConnection('bad', bench.config({ [option]: value })));
        assert.ok(
          error instanceof TypeError || error instanceof RangeError,
          `${String(value)}: ${error.message}`,
        );
        const named = option.replace(/^db/, '').toLowerCase();
        assert.ok(
          error.message.toLowerCase().includes(named.replace('name', '')),
          `${error.message} names ${option}`,
        );
        assert.equal(manager.connections.has('bad'), false);
      }
      await isUsable(manager);
    });
  }

  test('executeDDL before any connection says what to do', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const error = await rejection(() => manager.executeDDL('SELECT 1'));
    assert.match(error.message, /addConnection/);
    await manager.addConnection('main', bench.config());
    await isUsable(manager);
  });

  test('a second argument of executeDDL that is no boolean counts as what it is in JavaScript', async () => {
    const manager = await bench.manager();
    await manager.executeDDL('CREATE TABLE IF NOT EXISTS swept (id int)');
    for (const falsy of [0, null, '']) await manager.executeDDL('VACUUM swept', falsy);
    assert.equal((await failure(manager.executeDDL('VACUUM swept', undefined))).code, '25001');
    assert.equal((await failure(manager.executeDDL('VACUUM swept', 'yes'))).code, '25001');
  });

  test('removeConnection of an unknown name lists the known ones', async () => {
    const manager = await bench.manager();
    const error = await rejection(() => manager.removeConnection('other'));
    assert.match(error.message, /other/);
    assert.match(error.message, /main/);
    await isUsable(manager);
  });

  test('after close() every method says that the manager is closed', async () => {
    const manager = await bench.manager();
    await manager.close();
    for (const call of [
      () => manager.executeDDL('SELECT 1'),
      () => manager.addConnection('again', bench.config()),
      () => manager.switchConnection('main'),
      () => manager.removeConnection('main'),
    ]) {
      assert.match((await rejection(call)).message, /closed/i);
    }
  });

  test('the stack of an argument error leads to the caller', async () => {
    const manager = await bench.manager();
    async function theCallerOfExecuteDdl() {
      await manager.executeDDL(42);
    }
    assert.match((await failure(theCallerOfExecuteDdl())).stack, /theCallerOfExecuteDdl/);
  });

  test("the stack of a server's error leads to the caller", async () => {
    const manager = await bench.manager();
    async function theCallerOfExecuteDdl() {
      await manager.executeDDL('SELECT 1/0');
    }
    assert.match((await failure(theCallerOfExecuteDdl())).stack, /theCallerOfExecuteDdl/);
  });
});
