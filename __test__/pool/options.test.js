'use strict';

const { test, before, describe } = require('node:test');
const assert = require('node:assert/strict');
const { inspect } = require('node:util');
const { forBoth } = require('../support/both.js');
const { failure } = require('../support/failure.js');
const { postgres } = require('../support/server.js');

const SECRET = 'Tr0ub4dor-and-3';

describe('options of a pool that make another pool', () => {
  forBoth(({ pg, ours }) => {
    let server;
    before(async () => {
      server = await postgres();
      await server.asSuperuser((client) =>
        client.query(`CREATE ROLE options_${ours ? 'ours' : 'pg'} LOGIN PASSWORD '${SECRET}'`),
      );
    });

    const user = `options_${ours ? 'ours' : 'pg'}`;
    const config = () => server.config({ user, password: SECRET });
    const url = () => ({
      connectionString: `postgresql://${user}:${SECRET}@${server.host}:${server.port}/postgres`,
    });

    async function whereFrom(Kind, options) {
      const it = new Kind(options);
      try {
        if (Kind === pg.Client) await it.connect();
        const { rows } = await it.query('SELECT session_user AS name, inet_server_port() AS port');
        return rows[0];
      } finally {
        await it.end();
      }
    }

    const MADE_FROM = { 'single options': config, 'a connection string': url };
    for (const [origin, original] of Object.entries(MADE_FROM)) {
      for (const kind of ['Pool', 'Client']) {
        test(`a ${kind} from the options of a pool made from ${origin} goes to the same server`, async () => {
          const pool = new pg.Pool(original());
          const expected = { name: user, port: server.port };
          assert.deepEqual(await whereFrom(pg[kind], pool.options), expected);
          await pool.query('SELECT 1');
          assert.deepEqual(await whereFrom(pg[kind], pool.options), expected);
          const second = new pg.Pool(pool.options);
          assert.deepEqual(await whereFrom(pg[kind], second.options), expected);
          await pool.end();
        });

        // pg keeps the password out of copies.
        if (!ours && origin === 'single options') continue;
        test(`a ${kind} from a copy of the options of a pool made from ${origin} does, too`, async () => {
          const pool = new pg.Pool(original());
          const expected = { name: user, port: server.port };
          const copy = { ...pool.options, max: 1 };
          assert.deepEqual(await whereFrom(pg[kind], copy), expected);
          assert.deepEqual(await whereFrom(pg[kind], Object.assign({}, new pg.Pool(copy).options)), expected);
        });
      }
    }

    test('the connection string of a copy wins over its other options, as in any options', async () => {
      const pool = new pg.Pool(url());
      const copy = { ...pool.options, host: 'no-such-host.invalid', user: 'nobody' };
      assert.deepEqual(await whereFrom(pg.Pool, copy), { name: user, port: server.port });
    });

    if (!ours) return;

    const ELSEWHERE = {
      user: { user: 'somebody.else' },
      host: { host: 'localhost' },
      database: { database: 'template1' },
      'connection string': { connectionString: 'postgresql://somebody.else@127.0.0.1/postgres' },
    };
    for (const [what, change] of Object.entries(ELSEWHERE)) {
      test(`a copy with another ${what} has not got the password`, () => {
        const pool = new pg.Pool(config());
        assert.equal(new pg.Client({ ...pool.options, ...change }).password, null);
        assert.equal(new pg.Pool({ ...pool.options, ...change }).options.password, undefined);
      });
    }

    test('a password that a copy names is the one that counts', () => {
      const pool = new pg.Pool(config());
      assert.equal(new pg.Client({ ...pool.options, password: 'another' }).password, 'another');
    });

    test('a copy has the password that the pool has at the time', () => {
      const pool = new pg.Pool(config());
      const copy = { ...pool.options };
      pool.options.password = 'renewed';
      assert.equal(new pg.Client(copy).password, 'renewed');
    });

    test('a copy shows no more than the options do', () => {
      for (const original of [config(), url()]) {
        const pool = new pg.Pool({ ...original, ssl: { key: SECRET, passphrase: SECRET, pfx: SECRET } });
        for (const options of [pool.options, { ...pool.options }, { ...pool.options.ssl }]) {
          const all = { depth: Infinity, showHidden: true, getters: true };
          assert.ok(!inspect(options, all).includes(SECRET));
          assert.ok(!JSON.stringify(options).includes(SECRET));
        }
        assert.equal(pool.options.ssl.key, SECRET);
      }
    });

    test("the caller's own ssl object stays as it is, frozen or not, and its secrets are used", async () => {
      const fs = require('node:fs');
      const read = (name) => fs.readFileSync(server.certificatePath(name), 'utf8');
      const ssl = {
        ca: read('ca.pem'),
        cert: read('client.pem'),
        key: read('client-encrypted.key'),
        passphrase: 'secret',
      };
      for (const given of [ssl, Object.freeze({ ...ssl })]) {
        const pool = new pg.Pool(server.config({ user: 'cert_user', password: undefined, ssl: given }));
        const copies = [pool.options, { ...pool.options }, { ...pool.options, ssl: { ...pool.options.ssl } }];
        for (const options of copies) {
          assert.equal((await whereFrom(pg.Pool, options)).name, 'cert_user');
          const net = require('node:net');
          const stream = () => new net.Socket();
          assert.equal((await whereFrom(pg.Client, { ...options, stream })).name, 'cert_user');
        }
        assert.deepEqual(Object.keys(given), Object.keys(ssl));
        assert.deepEqual(Object.getOwnPropertySymbols(given), []);
      }
    });

    test('a manager takes options of a pool, and copies of them', async () => {
      for (const original of [config(), url()]) {
        const pool = new pg.Pool(original);
        for (const options of [pool.options, { ...pool.options, max: 1 }]) {
          const manager = new pg.DatabaseManager();
          await manager.addConnection('same', options);
          const { rows } = await manager.currentPool.query('SELECT session_user AS name');
          assert.equal(rows[0].name, user);
          await manager.close();
        }
      }
    });

    const NAMES = ['host', 'user', 'database'];
    const STRINGS = ['postgres://u:secret@h/db', 'u:secret@h', 'host=h password=secret'];
    for (const name of NAMES) {
      test(`a connection string in the place of ${name} is refused and not repeated`, async () => {
        for (const value of STRINGS) {
          const pool = new pg.Pool(server.config({ [name]: value }));
          const client = new pg.Client(server.config({ [name]: value }));
          for (const error of [await failure(pool.query('SELECT 1')), await failure(client.connect())]) {
            assert.ok(error instanceof TypeError);
            const advice = 'looks like a connection string; pass that as "connectionString"';
            assert.equal(error.message, `"${name}" ${advice}`);
          }
        }
      });
    }
  });
});
