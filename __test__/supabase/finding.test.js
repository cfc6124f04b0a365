'use strict';

// A database of which only the project's ref is known, in front of fakes of Supabase's poolers and of a project's own machine.

const { after, before, describe, test } = require('node:test');
const assert = require('node:assert/strict');
const { runWithNames, withoutNames } = require('../support/names.js');
const { postgres } = require('../support/server.js');
const { startSupabase } = require('../support/supavisor/hosts.js');

const REF = 'abcdefghijklmnopqrst';
const HERE = 'aws-1-eu-central-1';
const POOLER = `${HERE}.pooler.supabase.com`;
const MACHINE = `db.${REF}.supabase.co`;

/** What the programs below have. */
const PRELUDE = `
  const { DatabaseManager, Pool, Client } = require('./index.js');
  const password = process.env.PASSWORD;
  const manager = new DatabaseManager();
  const told = {};
  const failure = (promise) => promise.then(
    () => 'it worked',
    ({ name, code, message, supabase, errors, cause }) => ({ name, code, message, supabase, cause: cause?.cause?.message, errors: errors?.length }),
  );
  const add = async (name, config) => {
    await manager.addConnection(name, { password, ...config });
    return manager.connections.get(name).pool;
  };
  const user = async (pool) => (await pool.query('SELECT current_user AS name')).rows[0].name;
`;

