'use strict';

const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const { afterEach, beforeEach, describe, test } = require('node:test');
const { contender, oracle } = require('../values/duel');
const { forBoth } = require('../support/both');

const NAMES = ['user', 'database', 'host', 'port', 'password', 'ssl', 'replication', 'binary'];
const PARAMETERS = [
  'user',
  'database',
  'port',
  'host',
  'password',
  'binary',
  'options',
  'ssl',
  'sslnegotiation',
  'client_encoding',
  'replication',
  'isDomainSocket',
  'application_name',
  'fallback_application_name',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'query_timeout',
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
];

const configs = {
  nothing: undefined,
  'an empty object': {},
  'single settings': { user: 'u', password: 'p', host: 'h', port: 1234, database: 'd' },
  'a port as text': { port: '5433' },
  'a user alone, whose name is the database': { user: 'someone' },
  'a URL': 'postgres://user:pass@example.test:5433/base',
  'a URL with escapes': 'postgresql://us%40er:p%3Ass%2F@example.test/ba%20se',
  'a URL with parameters':
    'postgres://u:p@h/d?application_name=app&fallback_application_name=fall&statement_timeout=5&options=-c%20geqo%3Doff',
  'a URL without a host': 'postgres:///base',
  'a URL of a socket': 'socket:/var/run/postgresql?db=base&encoding=utf8',
  'a path': '/var/run/postgresql',
  'a path with a database': '/var/run/postgresql base',
  'a URL with ssl=true': 'postgres://u@h/d?ssl=true',
  'a URL with ssl=0': 'postgres://u@h/d?ssl=0',
  'a URL with sslmode=no-verify': 'postgres://u@h/d?sslmode=no-verify',
  'a URL with sslmode=disable': 'postgres://u@h/d?sslmode=disable',
  'a URL with direct TLS': 'postgres://u@h/d?sslmode=no-verify&sslnegotiation=direct',
  'a connectionString, which wins': {
    connectionString: 'postgres://u:p@h:1/d',
    user: 'x',
    port: 2,
    host: 'y',
  },
  'a connectionString with other settings': {
    connectionString: 'postgres://u:p@h/d',
    ssl: { rejectUnauthorized: false },
    application_name: 'mine',
  },
  'an IPv6 host': 'postgres://u@[::1]:5432/d',
  'several hosts': { host: 'one,two', port: 5432 },
  'ssl: true': { ssl: true },
  'ssl as an object': { ssl: { rejectUnauthorized: false, ca: 'pem' } },
  "ssl: 'no-verify'": { ssl: 'no-verify' },
  'all timeouts': {
    statement_timeout: 1,
    lock_timeout: 2,
    idle_in_transaction_session_timeout: 3,
    query_timeout: 4,
    connectionTimeoutMillis: 5000,
  },
  'keepalive settings': { keepAlive: true, keepAliveInitialDelayMillis: 9000 },
  'keepalive off': { keepAlive: false },
  'replication and encoding': { replication: 'database', client_encoding: 'utf8' },
  'a binary client': { binary: true },
};

const ENVIRONMENT = {
  PGHOST: 'env-host',
  PGPORT: '6543',
  PGUSER: 'env-user',
  PGPASSWORD: 'env-password',
  PGDATABASE: 'env-base',
  PGAPPNAME: 'env-app',
  PGOPTIONS: '-c geqo=off',
  PGSSLMODE: 'no-verify',
  PGCONNECT_TIMEOUT: '7',
  PGCLIENT_ENCODING: 'LATIN1',
};

const view = (pg, config) => {
  const client = new pg.Client(config);
  return {
    client: Object.fromEntries(NAMES.map((name) => [name, client[name]])),
    parameters: Object.fromEntries(PARAMETERS.map((name) => [name, client.connectionParameters[name]])),
  };
};

