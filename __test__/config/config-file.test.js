'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { inspect } = require('node:util');
const { Canary } = require('../support/canary.js');
const { failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');
const { run } = require('../support/program.js');
const { treeOf } = require('../support/tree.js');

const DatabaseManager = require('../..');

/** The databases of a manager, as `[name, config]`. */
const databases = (manager) => [...manager.connections].map(([name, { config }]) => [name, { ...config }]);

/** What is wrong with a configuration. */
const wrong = async (config) => failure(DatabaseManager.fromConfig(config), JSON.stringify(config));

const ONE = { databases: { app: { url: 'postgres://u@h/app', max: 3 } } };
const JSON_TEXT = JSON.stringify(ONE);

/** The same configuration in every kind of file. */
const KINDS = {
  'pgfleet.config.json': JSON_TEXT,
  'pgfleet.config.cjs': `module.exports = ${JSON_TEXT}`,
  'pgfleet.config.mjs': `export default ${JSON_TEXT}`,
  'pgfleet.config.js': `module.exports = ${JSON_TEXT}`,
  'pgfleet.config.toml': '[databases.app]\nurl = "postgres://u@h/app"\nmax = 3\n',
};

describe('a configuration file', () => {
  for (const [name, text] of Object.entries(KINDS)) {
    test(`${name} is read`, async (t) => {
      const manager = await DatabaseManager.fromConfig(path.join(treeOf(t, { [name]: text }), name));
      assert.deepEqual(databases(manager), Object.entries(ONE.databases));
      assert.deepEqual([manager.currentConnection, manager.initialized], ['app', true]);
    });
  }

  const EXPORTS = {
    'a function': ['c.cjs', `module.exports = () => (${JSON_TEXT})`],
    'an async function': ['c.mjs', `export default async () => (${JSON_TEXT})`],
    'a promise': ['c.mjs', `export default Promise.resolve(${JSON_TEXT})`],
    'the default export of a compiled module': [
      'c.cjs',
      `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = async () => (${JSON_TEXT})`,
    ],
    'an ES module where package.json says so': ['c.js', `export default ${JSON_TEXT}`],
  };
  for (const [what, [name, text]] of Object.entries(EXPORTS)) {
    test(`may be a module that exports ${what}`, async (t) => {
      const directory = treeOf(t, { [name]: text, 'package.json': '{ "type": "module" }' });
      const manager = await DatabaseManager.fromConfig(path.join(directory, name));
      assert.deepEqual(databases(manager), Object.entries(ONE.databases));
    });
  }

  test('may begin with a byte order mark and have a schema for editors', async (t) => {
    const directory = treeOf(t, { 'a.json': `\uFEFF${JSON.stringify({ $schema: 'x', ...ONE })}` });
    assert.equal((await DatabaseManager.fromConfig(path.join(directory, 'a.json'))).connections.size, 1);
  });

  test('is looked for from the working directory upwards, the nearest first', async (t) => {
    const source = `
      const DatabaseManager = require(${JSON.stringify(path.join(__dirname, '..', '..'))});
      DatabaseManager.fromConfig().then(
        (manager) => console.log([...manager.connections.keys()].join()),
        (error) => console.log(error.message),
      );`;
    const one = (name) => JSON.stringify({ databases: { [name]: {} } });
    const directory = fs.realpathSync(
      treeOf(t, {
        'pgfleet.config.json': one('top'),
        'a/pgfleet.config.toml': '[databases.toml]\n',
        'a/b/pgfleet.config.mjs': `export default ${one('mjs')}`,
        'a/b/pgfleet.config.json': one('json'),
        'a/b/pgfleet.config.js/x': 'a folder of that name is none',
        'a/b/config/databases.json': '{ "legacy": {} }',
        'c/config/databases.json': '{ "legacy": {} }',
        'c/d/x': '',
      }),
    );
    const found = async (cwd) => (await run({ source }, { cwd: path.join(directory, cwd) })).stdout.trim();
    assert.deepEqual(await Promise.all(['.', 'a', 'a/b', 'c', 'c/d'].map(found)), [
      'top',
      'toml',
      'mjs',
      'legacy',
      'legacy',
    ]);
    fs.rmSync(path.join(directory, 'pgfleet.config.json'));
    fs.mkdirSync(path.join(directory, 'e'));
    assert.match(
      await found('e'),
      /^There is no configuration: neither .*e nor a folder above it has one of pgfleet/,
    );
  });

  test('that is missing, or of no kind that is read, is an error with its name', async (t) => {
    const directory = treeOf(t, { 'pgfleet.config.ts': '', 'folder.json/x': '', 'folder.js/x': '' });
    for (const [name, message] of [
      ['none.json', "isn't there (ENOENT)"],
      ['none.mjs', "isn't there (ENOENT)"],
      ['folder.json', "can't be read (EISDIR)"],
      ['folder.js', "isn't there (ENOENT)"],
      ['pgfleet.config.ts', 'a configuration is a file that ends in .js, .mjs, .cjs, .json or .toml'],
    ]) {
      const file = path.join(directory, name);
      const error = await wrong(file);
      assert.ok(error.message.includes(file), error.message);
      assert.ok(error.message.endsWith(message), error.message);
    }
  });

  const canary = new Canary(9);
  const secret = JSON.stringify(canary.text);
  const BROKEN = {
    'a.json': [
      `{\n  "databases": {\n    "app": { "password": ${secret},, }\n  }\n}`,
      /a\.json:3:\d+: a key in double quotes is expected$/,
    ],
    'b.json': [
      `{ "databases": { "app": {}, "app": { "password": ${secret} } } }`,
      /b\.json:1:29: this key stands here twice$/,
    ],
    'c.json': [`// "${canary.text}"\n{}`, /c\.json:1:1: a value is expected; JSON has no comments$/],
    'd.toml': [`[databases.app]\npassword = ${secret} x\n`, /d\.toml:2:\d+: .*$/],
    'e.toml': [`[databases.app]\nmax = 1\nmax = ${secret}\n`, /e\.toml:3:\d+: .*$/],
    'f.cjs': [
      `module.exports = {\n  password: ${secret} 'x',\n};`,
      /f\.cjs:2: it can't be read as JavaScript: \w/,
    ],
    'g.mjs': [
      `export default {\n  password: ${secret} other,\n};`,
      /g\.mjs(?::2)?: it can't be read as JavaScript: \w/,
    ],
    'h.cjs': ['throw new RangeError("out of range")', /h\.cjs can't be loaded: out of range$/],
    'i.mjs': [
      'export default async () => { throw new Error("no vault") }',
      /i\.mjs can't be loaded: no vault$/,
    ],
    'j.cjs': ['throw 5', /j\.cjs has thrown number$/],
    'k.cjs': [`module.exports = ${secret}`, /k\.cjs must be an object, got a string$/],
    'l.mjs': ['export const databases = {}', /l\.mjs must be an object, got undefined$/],
  };
  for (const [name, [text, message]] of Object.entries(BROKEN)) {
    test(`that is broken (${name}) is an error with its place, and no secret`, async (t) => {
      const error = await wrong(path.join(treeOf(t, { [name]: text }), name));
      assert.match(error.message, message);
      const shown = `${error.stack}${inspect(error, { depth: 9 })}${JSON.stringify(error)}`;
      assert.equal(canary.foundIn(shown), undefined);
    });
  }
});

describe('the keys of a configuration', () => {
  const UNKNOWN = [
    [{ database: {} }, 'Unknown key "database" in the configuration; the nearest known one is "databases"'],
    [{ databases: {}, default: {} }, /"default" in the configuration; the nearest known one is "defaults"/],
    [
      { databases: { app: { pasword: 'x' } } },
      'Unknown key "pasword" in "databases.app" in the configuration; the nearest known one is "password"',
    ],
    [{ databases: { app: { db_password: 'x' } } }, /"db_password" .* is "dbPassword"$/],
    [{ databases: { app: { connectionTimoutMillis: 1 } } }, /is "connectionTimeoutMillis"$/],
    [{ databases: { 'my app': { tag: [] } } }, /Unknown key "tag" in "databases\."my app"" .* "tags"$/],
    [
      { databases: { app: { ssl: { rejectUnauthorised: true } } } },
      /in "databases.app.ssl" .* "rejectUnauthorized"$/,
    ],
    [{ databases: { app: { password: { fiel: 'x' } } } }, /"fiel" in "databases.app.password" .* "file"$/],
    [{ databases: { app: { ssl: { ca: { fil: 'x' } } } } }, /"fil" in "databases.app.ssl.ca" .* "file"$/],
    [
      { databases: {}, defaults: { ssl: { ca: [{ file: 'x' }, { evn: 'X' }] } } },
      /"evn" in "defaults.ssl.ca.1" .* "env"$/,
    ],
    [
      { databases: { app: { ssl: { key: [{ pen: 'x' }] } } } },
      /"pen" in "databases.app.ssl.key.0" .* "pem"$/,
    ],
    [
      { databases: {}, migrations: { history: { tabel: 'x' } } },
      /"tabel" in "migrations.history" .* "table"$/,
    ],
    [
      { databases: {}, migrations: { migrations: [{ version: '1', sq: 'x' }] } },
      /"sq" in "migrations.migrations.0" .* "sql"$/,
    ],
    [
      { databases: {}, migrations: { migrations: [{ version: '1', backfill: { batchMilis: 1 } }] } },
      /"batchMilis" in "migrations.migrations.0.backfill" .* "batchMillis"$/,
    ],
    [{ databases: {}, defaults: { hots: 'h' } }, /"hots" in "defaults" .* "host"$/],
    [{ databases: {}, migrations: { directory: 'x' } }, /"directory" in "migrations" .* "\w+"$/],
    [
      { databases: { a: {} }, discover: { database: 'a', sql: '', maps: {} } },
      /"maps" in "discover" .* "map"$/,
    ],
    [
      {
        databases: { a: {} },
        discover: { database: 'a', sql: '', map: { name: 'n', config: { rfe: 'r' } } },
      },
      /"rfe" in "discover.map.config" .* "ref"$/,
    ],
    [
      { databases: { app1: {} }, groups: { paid: ['app2'] } },
      /^Unknown database "app2" in "groups.paid" .* "app1"$/,
    ],
  ];
  for (const [config, message] of UNKNOWN) {
    test(`an unknown one is named with the nearest: ${message}`, async () => {
      const error = await wrong(config);
      assert.ok(error instanceof TypeError);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
    });
  }

  test('of certificates and migrations are known at every level', async () => {
    const ssl = {
      ca: [{ file: 'ca' }, 'text', Buffer.from('x')],
      key: [{ pem: 'x', passphrase: 'y' }],
      cert: { env: 'CERT' },
      pfx: [{ buf: Buffer.from('x'), passphrase: 'y' }],
      passphrase: { command: ['x'] },
    };
    const backfill = { update: 'x', key: 'id', batchMillis: 1, maxRows: 1, maxReplicaLagMillis: 1 };
    const migrations = {
      history: { table: 'x' },
      migrations: [
        { version: '1', name: 'x', sql: 'x', transaction: true, backfill },
        { version: '2', up() {}, down: 'x' },
      ],
      placeholders: { any: 'x' },
    };
    const manager = await DatabaseManager.fromConfig({ databases: { app: { ssl } }, migrations });
    assert.deepEqual(manager._configured.migrations, migrations);
    const byWord = { databases: {}, migrations: { history: 'flyway' } };
    assert.equal((await DatabaseManager.fromConfig(byWord)).connections.size, 0);
  });

  test('a file is named in the place of "the configuration"', async (t) => {
    const file = path.join(treeOf(t, { 'a.json': '{ "databases": { "app": { "hst": 1 } } }' }), 'a.json');
    assert.equal(
      (await wrong(file)).message,
      `Unknown key "hst" in "databases.app" in ${file}; the nearest known one is "host"`,
    );
  });

  const WRONG = [
    [{}, /"databases" is missing/],
    [{ databases: [] }, /"databases" in the configuration must be an object, got an array/],
    [
      { databases: { app: 'postgres://u:secret@h/d' } },
      /"databases.app" in the configuration must be an object, got a string/,
    ],
    [{ databases: { app: null } }, /"databases.app" .* must be an object, got null/],
    [{ databases: { '': {} } }, /a database without a name/],
    [{ databases: { app: { tags: 'eu' } } }, /"databases.app.tags" .* must be an array of strings/],
    [{ databases: {}, groups: { paid: 'app' } }, /"groups.paid" .* must be an array of strings/],
    [
      { databases: {}, discover: { database: 'x', sql: 'SELECT', map() {} } },
      /"discover.database" .* must be the name of a database, got "x"/,
    ],
    [{ databases: { a: {} }, discover: { database: 'a', map() {} } }, /"discover.sql" .* must be a query/],
    [
      { databases: { a: {} }, discover: { database: 'a', sql: '', map: 5 } },
      /"discover.map" .* must be an object, got 5/,
    ],
    [5, /^fromConfig takes the path of a file or an object, got 5$/],
    [null, /got null$/],
    [[], /got an array$/],
  ];
  for (const [config, message] of WRONG) {
    test(`what is no configuration is refused: ${message}`, async () => {
      const error = await wrong(config);
      assert.ok(error instanceof TypeError);
      assert.match(error.message, message);
    });
  }

  test('policies and schemas are refused by name until they are available', async () => {
    for (const [config, where] of [
      [{ databases: {}, policy: 'read-only' }, ' in the configuration is "read-only"'],
      [
        { databases: { app: { policy: 'no-destructive' } } },
        ' of "databases.app" in the configuration is "no-destructive"',
      ],
      [
        { databases: {}, defaults: { policy: { refuse: ['DROP'] } } },
        ' of "defaults" in the configuration is an object',
      ],
    ]) {
      const error = await wrong(config);
      assert.equal(
        error.message,
        `"policy"${where}: policies aren't available yet, so that only "all", the default, is taken`,
      );
    }
    assert.match(
      (await wrong({ databases: { app: { schema: 'one' } } })).message,
      /^"schema" of .*aren't available yet$/,
    );
    const all = { databases: { app: { policy: 'all' } }, policy: 'all', defaults: { policy: 'all' } };
    assert.equal((await DatabaseManager.fromConfig(all)).connections.size, 1);
  });

  test('a value is kept as it is given, and is wrong at the first use', async () => {
    const config = {
      databases: { a: { dbPort: 'x', dbHost: 5 }, b: { url: 'nonsense=1' }, c: { password: {} } },
    };
    const manager = await DatabaseManager.fromConfig(config);
    assert.deepEqual(databases(manager), Object.entries(config.databases));
    for (const database of ['a', 'b', 'c']) {
      const error = await failure(manager.executeDDL('SELECT 1', { database }));
      assert.deepEqual([error.name, error.outcome], ['TypeError', 'not applied']);
    }
  });
});

describe('what a configuration says beyond single databases', () => {
  test('defaults stand under each database, in whichever of two words it says a thing', async () => {
    const manager = await DatabaseManager.fromConfig({
      defaults: { dbHost: 'h', dbUser: 'u', password: 'p', max: 2, tags: ['eu'], ssl: { ca: 'x' } },
      databases: {
        a: {},
        b: { host: 'other', max: 3, tags: [] },
        c: { url: 'postgres://v@w/c', dbPassword: 'own', ssl: false },
        d: { ref: 'abcd', max: undefined },
      },
    });
    assert.deepEqual(databases(manager), [
      ['a', { dbHost: 'h', dbUser: 'u', password: 'p', max: 2, tags: ['eu'], ssl: { ca: 'x' } }],
      ['b', { host: 'other', dbUser: 'u', password: 'p', max: 3, tags: [], ssl: { ca: 'x' } }],
      ['c', { url: 'postgres://v@w/c', dbUser: 'u', dbPassword: 'own', max: 2, tags: ['eu'], ssl: false }],
      ['d', { ref: 'abcd', dbUser: 'u', password: 'p', max: 2, tags: ['eu'], ssl: { ca: 'x' } }],
    ]);
  });

  test('a connection string of the defaults gives way to what a database says itself', async () => {
    const manager = await DatabaseManager.fromConfig({
      defaults: { url: 'postgres://u:p@h:1/d' },
      databases: { a: {}, b: { dbName: 'b' }, c: { host: 'other' } },
    });
    const at = (name) => {
      const { host, port, user, database } = manager.connections.get(name).pool.options;
      return [host, String(port), user, database];
    };
    assert.deepEqual(at('a'), ['h', '1', 'u', 'd']);
    assert.deepEqual(at('b'), ['h', '1', 'u', 'b']);
    assert.deepEqual(at('c').slice(0, 2), ['other', '5432']);
  });

  test('groups name databases by name, by pattern and by tag', async () => {
    const manager = await DatabaseManager.fromConfig({
      databases: { app1: { groups: ['own'] }, app2: { tags: ['eu'] }, web: { tags: ['us'] } },
      groups: { apps: ['app?'], europe: ['tag:eu'], own: ['app1', 'web'] },
    });
    const groups = [...manager.connections.values()].map((entry) => entry.groups);
    assert.deepEqual(groups, [['own', 'apps'], ['apps', 'europe'], ['own']]);
    assert.deepEqual(await manager._select('group:own'), ['app1', 'web']);
  });

  for (const member of ['!app', '!app*', 'group:own', 'group:*', 'all']) {
    test(`a group has no member ${member}, whether databases are looked for or not`, async () => {
      const config = { databases: { app: {} }, groups: { paid: ['app', member] } };
      const discover = { database: 'app', sql: 'SELECT', map() {} };
      for (const error of [await wrong(config), await wrong({ ...config, discover })]) {
        assert.ok(error instanceof TypeError);
        assert.equal(
          error.message,
          `"groups.paid" in the configuration has "${member}": members are names of databases, patterns and "tag:…", ` +
            'and not other words of selections',
        );
      }
      // It may be a name after all.
      const named = { ...config, databases: { app: {}, [member]: {} } };
      assert.equal((await DatabaseManager.fromConfig(named)).connections.get(member).groups[0], 'paid');
    });
  }

  test('paths start from the file', async (t) => {
    const directory = treeOf(t, {
      'conf/pgfleet.config.json': JSON.stringify({
        databases: {
          app: { password: { file: 'pw' }, ssl: { ca: { file: '../ca' }, rejectUnauthorized: true } },
        },
        migrations: { dir: 'sql', repeatable: ['views', '/abs'], lockTimeout: 5 },
      }),
    });
    const manager = await DatabaseManager.fromConfig(path.join(directory, 'conf', 'pgfleet.config.json'));
    const { config } = manager.connections.get('app');
    assert.deepEqual(config, {
      password: { file: path.join(directory, 'conf', 'pw') },
      ssl: { ca: { file: path.join(directory, 'ca') }, rejectUnauthorized: true },
    });
    assert.deepEqual(manager._configured.migrations, {
      dir: path.join(directory, 'conf', 'sql'),
      repeatable: [path.join(directory, 'conf', 'views'), path.resolve('/abs')],
      lockTimeout: 5,
    });
  });

  test('the object that was given stays as it is', async () => {
    const config = Object.freeze({
      databases: Object.freeze({ app: Object.freeze({ password: Object.freeze({ file: 'x' }) }) }),
      groups: Object.freeze({ all: Object.freeze(['app']) }),
    });
    const manager = await DatabaseManager.fromConfig(config);
    assert.equal(manager.connections.get('app').config.password.file, path.resolve('x'));
    assert.deepEqual(config.databases.app, { password: { file: 'x' } });
  });

  test("the app's own file has databases by name, with keys of all kinds", async (t) => {
    const text = JSON.stringify({
      main: {
        appName: 'main',
        projectUrl: 'https://abcd.supabase.co',
        anonKey: 'anon',
        owner: 'unknown key',
      },
      other: { dbHost: 'h', dbPassword: 'pw', url: 'postgres://u@h' },
    });
    const directory = treeOf(t, { 'config/databases.json': text });
    const manager = await DatabaseManager.fromConfig(path.join(directory, 'config', 'databases.json'));
    assert.deepEqual(databases(manager), Object.entries(JSON.parse(text)));
    assert.equal(manager.currentConnection, 'main');
    // A project without a server is used by its client alone.
    assert.deepEqual(Object.keys(manager.pools), ['other']);
    assert.deepEqual([manager.pools.other.options.max, manager.pools.other.options.user], [10, 'u']);
    fs.writeFileSync(path.join(directory, 'config', 'databases.json'), JSON_TEXT);
    const own = await DatabaseManager.fromConfig(path.join(directory, 'config', 'databases.json'));
    assert.deepEqual([...own.connections.keys()], ['app']);
  });
});

ofOurManager('a manager from a configuration', (bench) => {
  test('is printed without secrets, whatever form they have', async () => {
    const canary = new Canary(4);
    const manager = await bench.DatabaseManager.fromConfig({
      databases: {
        a: { url: `postgres://u:12/${canary.text}@h/d` },
        b: { url: `Server=h;User Id=u;Pwd=${canary.text}` },
        c: { url: `postgres://u:p@h/d?sslkey=${canary.text}` },
        d: { url: { command: ['vault', canary.text] } },
        e: { url: `postgres://u:p?a#${canary.text}@h/d` },
      },
    });
    const shown = `${inspect(manager, { depth: 9 })}${JSON.stringify([...manager.connections.values()])}`;
    assert.equal(canary.foundIn(shown), undefined);
  });

  test('connects at the first use, and to nothing else', async () => {
    const name = bench.unique('application');
    const manager = bench.keep(
      await bench.DatabaseManager.fromConfig({
        defaults: { application_name: name, ssl: false },
        databases: {
          app: { url: bench.server.url(bench.database) },
          other: { url: 'postgres://u@127.0.0.1:1/d' },
        },
      }),
    );
    assert.equal(await bench.sockets(name), 0);
    const { rows } = await manager.executeDDL('SELECT current_database() AS name');
    assert.deepEqual(rows, [{ name: bench.database }]);
    assert.equal(await bench.sockets(name), 1);
    await manager.switchDatabase('app');
  });

  test('is of the class that was asked', async () => {
    class Fleet extends bench.DatabaseManager {}
    assert.ok((await Fleet.fromConfig({ databases: {} })) instanceof Fleet);
  });

  test('with a policy that is not available refuses addConnection too', async () => {
    const manager = bench.keep(new bench.DatabaseManager());
    const error = await failure(manager.addConnection('main', bench.config({ policy: 'read-only' })));
    assert.match(error.message, /^"policy" is "read-only": policies aren't available yet/);
    await manager.addConnection('main', bench.config({ policy: 'all' }));
  });
});