describe('a database with a ref', { skip: withoutNames }, () => {
  let server;
  const started = [];
  before(async () => {
    server = await postgres();
  });
  after(() => Promise.all(started.map((supabase) => supabase.close())));

  async function start(tenant = {}, options = {}) {
    const supabase = await startSupabase({
      server,
      clusters: {
        'aws-0-us-east-1': {},
        'aws-1-us-east-1': {},
        'aws-0-eu-central-1': {},
        [HERE]: { tenants: { [REF]: tenant } },
        'aws-2-eu-central-1': {},
        'fly-0-eu-central-1': {},
      },
      ...options,
    });
    started.push(supabase);
    return supabase;
  }

  /** Runs a program that puts what it finds into `told`. */
  async function tell(supabase, body, { env = {}, hosts = {} } = {}) {
    const source = `${PRELUDE}
      (async () => { ${body}
        await manager.close();
        console.log(JSON.stringify(told));
      })();`;
    const outcome = await runWithNames(
      { source },
      {
        hosts: { ...supabase.hosts, ...hosts },
        env: { PASSWORD: server.password, CA: supabase.ca, ...env },
      },
    );
    assert.equal(outcome.stderr, '');
    return JSON.parse(outcome.stdout);
  }

  const users = (supabase) => supabase.ledger.startups.map(({ startup }) => startup.parameters.user);

  test('and a password is enough: its pooler is found, and asked for a login once', async () => {
    const supabase = await start();
    const told = await tell(
      supabase,
      `const pool = await add('main', { ref: '${REF}' });
       told.user = await user(pool);
       const client = await pool.connect();
       told.client = [client.host, client.port, client.user, client.connectionParameters.database];
       client.release();
       told.pool = [pool.options.host, pool.options.port];`,
    );
    assert.deepEqual(told, {
      user: server.user,
      client: [POOLER, 5432, `postgres.${REF}`, 'postgres'],
      pool: [POOLER, 5432],
    });
    const { ledger } = supabase;
    assert.equal(ledger.authAttempts, 1);
    assert.equal(ledger.probes, 1);
    const { [HERE]: here, ...others } = ledger.startupsByHost;
    assert.equal(here, 2);
    assert.ok(Object.values(others).every((count) => count === 1));
    assert.deepEqual(new Set(users(supabase)), new Set([`postgres.${REF}`]));
    assert.ok(ledger.startups.every(({ encrypted }) => encrypted));
    assert.ok(ledger.startups.every(({ host, servername }) => servername === `${host}.pooler.supabase.com`));
  });

  test('and a region asks the poolers of that region, and with the cluster none', async () => {
    const supabase = await start();
    await tell(supabase, `await add('main', { ref: '${REF}', region: 'eu-central-1' });`);
    assert.ok(Object.keys(supabase.ledger.startupsByHost).every((host) => host.endsWith('-eu-central-1')));
    supabase.ledger.forget();
    await tell(
      supabase,
      `await add('number', { ref: '${REF}', region: 'eu-central-1', cluster: 1 });
       await add('text', { ref: '${REF}', region: 'eu-central-1', cluster: '1' });
       await add('name', { ref: '${REF}', region: 'eu-central-1', cluster: 'aws-1' });`,
    );
    assert.deepEqual(supabase.ledger.startupsByHost, { [HERE]: 3 });
    assert.equal(supabase.ledger.authAttempts, 3);
  });

  test('and a role, a database or the port of transaction mode logs in as that', async () => {
    const name = await server.createDatabase();
    const supabase = await start({
      roles: { postgres: server.password, 'my.role': 'own' },
      databases: { app: name },
    });
    const told = await tell(
      supabase,
      `const options = { ref: '${REF}', region: 'eu-central-1' };
       const app = await add('app', { ...options, dbUser: 'my.role', dbPassword: 'own', dbName: 'app', dbPort: 6543 });
       told.database = (await app.query('SELECT current_database() AS name')).rows[0].name;
       await add('whole', { ...options, user: 'postgres.${REF}' });`,
    );
    assert.deepEqual(told, { database: name });
    assert.deepEqual(new Set(users(supabase)), new Set([`my.role.${REF}`, `postgres.${REF}`]));
    const modes = supabase.ledger.startups.filter(({ startup }) => startup.parameters.user.startsWith('my.'));
    assert.ok(
      modes.every(({ mode, startup }) => mode === 'transaction' && startup.parameters.database === 'app'),
    );
  });

  test('and a host goes there, as the user that the host knows', async () => {
    const supabase = await start({}, { direct: { [REF]: {} } });
    await tell(
      supabase,
      `await add('pooler', { ref: '${REF}', dbHost: '${POOLER}' });
       await add('whole', { ref: '${REF}', host: '${POOLER}', dbUser: 'postgres.${REF}' });
       await add('direct', { ref: '${REF}', dbHost: '${MACHINE}', dbUser: process.env.ROLE, max: 1 });
       await add('cut', { ref: '${REF}', dbHost: '${MACHINE}', dbUser: process.env.ROLE + '.${REF}', max: 1 });`,
      { env: { ROLE: server.user } },
    );
    assert.deepEqual(supabase.ledger.startupsByHost, { [HERE]: 2, [MACHINE]: 2 });
    assert.deepEqual(users(supabase), [`postgres.${REF}`, `postgres.${REF}`, server.user, server.user]);
  });

  test('that no pooler knows rejects with what that may mean, and nobody is sent or asked for a password', async () => {
    const supabase = await start();
    const told = await tell(
      supabase,
      `let asked = 0;
       const config = { ref: 'nosuchproject', password: () => { asked += 1; return 'secret'; } };
       told.first = await failure(manager.addConnection('main', config));
       told.again = await failure(manager.addConnection('main', config));
       told.asked = asked;
       told.names = [...manager.connections.keys()];`,
    );
    const { first } = told;
    assert.equal(first.name, 'Error');
    assert.equal(first.code, 'XX000');
    assert.match(
      first.message,
      /^Tenant or user not found: postgres\.nosuchproject\. .*6 poolers of 2 regions/,
    );
    assert.equal(first.supabase.code, 'ENOTFOUND');
    assert.equal(first.supabase.reaction, 'fix');
    assert.match(first.supabase.hint, /"nosuchproject"/);
    assert.deepEqual(told, { first, again: first, asked: 0, names: [] });
    assert.equal(supabase.ledger.authAttempts, 0);
    assert.ok(Object.values(supabase.ledger.startupsByHost).every((count) => count === 1));
    assert.equal(supabase.ledger.startups.length, 6);
  });

  test('that the poolers of a region do not know names the region', async () => {
    const supabase = await start();
    const told = await tell(
      supabase,
      `told.wrong = await failure(add('main', { ref: '${REF}', region: 'us-east-1' }));
       told.none = await failure(add('main', { ref: '${REF}', region: 'us-east-9' }));`,
    );
    assert.equal(told.wrong.code, 'XX000');
    assert.match(told.wrong.supabase.hint, /us-east-1/);
    assert.equal(told.none.code, 'ENOTFOUND');
    assert.match(told.none.supabase.hint, /us-east-9/);
  });

  test('is found by poolers of older releases as well', async () => {
    const supabase = await start({}, { all: { older: true } });
    await tell(supabase, `await add('main', { ref: '${REF}' });`);
    assert.equal(supabase.ledger.authAttempts, 1);
  });

  const refused = {
    'is banned': [{ banned: 'no' }, /^\(EBANNED\)/],
    'allows other addresses': [{ allowList: ['10.0.0.0/8'] }, /^\(EADDRNOTALLOWED\)/],
    'has no room': [{ poolSize: 0 }, /^\(EMAXCONN/],
    'insists on TLS': [{ enforceSsl: true }, /^\(ESSLREQUIRED\)/, 'ssl: false,'],
  };
  for (const [how, [tenant, message, options = '']] of Object.entries(refused)) {
    test(`that ${how} is found, and the login says the rest`, async () => {
      const supabase = await start(tenant);
      const told = await tell(
        supabase,
        `told.error = await failure(add('main', { ref: '${REF}', region: 'eu-central-1', ${options}
           connectionTimeoutMillis: 1000 }));`,
      );
      assert.match(
        [told.error.message, told.error.cause].join(' '),
        new RegExp(message.source.replace('^', '')),
      );
      assert.ok(supabase.ledger.startupsByHost[HERE] >= 2);
      assert.equal(supabase.ledger.authAttempts, 0);
    });
  }

  test('and a wrong password sends it once', async () => {
    const supabase = await start();
    const told = await tell(
      supabase,
      `told.error = await failure(add('main', { ref: '${REF}', password: 'wrong' }));`,
    );
    assert.equal(told.error.code, '28P01');
    assert.equal(supabase.ledger.authAttempts, 1);
  });

  test('checks certificates as it is told to, when poolers are asked as well', async () => {
    const supabase = await start();
    const told = await tell(
      supabase,
      `told.works = await user(await add('main', { ref: '${REF}', ssl: { ca: process.env.CA } }));
       told.error = await failure(add('other', { ref: '${REF}', ssl: true }));`,
    );
    assert.equal(told.works, server.user);
    assert.equal(told.error.code, 'SELF_SIGNED_CERT_IN_CHAIN');
    assert.equal(supabase.ledger.authAttempts, 1);
    assert.ok(supabase.ledger.startups.every(({ encrypted }) => encrypted));
  });

  test('is told of a certificate that does not hold rather than of a pooler that cannot be reached', async () => {
    const supabase = await start();
    const nobody = supabase.cluster(HERE).host.replace(/\d+$/, '250');
    const told = await tell(
      supabase,
      `told.error = await failure(add('main', { ref: '${REF}', region: 'eu-central-1', ssl: true }));`,
      { hosts: { 'aws-0-eu-central-1.pooler.supabase.com': nobody } },
    );
    assert.equal(told.error.code, 'SELF_SIGNED_CERT_IN_CHAIN', told.error.message);
  });

  test('and temporary access is told its password once the certificate holds', async () => {
    const supabase = await start({ jit: true });
    const told = await tell(
      supabase,
      `told.works = await user(await add('main', { ref: '${REF}', ssl: { ca: process.env.CA } }));
       told.error = await failure(add('found', { ref: '${REF}' }));
       told.given = await failure(add('given', { ref: '${REF}', dbHost: '${POOLER}' }));
       told.replaced = await failure(add('replaced', { dbHost: '${MACHINE}', dbUser: 'postgres' }));`,
    );
    assert.equal(told.works, server.user);
    const refusals = [told.error, told.given, told.replaced].map(({ code }) => code);
    assert.deepEqual(refusals, Array(3).fill('SELF_SIGNED_CERT_IN_CHAIN'));
    assert.deepEqual(
      supabase.ledger.entries.filter(({ cleartext }) => cleartext > 0).map(({ outcome }) => outcome),
      ['logged in'],
    );
  });

  test('is searched for once by all that want it at the same time', async () => {
    const supabase = await start();
    await tell(
      supabase,
      `await Promise.all(['a', 'b', 'c', 'd'].map((name) => add(name, { ref: '${REF}', max: 1 })));`,
    );
    const { [HERE]: here, ...others } = supabase.ledger.startupsByHost;
    assert.equal(here, 5);
    assert.ok(Object.values(others).every((count) => count === 1));
    assert.equal(supabase.ledger.probes, 1);
  });

  test('has one pool in all managers that share it', async () => {
    const supabase = await start();
    const told = await tell(
      supabase,
      `const config = { ref: '${REF}', shared: true, max: 1 };
       const first = await add('first', config);
       const second = await add('second', config);
       told.process = [];
       for (const pool of [first, second, new Pool(first.options)]) {
         told.process.push((await pool.query('SELECT pg_backend_pid() AS id')).rows[0].id);
         if (pool !== first && pool !== second) await pool.end();
       }`,
    );
    assert.equal(new Set(told.process).size, 1);
    assert.equal(supabase.ledger.authAttempts, 1);
  });

  test('hands its options to other pools and clients, made before and after it was found', async () => {
    const supabase = await start();
    const told = await tell(
      supabase,
      `const waiting = manager.addConnection('main', { ref: '${REF}', password });
       await waiting;
       const { options } = manager.connections.get('main').pool;
       const older = { ...options, host: '${MACHINE}' };
       for (const [name, given] of Object.entries({ same: options, spread: { ...options }, older })) {
         const pool = new Pool(given);
         told[name] = await user(pool);
         await pool.end();
         const client = new Client(given);
         await client.connect();
         told[name] += ' ' + client.host;
         await client.end();
       }
       const plain = JSON.parse(JSON.stringify(options));
       told.printed = JSON.stringify(plain).includes(password) || require('util').inspect(options, { showHidden: true, getters: true }).includes(password);
       const again = new Pool({ ...plain, password });
       told.plain = await user(again);
       await again.end();
       const elsewhere = new Pool({ ...options, host: 'nowhere.invalid', password });
       told.elsewhere = (await failure(elsewhere.query('SELECT 1'))).message;
       const copied = await add('copied', { ...options, host: '${MACHINE}' });
       told.copied = await user(copied);
       told.without = new Client({ ...options, host: 'nowhere.invalid' }).password;`,
    );
    const works = `${server.user} ${POOLER}`;
    assert.deepEqual(told, {
      copied: server.user,
      ...{ same: works, spread: works, older: works, printed: false, plain: server.user },
      elsewhere: 'getaddrinfo ENOTFOUND nowhere.invalid',
      without: null,
    });
  });

  test('is listened to, and used by pools whose steps the program has replaced', async () => {
    const supabase = await start();
    const told = await tell(
      supabase,
      `const pool = await add('main', { ref: '${REF}' });
       const heard = new Promise((resolve) => manager.listen('news', resolve).then(() => pool.query('NOTIFY news')));
       told.channel = (await heard).channel;
       class Own extends Pool { newClient(waiter) { told.own = true; return super.newClient(waiter); } }
       const own = new Own({ ...pool.options });
       told.user = await user(own);
       await own.end();`,
    );
    assert.deepEqual(told, { channel: 'news', own: true, user: server.user });
  });

  test('goes on with the search where the time was too short, for the next attempt', async () => {
    const supabase = await start({}, { all: { millis: { refusal: 300 } } });
    const told = await tell(
      supabase,
      `const config = { ref: '${REF}', region: 'eu-central-1', cluster: undefined };
       told.error = await failure(add('main', { ...config, connectionTimeoutMillis: 1 }));
       told.user = await user(await add('main', config));`,
    );
    assert.equal(told.error.code, 'ETIMEDOUT');
    assert.equal(told.user, server.user);
    assert.equal(supabase.ledger.probes, 1);
  });

  describe("whose host is the project's own machine", () => {
    test('goes there where it can', async () => {
      const supabase = await start({}, { direct: { [REF]: {} } });
      const told = await tell(
        supabase,
        `const pool = await add('main', { dbHost: '${MACHINE}', dbUser: process.env.ROLE });
         const client = await pool.connect();
         told.hosts = [client.host, pool.options.host];
         client.release();`,
        { env: { ROLE: server.user } },
      );
      assert.deepEqual(told, { hosts: [MACHINE, MACHINE] });
      assert.deepEqual(supabase.ledger.startupsByHost, { [MACHINE]: 1 });
    });

    const ways = {
      'whose name has no address': {},
      // One of multicast: no connection leads there.
      'to whose address no route leads': { [MACHINE]: '224.0.0.1' },
    };
    for (const [how, hosts] of Object.entries(ways)) {
      test(`${how} is reached by the pooler, on the same port`, async () => {
        const supabase = await start();
        const told = await tell(
          supabase,
          `const url = (port) => 'postgresql://postgres:' + encodeURIComponent(password) + '@${MACHINE}:' + port + '/postgres';
           const session = await add('session', { connectionString: url(5432) });
           const transaction = await add('transaction', { connectionString: url(6543) });
           await add('given', { dbHost: '${MACHINE}', dbUser: 'postgres' });
           const client = await session.connect();
           told.host = client.host;
           client.release();
           told.user = await user(transaction);`,
          { hosts },
        );
        assert.deepEqual(told, { host: POOLER, user: server.user });
        assert.deepEqual(new Set(users(supabase)), new Set([`postgres.${REF}`]));
        const modes = supabase.ledger.entries.filter(({ outcome }) => outcome === 'logged in');
        assert.deepEqual(new Set(modes.map(({ mode }) => mode)), new Set(['session', 'transaction']));
      });
    }

    test('and refuses connections is not replaced by the pooler: it may have banned the caller', async () => {
      const supabase = await start();
      const told = await tell(
        supabase,
        `told.error = await failure(add('main', { dbHost: '${MACHINE}', dbUser: 'postgres' }));`,
        { hosts: { [MACHINE]: '127.9.9.9' } },
      );
      assert.equal(told.error.code, 'ECONNREFUSED');
      assert.equal(supabase.ledger.entries.length, 0);
    });

    test('keeps its own error where no pooler knows it either', async () => {
      const supabase = await start();
      const told = await tell(
        supabase,
        `told.error = await failure(add('main', { dbHost: 'db.nosuchproject.supabase.co', dbUser: 'postgres' }));`,
      );
      assert.equal(told.error.code, 'ENOTFOUND');
      assert.equal(told.error.message, 'getaddrinfo ENOTFOUND db.nosuchproject.supabase.co');
      assert.equal(supabase.ledger.authAttempts, 0);
    });

    test('on another port goes nowhere else', async () => {
      const supabase = await start();
      const told = await tell(
        supabase,
        `told.error = await failure(add('main', { dbHost: '${MACHINE}', dbPort: 5433, dbUser: 'postgres' }));`,
      );
      assert.equal(told.error.code, 'ENOTFOUND');
      assert.equal(supabase.ledger.entries.length, 0);
    });

    test('is where Pool and Client go by themselves, and nowhere else', async () => {
      const supabase = await start();
      const told = await tell(
        supabase,
        `const config = { host: '${MACHINE}', user: 'postgres', database: 'postgres', password };
         told.pool = (await failure(new Pool(config).query('SELECT 1'))).code;
         told.client = (await failure(new Client(config).connect())).code;
         told.ref = new Client({ ref: '${REF}' }).host;`,
      );
      assert.deepEqual(told, { pool: 'ENOTFOUND', client: 'ENOTFOUND', ref: 'localhost' });
      assert.equal(supabase.ledger.entries.length, 0);
    });
  });
});

describe('what a database with a ref refuses', () => {
  const { DatabaseManager } = require('../../index.js');
  const { Client, Connection } = require('pg');

  async function refusal(config) {
    const manager = new DatabaseManager();
    try {
      await manager.addConnection('main', { password: 'secret', ...config });
    } catch (error) {
      return error;
    } finally {
      await manager.close();
    }
    return assert.fail('it was added');
  }

  const wrong = {
    'a URL in the place of the ref': { ref: 'https://abc.supabase.co' },
    'a host in its place': { ref: 'abc.supabase.co' },
    'white space in it': { ref: 'abc ' },
    'a zero byte in it': { ref: 'a\0b' },
    'more of it than a host can have': { ref: 'a'.repeat(64) },
    'a ref that is no string': { ref: 5 },
    'a region that is none': { ref: 'abc', region: 'Frankfurt' },
    'a region that is no string': { ref: 'abc', region: {} },
    'a cluster that is none': { ref: 'abc', cluster: 'one' },
    'a negative cluster': { ref: 'abc', cluster: -1 },
    'the machine of another project': { ref: 'abc', dbHost: 'db.xyz.supabase.co' },
  };
  for (const [what, config] of Object.entries(wrong)) {
    test(`${what}, by its name`, async () => {
      const error = await refusal(config);
      assert.ok(error instanceof TypeError, String(error));
      const [option] = Object.keys(config).slice(-1);
      assert.match(error.message, new RegExp(`"${option === 'dbHost' ? 'ref' : option}"`));
    });
  }

  const carried = {
    stream: { stream: () => new (require('node:net').Socket)() },
    connection: { connection: new Connection({}) },
    Client: { Client },
  };
  for (const [option, config] of Object.entries(carried)) {
    test(`"${option}", by which no pooler can be found`, async () => {
      const error = await refusal({ ref: 'abc', ...config });
      assert.ok(error instanceof TypeError, String(error));
      assert.ok(error.message.startsWith(`"${option}" can't be used with "ref"`), error.message);
    });
  }

  test('a password in the place of the ref, without repeating it', async () => {
    const error = await refusal({ ref: 'Geheim!123' });
    assert.ok(error instanceof TypeError);
    assert.ok(!error.message.includes('Geheim'));
  });
});
