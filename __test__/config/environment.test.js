'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, test } = require('node:test');
const { Canary } = require('../support/canary.js');
const { failure } = require('../support/failure.js');
const { ofOurManager } = require('../support/managers.js');
const { run } = require('../support/program.js');
const { treeOf } = require('../support/tree.js');

const DatabaseManager = require('../..');

/** The databases of variables, as `[name, config]`. */
async function databasesOf(env, envFile = false) {
  const manager = await DatabaseManager.fromEnv({ env, envFile });
  const found = [...manager.connections].map(([name, { config }]) => [name, config]);
  assert.equal(manager.currentConnection, found[0]?.[0] ?? null);
  return found;
}

const PROJECT = 'https://abcdefghijklmnopqrst.supabase.co';
const REF = 'abcdefghijklmnopqrst';
const URL_A = 'postgres://u:p@h/a';

describe('fromEnv', () => {
  test('nothing set gives a manager without databases', async () => {
    assert.deepEqual(await databasesOf({}), []);
    assert.deepEqual(await databasesOf({ SUPABASE_URL: '', DATABASE_URL: '  ', DATABASE_1_URL: '\t' }), []);
  });

  test("the project's variables are the database main", async () => {
    const env = {
      SUPABASE_URL: PROJECT,
      SUPABASE_ANON_KEY: 'anon',
      SUPABASE_SERVICE_ROLE_KEY: 'service',
      SUPABASE_DB_PASSWORD: ' p@ss ',
      SUPABASE_REGION: 'eu-central-1',
    };
    const config = {
      ref: REF,
      dbPassword: ' p@ss ',
      region: 'eu-central-1',
      supabaseUrl: PROJECT,
      supabaseKey: 'anon',
      serviceRoleKey: 'service',
    };
    assert.deepEqual(await databasesOf(env), [['main', config]]);
    const { SUPABASE_URL, SUPABASE_ANON_KEY, ...others } = env;
    const renamed = {
      ...others,
      NEXT_PUBLIC_SUPABASE_URL: SUPABASE_URL,
      NEXT_PUBLIC_SUPABASE_ANON_KEY: SUPABASE_ANON_KEY,
    };
    assert.deepEqual(await databasesOf(renamed), [['main', config]]);
    assert.deepEqual(await databasesOf({ ...renamed, SUPABASE_URL: ' ' }), [['main', config]]);
    const both = { ...env, NEXT_PUBLIC_SUPABASE_URL: 'https://other.supabase.co' };
    assert.deepEqual(await databasesOf(both), [['main', config]]);
  });

  test('SUPABASE_URL with a connection string is a database, and no API', async () => {
    assert.deepEqual(await databasesOf({ SUPABASE_URL: URL_A, SUPABASE_DB_PASSWORD: 'pw' }), [
      ['main', { connectionString: URL_A, dbPassword: 'pw' }],
    ]);
  });

  test('SUPABASE_POOLER_URL wins over SUPABASE_URL for the connection', async () => {
    const SUPABASE_POOLER_URL = `postgresql://postgres.${REF}:[YOUR-PASSWORD]@aws-1-eu-west-1.pooler.supabase.com:5432/postgres`;
    const env = {
      SUPABASE_URL: PROJECT,
      SUPABASE_POOLER_URL,
      SUPABASE_DB_PASSWORD: 'pw',
      SUPABASE_ANON_KEY: 'anon',
    };
    assert.deepEqual(await databasesOf(env), [
      [
        'main',
        {
          connectionString: SUPABASE_POOLER_URL,
          dbPassword: 'pw',
          supabaseUrl: PROJECT,
          supabaseKey: 'anon',
        },
      ],
    ]);
    assert.deepEqual(await databasesOf({ SUPABASE_POOLER_URL }), [
      ['main', { connectionString: SUPABASE_POOLER_URL }],
    ]);
    const host = 'aws-1-eu-west-1.pooler.supabase.com';
    assert.deepEqual(await databasesOf({ SUPABASE_URL: PROJECT, SUPABASE_POOLER_URL: `${host}:6543` }), [
      ['main', { dbHost: host, dbPort: '6543', ref: REF, supabaseUrl: PROJECT }],
    ]);
  });

  test('a project without a password is kept, and names the variable at its first use', async () => {
    const env = { SUPABASE_URL: PROJECT, DATABASE_2_URL: PROJECT };
    const manager = await DatabaseManager.fromEnv({ env, envFile: false });
    for (const [database, variable] of [
      ['main', 'SUPABASE_DB_PASSWORD'],
      ['database_2', 'DATABASE_2_PASSWORD'],
    ]) {
      const { password } = manager.connections.get(database).pool.options;
      const { code, message } = await failure(password());
      assert.equal(code, 'PGFLEET_REFERENCE');
      assert.equal(
        message,
        `"dbPassword" is to come from the environment variable "${variable}", which isn't set`,
      );
    }
  });

  test('a password that is set later is looked for among the variables that were given', async (t) => {
    const names = ['SUPABASE_DB_PASSWORD', 'DATABASE_PASSWORD', 'DATABASE_2_PASSWORD'];
    for (const name of names) process.env[name] = 'of the process';
    t.after(() => names.forEach((name) => delete process.env[name]));
    const env = { SUPABASE_URL: PROJECT, DATABASE_URL: PROJECT, DATABASE_2_URL: PROJECT };
    const manager = await DatabaseManager.fromEnv({ env, envFile: false });
    const passwords = [...manager.connections.values()].map(({ pool }) => pool.options.password);
    for (const password of passwords) {
      assert.equal((await failure(password())).code, 'PGFLEET_REFERENCE');
    }
    for (const name of names) Object.assign(env, { [name]: name });
    assert.deepEqual(await Promise.all(passwords.map((password) => password())), names);
  });

  test('a password alone, or a key alone, is no database', async () => {
    assert.deepEqual(await databasesOf({ SUPABASE_DB_PASSWORD: 'pw', SUPABASE_ANON_KEY: 'anon' }), []);
    assert.deepEqual(await databasesOf({ DATABASE_3_PASSWORD: 'pw', DATABASE_3_NAME: 'x' }), []);
  });

  test("the local stack's URL leads to its database", async () => {
    const SUPABASE_URL = 'http://127.0.0.1:54321';
    const local = {
      dbHost: '127.0.0.1',
      dbPort: 54322,
      dbUser: 'postgres',
      ssl: false,
      supabaseUrl: SUPABASE_URL,
    };
    assert.deepEqual(await databasesOf({ SUPABASE_URL }), [['main', { ...local, dbPassword: 'postgres' }]]);
    assert.deepEqual(await databasesOf({ SUPABASE_URL, SUPABASE_DB_PASSWORD: 'pw' }), [
      ['main', { ...local, dbPassword: 'pw' }],
    ]);
  });

  test('a domain that does not tell its project is kept, and says so at its first use', async () => {
    const manager = await DatabaseManager.fromEnv({
      env: { SUPABASE_URL: 'https://api.example.com', SUPABASE_DB_PASSWORD: 'pw' },
      envFile: false,
    });
    assert.equal(manager.connections.get('main').supabaseUrl, 'https://api.example.com');
    const error = await failure(manager.executeDDL('SELECT 1'));
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /does not tell where its database is: .* as SUPABASE_POOLER_URL where/);
  });

  test('DATABASE_URL is default, or main where no project is', async () => {
    const SUPABASE_URL = PROJECT;
    assert.deepEqual(await databasesOf({ DATABASE_URL: URL_A }), [['main', { connectionString: URL_A }]]);
    assert.deepEqual(
      (await databasesOf({ DATABASE_1_URL: URL_A, DATABASE_URL: URL_A, SUPABASE_URL })).map(([name]) => name),
      ['main', 'default', 'database_1'],
    );
    assert.deepEqual(await databasesOf({ DATABASE_URL: PROJECT, DATABASE_PASSWORD: 'pw' }), [
      ['main', { ref: REF, supabaseUrl: PROJECT, dbPassword: 'pw' }],
    ]);
  });

  test("DATABASE_URL with the project's URL takes the project's password, and never that of another", async () => {
    const env = { DATABASE_URL: PROJECT, SUPABASE_DB_PASSWORD: 'pw' };
    const config = { ref: REF, supabaseUrl: PROJECT, dbPassword: 'pw' };
    assert.deepEqual(await databasesOf(env), [['main', config]]);
    assert.deepEqual(await databasesOf({ ...env, DATABASE_PASSWORD: 'own' }), [
      ['main', { ...config, dbPassword: 'own' }],
    ]);
    const same = await databasesOf({ ...env, SUPABASE_URL: `${PROJECT}/` });
    assert.deepEqual(same[1], ['default', config]);
    const [, [, other]] = await databasesOf({ ...env, SUPABASE_URL: 'https://other.supabase.co' });
    assert.equal(typeof other.dbPassword, 'function');
    assert.deepEqual(await databasesOf({ ...env, DATABASE_URL: 'postgres://u@h/a' }), [
      ['main', { connectionString: 'postgres://u@h/a' }],
    ]);
  });

  test('SUPABASE_POOLER_URL without the project is completed by that of SUPABASE_URL', async () => {
    const host = 'aws-1-eu-west-1.pooler.supabase.com';
    for (const [login, user] of [
      ['', `postgres.${REF}`],
      ['postgres@', `postgres.${REF}`],
      ['postgres:[YOUR-PASSWORD]@', `postgres.${REF}`],
      ['app:other@', `app.${REF}`],
      ['postgres.uvwx@', 'postgres.uvwx'],
    ]) {
      const env = {
        SUPABASE_URL: PROJECT,
        SUPABASE_POOLER_URL: `postgresql://${login}${host}:6543/postgres`,
        SUPABASE_DB_PASSWORD: 'pw',
      };
      const manager = await DatabaseManager.fromEnv({ env, envFile: false });
      const { options } = manager.connections.get('main').pool;
      const { password } = options;
      assert.deepEqual(
        [options.host, String(options.port), options.user, password, options.database],
        [host, '6543', user, login.includes('other') ? 'other' : 'pw', 'postgres'],
      );
    }
    const reference = `postgresql://postgres@${host}/postgres?options=--reference%3Duvwx`;
    const env = { SUPABASE_URL: PROJECT, SUPABASE_POOLER_URL: reference };
    assert.deepEqual(await databasesOf(env), [
      ['main', { connectionString: reference, supabaseUrl: PROJECT }],
    ]);
  });

  test('numbered databases come in the order of their numbers, with gaps', async () => {
    const env = Object.fromEntries([10, 2, 7, 0, 1].map((n) => [`DATABASE_${n}_URL`, `postgres://h/${n}`]));
    assert.deepEqual(
      (await databasesOf(env)).map(([name]) => name),
      ['database_0', 'database_1', 'database_2', 'database_7', 'database_10'],
    );
  });

  test('a numbered database has its own password, name, region, server, key and words', async () => {
    assert.deepEqual(
      await databasesOf({
        DATABASE_1_URL: PROJECT,
        DATABASE_1_PASSWORD: 'p 1 ',
        DATABASE_1_NAME: ' shop ',
        DATABASE_1_REGION: 'eu-west-1',
        DATABASE_1_CLUSTER: '1',
        DATABASE_1_TAGS: 'eu, paid ,,',
        DATABASE_1_GROUPS: 'b2b',
        DATABASE_1_KEY: 'anon',
        DATABASE_2_URL: `postgres://u@h/b`,
        DATABASE_2_PASSWORD: 'p2',
        DATABASE_3_HOST: 'db.example.com',
        DATABASE_3_PORT: '6000',
        DATABASE_3_USER: 'app',
        DATABASE_3_PASSWORD: 'p3',
        DATABASE_3_DATABASE: 'shop',
        DATABASE_3_SSL: 'false',
        DATABASE_4_REF: 'uvwx',
        DATABASE_4_SSL: 'verify-full',
        DATABASE_4_TAGS: ' , ',
      }),
      [
        [
          'shop',
          {
            ref: REF,
            supabaseUrl: PROJECT,
            dbPassword: 'p 1 ',
            region: 'eu-west-1',
            cluster: '1',
            supabaseKey: 'anon',
            tags: ['eu', 'paid'],
            groups: ['b2b'],
          },
        ],
        ['database_2', { connectionString: 'postgres://u@h/b', dbPassword: 'p2' }],
        [
          'database_3',
          {
            dbHost: 'db.example.com',
            dbPort: '6000',
            dbUser: 'app',
            dbPassword: 'p3',
            dbName: 'shop',
            ssl: false,
          },
        ],
        ['database_4', { ref: 'uvwx', ssl: 'verify-full' }],
      ],
    );
  });

  test('quotes around a value, which some programs leave there, are no part of it', async () => {
    const env = {
      SUPABASE_URL: `"${PROJECT}"`,
      SUPABASE_ANON_KEY: "'anon'",
      SUPABASE_DB_PASSWORD: '"p\'w"',
      DATABASE_URL: '""',
      DATABASE_1_HOST: ' "db.example.com" ',
      DATABASE_1_NAME: '"shop"',
      DATABASE_1_PORT: '"6000"',
      DATABASE_1_PASSWORD: '`pw`',
      DATABASE_1_SSL: '"false"',
      DATABASE_1_TAGS: '"eu,paid"',
    };
    assert.deepEqual(await databasesOf(env), [
      ['main', { ref: REF, dbPassword: "p'w", supabaseUrl: PROJECT, supabaseKey: 'anon' }],
      [
        'shop',
        { dbHost: 'db.example.com', dbPort: '6000', dbPassword: 'pw', ssl: false, tags: ['eu', 'paid'] },
      ],
    ]);
    assert.deepEqual(await databasesOf({ DATABASE_1_HOST: '"h"', DATABASE_1_PASSWORD: '"pw"' }), [
      ['database_1', { dbHost: 'h', dbPassword: 'pw' }],
    ]);
  });

  test('quotes are a part of a password where no URL or host has any', async (t) => {
    const env = { SUPABASE_URL: PROJECT, SUPABASE_DB_PASSWORD: '"pw"', SUPABASE_ANON_KEY: '"anon"' };
    const config = { ref: REF, dbPassword: '"pw"', supabaseUrl: PROJECT, supabaseKey: 'anon' };
    assert.deepEqual(await databasesOf(env), [['main', config]]);
    // In a file they are what its rules make of them.
    const text = `SUPABASE_URL="${PROJECT}"\nSUPABASE_DB_PASSWORD='"pw"'\nSUPABASE_ANON_KEY="anon"\n`;
    const directory = treeOf(t, { 'vars.env': text });
    assert.deepEqual(await databasesOf({}, path.join(directory, 'vars.env')), [['main', config]]);
  });

  test('two databases of one name are refused by the names of their variables', async () => {
    for (const [env, message] of [
      [
        { DATABASE_1_URL: URL_A, DATABASE_1_NAME: 'x', DATABASE_2_URL: URL_A, DATABASE_2_NAME: 'x' },
        'DATABASE_2_NAME calls a database "x", as DATABASE_1_NAME does: give it another name',
      ],
      [
        { DATABASE_URL: URL_A, DATABASE_1_URL: URL_A, DATABASE_1_NAME: 'main' },
        'DATABASE_1_NAME calls a database "main", as DATABASE_URL does: give it another name',
      ],
      [
        { SUPABASE_URL: PROJECT, DATABASE_1_URL: URL_A, DATABASE_1_NAME: 'main' },
        'DATABASE_1_NAME calls a database "main", as SUPABASE_URL or SUPABASE_POOLER_URL does: give it another name',
      ],
      [
        { DATABASE_1_URL: URL_A, DATABASE_2_URL: URL_A, DATABASE_2_NAME: 'database_1' },
        'DATABASE_2_NAME calls a database "database_1", as DATABASE_1 does: give it another name',
      ],
    ]) {
      assert.equal((await failure(databasesOf(env))).message, message);
    }
  });

  test('a file of variables is read, and the environment wins over it', async (t) => {
    const directory = treeOf(t, {
      'vars.env':
        '\uFEFFDATABASE_1_URL="postgres://u:a#b@h/1" # one\r\nexport DATABASE_1_NAME=one\r\nDATABASE_2_URL=postgres://h/2\r\n',
    });
    const file = path.join(directory, 'vars.env');
    assert.deepEqual(await databasesOf({}, file), [
      ['one', { connectionString: 'postgres://u:a#b@h/1' }],
      ['database_2', { connectionString: 'postgres://h/2' }],
    ]);
    const env = { DATABASE_1_URL: 'postgres://h/other', DATABASE_2_URL: ' ', DATABASE_1_NAME: 'two' };
    assert.deepEqual(await databasesOf(env, file), [
      ['two', { connectionString: 'postgres://h/other' }],
      ['database_2', { connectionString: 'postgres://h/2' }],
    ]);
  });

  test('a file that is named and missing is an error that names it', async (t) => {
    const file = path.join(treeOf(t, {}), 'missing.env');
    const error = await failure(DatabaseManager.fromEnv({ env: {}, envFile: file }));
    assert.equal(error.message, `The file of variables ${file} can't be read (ENOENT)`);
    assert.equal(error.code, 'ENOENT');
  });

  test('options of other types are TypeErrors', async () => {
    for (const options of [{ env: null }, { env: 'x' }, { envFile: true }, { envFile: '' }, { envFile: 5 }]) {
      assert.ok((await failure(DatabaseManager.fromEnv(options))) instanceof TypeError);
    }
  });

  test('an unknown option is named with the nearest known one', async () => {
    await assert.rejects(DatabaseManager.fromEnv({ envfile: 'x' }), {
      name: 'TypeError',
      message: 'Unknown option "envfile" of fromEnv; the nearest known one is "envFile"',
    });
  });

  test('the file .env of the working directory is read, without a word and without a change of the environment', async (t) => {
    const source = `
      const DatabaseManager = require(${JSON.stringify(path.join(__dirname, '..', '..'))});
      const before = JSON.stringify(process.env);
      (async () => {
        const names = [];
        for (const options of [undefined, {}, { envFile: false }]) {
          names.push([...(await DatabaseManager.fromEnv(options)).connections.keys()]);
        }
        if (JSON.stringify(process.env) !== before) throw new Error('changed');
        console.log(JSON.stringify(names));
      })();`;
    const cwd = treeOf(t, { '.env': 'DATABASE_1_URL=postgres://h/1\n' });
    const found = await run({ source }, { cwd });
    assert.deepEqual(JSON.parse(found.stdout), [['database_1'], ['database_1'], []]);
    assert.equal(found.stderr, '');
    // Of that name may be a folder, too.
    const other = treeOf(t, { '.env/bin/x': '' });
    assert.deepEqual(JSON.parse((await run({ source }, { cwd: other })).stdout), [[], [], []]);
  });

  test('no error shows a secret', async () => {
    const canary = new Canary(5);
    const env = {
      SUPABASE_URL: `https://api.example.com/?key=${canary.text}`,
      DATABASE_1_URL: `postgres://u:${canary.text}%/@`,
      DATABASE_2_HOST: '127.0.0.1',
      DATABASE_2_PORT: canary.text,
      DATABASE_2_PASSWORD: canary.text,
    };
    const manager = await DatabaseManager.fromEnv({ env, envFile: false });
    for (const database of manager.connections.keys()) {
      const error = await failure(manager.executeDDL('SELECT 1', { database }));
      assert.ok(error instanceof TypeError);
      assert.equal(canary.foundIn(`${error.stack}${JSON.stringify(error)}`), undefined, database);
    }
  });
});

ofOurManager('a manager from the environment', (bench) => {
  test('connects at the first use, and to nothing else', async () => {
    const name = bench.unique('application');
    const env = {
      DATABASE_1_URL: `${bench.server.url(bench.database)}?sslmode=disable&application_name=${name}`,
      DATABASE_1_NAME: 'shop',
      DATABASE_2_URL: 'postgres://nobody@127.0.0.1:1/nothing',
    };
    const manager = bench.keep(await bench.DatabaseManager.fromEnv({ env, envFile: false }));
    assert.equal(manager.currentConnection, 'shop');
    assert.equal(await bench.sockets(name), 0);
    const { rows } = await manager.executeDDL('SELECT current_database() AS name');
    assert.deepEqual(rows, [{ name: bench.database }]);
    await manager.switchConnection('database_2');
    assert.equal((await failure(manager.executeDDL('SELECT 1'))).code, 'ECONNREFUSED');
  });

  test('is of the class that was asked', async () => {
    class Fleet extends bench.DatabaseManager {}
    assert.ok((await Fleet.fromEnv({ env: {}, envFile: false })) instanceof Fleet);
  });
});