describe('what a client shows of its settings', () => {
  let saved;
  beforeEach(() => {
    saved = { ...process.env };
    for (const name of Object.keys(process.env))
      if (name.startsWith('PG') && !name.startsWith('PGFLEET')) delete process.env[name];
  });
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
    Object.assign(process.env, saved);
  });

  for (const [what, config] of Object.entries(configs)) {
    test(`${what}: the same as with pg`, () => {
      assert.deepEqual(view(contender, structuredClone(config)), view(oracle, structuredClone(config)));
    });

    test(`${what} in a PG* environment: the same as with pg`, () => {
      Object.assign(process.env, ENVIRONMENT);
      assert.deepEqual(view(contender, structuredClone(config)), view(oracle, structuredClone(config)));
    });
  }

  for (const mode of ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify', 'nonsense']) {
    test(`PGSSLMODE=${mode}: the same as with pg`, () => {
      process.env.PGSSLMODE = mode;
      assert.deepEqual(view(contender, {}), view(oracle, {}));
    });
  }

  test('defaults that change at run time: the same as with pg', () => {
    const before = [oracle, contender].map(({ defaults }) => ({
      host: defaults.host,
      user: defaults.user,
      port: defaults.port,
    }));
    for (const { defaults } of [oracle, contender])
      Object.assign(defaults, { host: 'default-host', user: 'default-user', port: 7654 });
    try {
      assert.deepEqual(view(contender, {}), view(oracle, {}));
      assert.equal(new contender.Client({}).host, 'default-host');
    } finally {
      [oracle, contender].forEach(({ defaults }, index) => Object.assign(defaults, before[index]));
    }
  });

  test('wrong settings are refused with the same words as with pg', () => {
    const wrong = [
      { sslnegotiation: 'sideways' },
      { sslnegotiation: 'direct' },
      'postgres://u@h:port/d',
      { connectionString: 'postgres://u@h:99999999/d' },
    ];
    for (const config of wrong) {
      const outcome = (pg) => {
        try {
          return view(pg, config);
        } catch (error) {
          return `${error.constructor.name}: ${error.message}`;
        }
      };
      assert.deepEqual(outcome(contender), outcome(oracle));
    }
  });

  forBoth(({ pg }) => {
    const secret = 'a-very-secret-word';

    test('the password is there for programs and not for print', () => {
      for (const config of [
        { password: secret },
        `postgres://u:${secret}@h/d`,
        { connectionString: `postgres://u:${secret}@h/d` },
      ]) {
        const client = new pg.Client(config);
        assert.equal(client.password, secret);
        assert.equal(client.connectionParameters.password, secret);
        assert.equal(Object.keys(client).includes('password'), false);
        assert.equal(inspect(client, { depth: 8 }).includes(secret), false);
      }
    });

    test('the key of TLS is not for print', () => {
      const client = new pg.Client({ ssl: { key: secret, rejectUnauthorized: false } });
      assert.equal(client.ssl.key, secret);
      assert.equal(inspect(client, { depth: 8 }).includes(secret), false);
    });

    const identifiers = {
      plain: '"plain"',
      'with "quotes"': '"with ""quotes"""',
      '': '""',
      'é; --': '"é; --"',
    };
    const literals = {
      plain: "'plain'",
      "it's": "'it''s'",
      'back\\slash': " E'back\\\\slash'",
      "both \\ and '": " E'both \\\\ and '''",
      '': "''",
      'new\nline': "'new\nline'",
    };
    for (const holder of ['escapeIdentifier', 'escapeLiteral']) {
      test(`${holder} is on the module, on clients and on the prototype`, () => {
        const expected = holder === 'escapeIdentifier' ? identifiers : literals;
        for (const [raw, escaped] of Object.entries(expected)) {
          assert.equal(pg[holder](raw), escaped);
          assert.equal(new pg.Client()[holder](raw), escaped);
          assert.equal(pg.Client.prototype[holder](raw), escaped);
        }
      });
    }

    test('escapeLiteral makes an empty literal of what is no text', () => {
      for (const value of [null, undefined, 5, {}, []]) assert.equal(pg.escapeLiteral(value), "''");
    });
  });
});
