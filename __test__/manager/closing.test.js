'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { eventually, settled } = require('../support/failure.js');
const { heldLock } = require('../support/held-lock.js');
const { ofOurManager } = require('../support/managers.js');

ofOurManager('closing a manager', (bench) => {
  /** Notes the order in which promises settle. */
  function orderOf(promises) {
    const order = [];
    const all = Object.entries(promises).map(([name, promise]) =>
      promise.then(
        () => order.push(name),
        (error) => order.push(`${name} failed: ${error.message}`),
      ),
    );
    return settled(Promise.all(all), 'closing').then(() => order);
  }

  /** A lock that scripts of a manager wait for. */
  const lock = () => heldLock(bench.server.config({ database: bench.database }));

  /** As `orderOf`, of what begins while a script waits for the lock, which is released then. */
  async function orderBehind(held, promises) {
    const order = orderOf(promises);
    await held.wanted();
    await held.release();
    return order;
  }

  async function isGone(applicationName) {
    await eventually(async () => (await bench.sockets(applicationName)) === 0, 'no connection');
  }

  const ENDS = {
    close: (manager) => manager.close(),
    shutdown: (manager) => manager.shutdown(),
    '[Symbol.asyncDispose]': (manager) => manager[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')](),
  };
  for (const [name, end] of Object.entries(ENDS)) {
    test(`${name} waits for what is in flight, then closes everything`, async () => {
      const application = bench.unique('app');
      const manager = await bench.manager({ application_name: application });
      await manager.addConnection('other', bench.config({ application_name: application }));
      const table = bench.unique('late');
      const held = await lock();
      const work = manager.executeDDL(`${held.text}; CREATE TABLE ${table} ()`);
      const order = await orderBehind(held, { work, closing: end(manager) });
      assert.deepEqual(order, ['work', 'closing']);
      assert.deepEqual(await bench.tables(table), [table]);
      await isGone(application);
    });
  }

  test('what waits for a connection is still served', async () => {
    const manager = await bench.manager({ max: 1 });
    const table = bench.unique('queue');
    await manager.executeDDL(`CREATE TABLE ${table} (id int)`);
    const work = Array.from({ length: 20 }, (_, i) =>
      manager.executeDDL(`INSERT INTO ${table} VALUES (${i})`),
    );
    await settled(Promise.all([...work, manager.close()]), 'closing');
    assert.deepEqual(await bench.look(`SELECT count(*)::int AS rows FROM ${table}`), [{ rows: 20 }]);
  });

  test('a client that is checked out is waited for', async () => {
    const application = bench.unique('app');
    const manager = await bench.manager({ application_name: application });
    const client = await manager.currentPool.connect();
    let closed = false;
    const closing = manager.close().then(() => (closed = true));
    assert.deepEqual((await client.query('SELECT pg_sleep(0.1)::text AS slept')).rows, [{ slept: '' }]);
    assert.equal(closed, false);
    client.release();
    await settled(closing, 'closing');
    await isGone(application);
  });

  test('after closing nothing is left in the map, and nothing is current', async () => {
    const manager = await bench.manager();
    await manager.close();
    assert.equal(manager.connections.size, 0);
    assert.equal(manager.currentConnection, null);
    assert.equal(manager.currentPool, undefined);
  });

  test('closing twice, or at once, is one closing', async () => {
    const manager = await bench.manager();
    const held = await lock();
    const work = manager.executeDDL(held.text);
    const order = await orderBehind(held, { work, first: manager.close(), second: manager.shutdown() });
    assert.equal(order[0], 'work');
    assert.deepEqual(order.slice(1).sort(), ['first', 'second']);
    await settled(manager.close(), 'closing again');
  });

  test('a manager that never had a connection closes', async () => {
    await settled(new bench.DatabaseManager().close(), 'closing');
  });

  test('closing while a connection is being added leaves no socket', async () => {
    const application = bench.unique('app');
    const manager = new bench.DatabaseManager();
    const adding = manager.addConnection('main', bench.config({ application_name: application }));
    const outcome = adding.then(
      () => 'added',
      (error) => error.message,
    );
    await settled(manager.close(), 'closing');
    assert.match(await settled(outcome, 'adding'), /^added$|closed/i);
    assert.equal(manager.connections.size, 0);
    await isGone(application);
  });

  test('removeConnection waits for what is in flight on that database and touches no other', async () => {
    const application = bench.unique('app');
    const manager = await bench.manager();
    await manager.addConnection('other', bench.config({ application_name: application }));
    await manager.switchConnection('other');
    const held = await lock();
    const work = manager.executeDDL(held.text);
    await manager.switchConnection('main');
    const order = await orderBehind(held, { work, removing: manager.removeConnection('other') });
    assert.deepEqual(order, ['work', 'removing']);
    assert.deepEqual([...manager.connections.keys()], ['main']);
    assert.equal(manager.currentConnection, 'main');
    await isGone(application);
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  test('a name is gone at once when its removal has begun', async () => {
    const manager = await bench.manager();
    const removing = manager.removeConnection('main');
    assert.equal(manager.connections.has('main'), false);
    await settled(removing, 'removing');
  });

  test('removing the current connection leaves none current until the next one is chosen', async () => {
    const manager = await bench.manager();
    await manager.addConnection('other', bench.config());
    await settled(manager.removeConnection('main'), 'removing');
    assert.equal(manager.currentConnection, null);
    assert.equal(manager.currentPool, undefined);
    await manager.switchConnection('other');
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });

  test('a removed name can be added again', async () => {
    const manager = await bench.manager();
    await settled(manager.removeConnection('main'), 'removing');
    await manager.addConnection('main', bench.config());
    assert.equal(manager.currentConnection, 'main');
    assert.deepEqual((await manager.executeDDL('SELECT 1 AS one')).rows, [{ one: 1 }]);
  });
});
