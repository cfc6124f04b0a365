'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { inspect } = require('node:util');
const { test } = require('node:test');
const { CHECKS } = require('../support/diagnosis.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');
const { run } = require('../support/program.js');

const SECRET = 'hunter2hunter2';

ofOurManager('diagnose', (bench) => {
  const { DatabaseManager } = bench;
  const empty = () => bench.keep(new DatabaseManager());

  /** A server that refuses every password, and counts them. */
  async function strictServer(
    refusal = { S: 'FATAL', V: 'FATAL', C: '28P01', M: 'password authentication failed' },
  ) {
    const seen = { passwords: 0, logins: 0 };
    const server = await fakeServer(async (connection) => {
      if (!(await connection.startup())) return;
      seen.logins += 1;
      connection.send(messages.authenticationCleartext());
      if (!(await connection.readUntil('p'))) return;
      seen.passwords += 1;
      connection.finish(messages.errorResponse(refusal));
    });
    return Object.assign(server, { seen });
  }

  const of = (server, more) => ({ ...server.config({ password: SECRET }), ssl: false, ...more });

  test('has nothing to say of a manager without databases', async () => {
    assert.deepEqual(await empty().diagnose(), []);
  });

  test('is refused by a closed manager', async () => {
    const manager = new DatabaseManager();
    await manager.close();
    assert.match((await failure(manager.diagnose())).message, /closed/);
  });

  test('has the agreed shape, for a database that works', async () => {
    const manager = await bench.manager();
    const [diagnosis, ...others] = await manager.diagnose();
    assert.deepEqual(others, []);
    assert.deepEqual(Object.keys(diagnosis).sort(), [
      'authAttempts',
      'cause',
      'checks',
      'database',
      'durationMs',
      'evidence',
      'message',
      'ok',
      'remedy',
    ]);
    assert.deepEqual([diagnosis.database, diagnosis.ok, diagnosis.cause], ['main', true, 'ok']);
    assert.deepEqual(
      diagnosis.checks.map(({ name }) => name),
      CHECKS,
    );
    for (const check of diagnosis.checks) {
      assert.deepEqual(Object.keys(check).sort(), ['detail', 'durationMs', 'name', 'state']);
    }
  });

  test('opens no pool, and makes none', async () => {
    const manager = empty();
    manager._addLazily('main', bench.config());
    await manager.addDatabase('app', bench.config());
    const pools = Object.keys(manager.pools);
    const before = inspect(manager, { depth: 4 });
    for (const { ok } of await manager.diagnose()) assert.ok(ok);
    assert.deepEqual(Object.keys(manager.pools), pools);
    assert.equal(inspect(manager, { depth: 4 }), before);
    await manager.addConnection('used', bench.config());
    const { pool } = manager.connections.get('used');
    const { totalCount } = pool;
    await manager.diagnose({ databases: 'used' });
    assert.deepEqual([pool.totalCount, pool.waitingCount], [totalCount, 0]);
  });

  test('names what is wrong with a configuration that can not be parsed', async () => {
    const manager = empty();
    await manager.addDatabase('port', { ...bench.config(), dbPort: 'x1' });
    manager._addLazily('text', 'postgres://somebody:hunter2hunter2@host/db');
    manager._addLazily('none', undefined);
    const throws = { dbHost: '127.0.0.1', ssl: false };
    Object.defineProperty(throws, 'dbPassword', {
      enumerable: true,
      get() {
        throw new Error('not today');
      },
    });
    manager._addLazily('throws', throws);
    const diagnoses = await manager.diagnose();
    assert.deepEqual(
      diagnoses.map(({ database, ok, cause, checks }) => [database, ok, cause, checks[0].state]),
      ['port', 'text', 'none', 'throws'].map((name) => [name, false, 'configuration', 'failed']),
    );
    assert.ok(!JSON.stringify(diagnoses).includes(SECRET));
  });

  test('says of a database without a PostgreSQL server that it has none', async () => {
    const manager = empty();
    await manager.addDatabase('api', {
      projectUrl: 'https://abcdefghijklmnopqrst.supabase.co',
      anonKey: 'k',
    });
    const [diagnosis] = await manager.diagnose();
    assert.deepEqual([diagnosis.ok, diagnosis.cause], [false, 'configuration']);
    assert.equal(diagnosis.authAttempts, 0);
  });

  test('takes selections, in the order of the databases', async () => {
    const manager = empty();
    for (const name of ['a1', 'b', 'a2']) manager._addLazily(name, bench.config({ tags: [name] }));
    const names = async (databases) =>
      (await manager.diagnose({ databases })).map(({ database }) => database);
    assert.deepEqual(await names('a*'), ['a1', 'a2']);
    assert.deepEqual(await names(['tag:b']), ['b']);
    assert.deepEqual(await names(({ name }) => name === 'a2'), ['a2']);
    assert.deepEqual(await names('all'), ['a1', 'b', 'a2']);
    assert.match((await failure(manager.diagnose({ databases: 'nobody' }))).message, /nobody/);
  });

  test('refuses options that it does not have, and values that they can not take', async () => {
    const manager = empty();
    for (const options of [
      null,
      5,
      [],
      'main',
      { database: 'main' },
      { timeout: 'soon' },
      { timeout: -1 },
      { maxAuthAttempts: -1 },
      { maxAuthAttempts: 1.5 },
      { maxAuthAttempts: '1' },
    ]) {
      assert.ok((await failure(manager.diagnose(options))) instanceof TypeError, inspect(options));
    }
  });

  test('ends when its time is over', async () => {
    const listener = net.createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => listener.once('listening', resolve));
    const manager = empty();
    manager._addLazily(
      'deaf',
      of(
        { config: (more) => ({ host: '127.0.0.1', user: 'u', database: 'd', ...more }) },
        { port: listener.address().port },
      ),
    );
    const [diagnosis] = await manager.diagnose({ timeout: 100 });
    assert.equal(diagnosis.ok, false);
    assert.deepEqual(
      diagnosis.checks.map(({ name }) => name),
      CHECKS,
    );
    assert.equal(diagnosis.checks.filter(({ state }) => state === 'failed').length, 1);
    listener.close();
  });

  test('looks at two hundred databases, each for itself', async () => {
    const manager = empty();
    for (let number = 0; number < 200; number++) {
      manager._addLazily(
        `db${number}`,
        number % 10 === 0
          ? bench.config()
          : { dbHost: '127.0.0.1', dbPort: 1, dbUser: 'u', dbPassword: SECRET, ssl: false },
      );
    }
    const diagnoses = await manager.diagnose();
    assert.deepEqual(
      diagnoses.map(({ database }) => database),
      Array.from({ length: 200 }, (_, number) => `db${number}`),
    );
    assert.ok(diagnoses.every(({ ok }, number) => ok === (number % 10 === 0)));
  });

  test('keeps no process alive behind it, and none that has a database still to look at is left', async () => {
    const source = `
      const DatabaseManager = require('./index.js');
      (async () => {
        const manager = new DatabaseManager();
        manager._addLazily('it', ${JSON.stringify(bench.config())});
        const [{ cause }] = await manager.diagnose();
        console.log(cause, process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FS/.test(name)).length);
      })();`;
    const { stdout, code } = await run({ source });
    assert.deepEqual([code, stdout.trim()], [0, 'ok 0']);
  });

  test('says of a way that the program makes that it can not be looked at', async () => {
    let opened = 0;
    const stream = () => {
      opened += 1;
      return new net.Socket();
    };
    class Other {}
    const manager = empty();
    manager._addLazily('stream', bench.config({ stream }));
    manager._addLazily('class', bench.config({ Client: Other }));
    class Own extends DatabaseManager.Client {}
    manager._addLazily('subclass', bench.config({ Client: Own }));
    const diagnoses = await manager.diagnose();
    assert.deepEqual(
      diagnoses.map(({ ok, cause, checks, authAttempts }) => [ok, cause, checks[0].state, authAttempts]),
      [
        [false, 'own-way', 'failed', 0],
        [false, 'own-way', 'failed', 0],
        [true, 'ok', 'ok', 1],
      ],
    );
    assert.equal(opened, 0);
  });

  // addConnection

  test('a failure of addConnection with diagnose carries a diagnosis, for no further password', async () => {
    const server = await strictServer();
    const manager = empty();
    const error = await failure(manager.addConnection('main', of(server, { diagnose: true })));
    assert.equal(error.code, '28P01');
    assert.equal(server.seen.passwords, 1);
    const { diagnosis } = error;
    assert.deepEqual([diagnosis.database, diagnosis.ok, diagnosis.authAttempts], ['main', false, 0]);
    assert.equal(diagnosis.checks.find(({ state }) => state === 'failed').name, 'authentication');
    for (const text of [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error)]) {
      assert.ok(text.includes('diagnosis'));
      assert.ok(!text.includes(SECRET));
    }
    assert.equal(manager.connections.size, 0);
    await server.close();
  });

  test('a password function is not asked again for it', async () => {
    const server = await strictServer();
    let asked = 0;
    const password = () => {
      asked += 1;
      return SECRET;
    };
    const { diagnosis } = await failure(
      empty().addConnection('main', of(server, { password, diagnose: true })),
    );
    assert.equal(diagnosis.ok, false);
    assert.deepEqual([asked, server.seen.passwords], [1, 1]);
    await server.close();
  });

  test('without it no failure has one, and nothing more is sent', async () => {
    const server = await strictServer();
    for (const diagnose of [undefined, false]) {
      const error = await failure(empty().addConnection('main', of(server, { diagnose })));
      assert.ok(!('diagnosis' in error));
    }
    assert.equal(server.seen.logins, 2);
    await server.close();
  });

  test('where nobody listens the diagnosis names the layer', async () => {
    const config = {
      dbHost: '127.0.0.1',
      dbPort: 1,
      dbUser: 'u',
      dbPassword: SECRET,
      ssl: false,
      diagnose: true,
    };
    const { code, diagnosis } = await failure(empty().addConnection('main', config));
    assert.deepEqual([code, diagnosis.cause, diagnosis.authAttempts], ['ECONNREFUSED', 'refused', 0]);
  });

  test('a configuration that can not be parsed is named as well', async () => {
    const error = await failure(
      empty().addConnection('main', bench.config({ dbPort: 'x1', diagnose: true })),
    );
    assert.ok(error instanceof TypeError);
    assert.equal(error.diagnosis.cause, 'configuration');
  });

  test('what a server has said on a way of the program is named, and nothing else', async () => {
    const server = await strictServer();
    const stream = () => new net.Socket();
    const { code, diagnosis } = await failure(
      empty().addConnection('main', of(server, { stream, diagnose: true })),
    );
    assert.equal(code, '28P01');
    assert.equal(diagnosis.checks.find(({ state }) => state === 'failed').name, 'authentication');
    assert.deepEqual([server.seen.logins, diagnosis.authAttempts], [1, 0]);
    await server.close();
  });

  test('the option is none of the pool, and changes nothing where the connection works', async () => {
    const manager = await bench.manager({ diagnose: true });
    const { pool } = manager.connections.get('main');
    assert.ok(!('diagnose' in pool.options));
    assert.equal((await pool.query('SELECT 1 AS one')).rows[0].one, 1);
  });

  test('an error that can not be added to stays as it is', async () => {
    const frozen = Object.freeze(new Error('frozen'));
    const password = () => {
      throw frozen;
    };
    const error = await failure(
      empty().addConnection('main', bench.config({ dbPassword: password, diagnose: true })),
    );
    assert.ok(error === frozen || error.cause === frozen || error.diagnosis, inspect(error));
  });

  test('a manager that is closed meanwhile is no fault of the connection', async () => {
    const manager = new DatabaseManager();
    const adding = failure(manager.addConnection('main', bench.config({ diagnose: true })));
    await manager.close();
    const error = await adding;
    assert.match(error.message, /closed/);
    assert.ok(!('diagnosis' in error));
  });

  test('a subclass has it too', async () => {
    class Own extends DatabaseManager {
      async addConnection(name, config) {
        return await super.addConnection(name, { ...config, diagnose: true });
      }
    }
    const server = await strictServer();
    const manager = bench.keep(new Own());
    const { diagnosis } = await failure(manager.addConnection('main', of(server)));
    assert.equal(diagnosis.database, 'main');
    assert.equal(server.seen.passwords, 1);
    await server.close();
  });
});
