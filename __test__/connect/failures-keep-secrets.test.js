'use strict';

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { tracingChannel } = require('node:diagnostics_channel');
const fs = require('node:fs');
const net = require('node:net');
const pg = require('../..');
const { Canary, everythingOf } = require('../support/canary.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { settled } = require('../support/failure.js');
const { postgres } = require('../support/server.js');

// The long form: PGFLEET_SECRECY_FAILURES=10000 node --test __test__/connect/failures-keep-secrets.test.js
const FAILURES = Number(process.env.PGFLEET_SECRECY_FAILURES ?? 500);
const SEED = Number(process.env.PGFLEET_SECRECY_SEED ?? 1);

/** A small generator of numbers, so that a failure can be had again. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** How a server that speaks for itself fails. */
const SCRIPTS = {
  'hangs up at once': (connection) => connection.drop(),
  'hangs up after the start': async (connection) => {
    await connection.startup();
    connection.drop();
  },
  'hangs up after the password': async (connection) => {
    await connection.startup();
    connection.send(messages.authenticationCleartext());
    await connection.readUntil('p');
    connection.drop();
  },
  'refuses the hash of the password': async (connection) => {
    await connection.startup();
    connection.send(messages.authenticationMd5());
    await connection.readUntil('p');
    connection.finish(messages.errorResponse({ S: 'FATAL', V: 'FATAL', C: '28P01', M: 'no' }));
  },
  'offers an unknown mechanism': async (connection) => {
    await connection.startup();
    connection.send(messages.authenticationSasl('SCRAM-SHA-512'));
  },
  'proves nothing': async (connection) => {
    await connection.startup();
    connection.send(messages.authenticationSasl('SCRAM-SHA-256'));
    const response = await connection.readUntil('p');
    if (!response) return;
    const nonce = /r=([^,]*)/.exec(response.body.toString('latin1'))[1];
    connection.send(messages.authenticationSaslContinue(`r=${nonce}x,s=c2FsdA==,i=1`));
    if (!(await connection.readUntil('p'))) return;
    connection.send(messages.authenticationSaslFinal(`v=${Buffer.alloc(32).toString('base64')}`));
  },
  'wants Kerberos': async (connection) => {
    await connection.startup();
    connection.send(messages.message('R', 7));
  },
  'is a web server': (connection) => connection.finish(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')),
  'dies in the first query': async (connection) => {
    await connection.greet();
    await connection.read();
    connection.drop();
  },
  'fails the first query': async (connection) => {
    await connection.greet();
    await connection.read();
    connection.send(messages.errorResponse({ S: 'ERROR', V: 'ERROR', C: '42601', M: 'no' }));
    connection.send(messages.readyForQuery());
  },
  'says nothing': () => {},
};

const part = encodeURIComponent;

/** Where a secret stands in a configuration: what is added to `{ host, port, user, database }`. */
const PLACES = {
  'a password': (secret) => ({ password: secret }),
  'a function that gives the password': (secret) => ({ password: async () => secret }),
  'a connection string': (secret, { host, port, user, database }) => ({
    connectionString: `postgres://${part(user)}:${part(secret)}@${host}:${port}/${database}`,
  }),
  'a parameter of a connection string': (secret, { host, port, database }) => ({
    connectionString: `postgres://${host}:${port}/${database}?password=${part(secret)}`,
  }),
  'a connection string with no port': (secret) => ({
    connectionString: `postgres://u:${part(secret)}@h:x/db`,
  }),
  'a connection string with an open bracket': (secret) => ({
    connectionString: `postgres://u:${part(secret)}@[::1/db`,
  }),
  'a connection string that is not encoded': (secret) => ({
    connectionString: `postgres://u:${secret}/#@h/db`,
  }),
  'a connection string with a broken escape': (secret) => ({
    connectionString: `postgres://u:${secret}%@h/db`,
  }),
  'a connection string in key=value form': (secret) => ({ connectionString: `host=h password=${secret}` }),
  'a connection string with several hosts': (secret) => ({
    connectionString: `postgres://u:${part(secret)}@127.0.0.1:1,127.0.0.1:x/db`,
  }),
  'a key that is none': (secret) => ({ ssl: { rejectUnauthorized: false, cert: 'x', key: secret } }),
  'a key in PEM that is none': (secret, { shell }) => ({
    ssl: { rejectUnauthorized: false, cert: 'x', key: shell(Buffer.from(secret).toString('base64')) },
  }),
  'a frozen ssl with a passphrase': (secret, { encrypted }) => ({
    ssl: Object.freeze({ rejectUnauthorized: false, cert: 'x', key: encrypted, passphrase: secret }),
  }),
  'an archive that is none': (secret) => ({
    ssl: { rejectUnauthorized: false, pfx: Buffer.from(secret), passphrase: secret },
  }),
};

/**
 * The same where a secret can't be expected. What holds the options shows it with them; what goes wrong with them
 * doesn't tell it.
 */
const WRONG_PLACES = {
  'a URL as host': (secret) => ({ host: `postgres://u:${secret}@h/db` }),
  'user and password as host': (secret) => ({ host: `u:${secret}@h` }),
  'a URL as database': (secret) => ({ database: `postgres://u:${part(secret)}@h/db` }),
  'a key=value form as database': (secret) => ({ database: `host=h password=${secret}` }),
  'a URL as user': (secret) => ({ user: `postgres://u:${secret}@h/db` }),
  'the password as port': (secret) => ({ port: secret }),
  'a URL as ssl': (secret) => ({ ssl: `postgres://u:${secret}@h/db` }),
  'a servername that is a URL': (secret) => ({ ssl: { servername: `postgres://u:${secret}@h/db` } }),
};

/** What makes a connection fail besides its server. */
const TWISTS = [
  {},
  {},
  { require_auth: 'scram-sha-256' },
  { channel_binding: 'require' },
  { channel_binding: 'nonsense' },
  { ssl: true },
  { scramMaxIterations: 0.5 },
  { max: -1 },
  { autoPrepare: 'yes' },
  { target_session_attrs: 'standby' },
];

/** What connects, and fails. `show` gets what holds the options, `look` everything else that a program gets to see. */
const SURFACES = {
  client: async (config, look, show) => {
    const client = show(new pg.Client(config));
    client.on('error', look);
    try {
      await client.connect();
      await client.query('SELECT nonsense FROM nowhere');
    } finally {
      show(client);
      client.end().catch(look);
    }
  },
  'client on a stream': (config, look, show) =>
    SURFACES.client({ ...config, stream: () => new net.Socket() }, look, show),
  pool: async (config, look, show) => {
    const pool = show(new pg.Pool(config));
    pool.on('error', look);
    try {
      await pool.query('SELECT nonsense FROM nowhere');
    } finally {
      show(pool);
      pool.end().catch(look);
    }
  },
  'pool that logs': (config, look, show) =>
    SURFACES.pool({ ...config, log: (...lines) => look(lines) }, look, show),
  'clients of a pool': async (config, look, show) => {
    const pool = show(new pg.Pool(config));
    pool.on('error', look);
    try {
      const client = show(await pool.connect());
      await client.query('SELECT nonsense FROM nowhere').finally(() => client.release(true));
    } finally {
      show(pool);
      pool.end().catch(look);
    }
  },
  manager: async (config, look, show) => {
    const manager = show(new pg.DatabaseManager());
    const { host, user, password, database, port, ...rest } = config;
    const given = {
      dbHost: host,
      dbUser: user,
      dbPassword: password,
      dbName: database,
      dbPort: port,
      ...rest,
    };
    try {
      await manager.addConnection('main', given);
      await manager.executeDDL('SELECT nonsense FROM nowhere');
    } finally {
      show(manager);
      manager.close().catch(look);
    }
  },
  'manager that mixes names up': async (config, look, show) => {
    const manager = show(new pg.DatabaseManager());
    const url = config.connectionString ?? `postgres://u:${config.secret}@h/db`;
    try {
      await manager.switchConnection(url);
    } catch (error) {
      look(error);
    }
    try {
      await manager.addConnection(url, url);
    } finally {
      show(manager);
      manager.close().catch(look);
    }
  },
};

let server;
let fakes;
let keys;
before(async () => {
  server = await postgres();
  fakes = await Promise.all(Object.values(SCRIPTS).map((script) => fakeServer(script)));
  const encrypted = fs.readFileSync(server.certificatePath('client-encrypted.key'), 'utf8');
  const shell = (content) => `-----BEGIN PRIVATE KEY-----\n${content}\n-----END PRIVATE KEY-----\n`;
  keys = { encrypted, shell };
});
after(() => Promise.all(fakes.map((fake) => fake.close())));

/** Everything that a listener can hear. */
function listenAround(look) {
  const channels = ['query', 'connect', 'pool:acquire'].map((name) => tracingChannel(`pgfleet:${name}`));
  const subscriber = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((name) => [
      name,
      (context) => void look(context),
    ]),
  );
  for (const channel of channels) channel.subscribe(subscriber);
  process.on('warning', look);
  return () => {
    for (const channel of channels) channel.unsubscribe(subscriber);
    process.off('warning', look);
  };
}

test(`no secret is shown by any of ${FAILURES} failures of all kinds`, async () => {
  const below = numbers(SEED);
  const pick = (list) => list[below(list.length)];
  const targets = [...fakes, server, { config: (more) => server.config({ port: 1, ...more }) }];
  const kinds = new Set();
  for (let number = 0; number < FAILURES; number += 1) {
    const canary = new Canary(number);
    const isExpected = below(4) > 0;
    const [place, put] = pick(Object.entries(isExpected ? PLACES : WRONG_PLACES));
    const [surface, attempt] = pick(Object.entries(SURFACES));
    const target = pick(targets).config({ user: 'nobody.here', password: undefined });
    const config = {
      ...target,
      connectionTimeoutMillis: 300,
      ...pick(TWISTS),
      ...put(canary.text, { ...target, ...keys }),
    };
    if (surface.includes('mixes')) config.secret = canary.text;
    const what = `failure ${number} of seed ${SEED}: ${surface}, ${place}`;
    let watching = true;
    const look = (value) => {
      const text = watching ? everythingOf(value) : '';
      const form = canary.foundIn(text);
      const at = Math.max(0, text.toLowerCase().indexOf(String(form).toLowerCase()) - 300);
      if (form) assert.fail(`${what}: ${form} is in …${text.slice(at, at + 600)}…`);
      return value;
    };
    const told = [];
    const tell = (value) => {
      try {
        return look(value);
      } catch (error) {
        told.push(error);
        return value;
      }
    };
    const stop = listenAround(tell);
    try {
      const outcome = await settled(
        attempt(config, tell, isExpected ? tell : (value) => value).then(
          () => null,
          (error) => error,
        ),
        what,
      );
      if (outcome !== null) {
        kinds.add(outcome.code ?? outcome.message);
        look(outcome);
      }
    } finally {
      stop();
      watching = false;
    }
    if (told.length > 0) throw told[0];
  }
  // Where the generator fails in one way only, it proves nothing.
  assert.ok(kinds.size > 10, [...kinds].join('; '));
});

test('a canary is found in every form that it can take', () => {
  const canary = new Canary(1);
  const { text } = canary;
  const bytes = Buffer.from(text);
  const forms = [text, encodeURIComponent(text), JSON.stringify(text), bytes.toString('hex').toUpperCase()];
  for (const before of ['', 'x', 'xy', 'xyz']) {
    forms.push(Buffer.from(`${before}${text}z`).toString('base64'));
  }
  for (const form of forms) assert.ok(canary.foundIn(`before ${form} after`), form);
  assert.ok(
    canary.foundIn(
      everythingOf(new Error('x', { cause: Object.assign(new Error('y'), { [Symbol('z')]: text }) })),
    ),
  );
  assert.equal(canary.foundIn('C4nary~2+pä'), undefined);
});
