'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const http = require('node:http');
const { after, before, test } = require('node:test');
const session = require('express-session');
const connectPgSimple = require('connect-pg-simple');
const { newDatabase, onBothDrivers } = require('../support/library');

onBothDrivers(({ driver }) => {
  let pool;
  let store;
  let server;
  let origin;

  before(async () => {
    const { config } = await newDatabase();
    pool = new driver.Pool({ ...config, max: 3 });
    store = new (connectPgSimple(session))({ pool, createTableIfMissing: true, pruneSessionInterval: false });
    const withSession = session({
      store,
      secret: 'a secret of the test',
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 3_600_000 },
    });
    server = http.createServer((request, response) => {
      withSession(request, response, () => {
        if (request.url === '/leave') {
          request.session.destroy((error) => response.end(error ? String(error) : 'left'));
          return;
        }
        request.session.visits = (request.session.visits || 0) + 1;
        request.session.name = '"Ada" \\ é';
        response.end(JSON.stringify({ visits: request.session.visits, name: request.session.name }));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${server.address().port}`;
  });

  after(async () => {
    server.closeAllConnections();
    server.close();
    await store.close();
    await pool.end();
  });

  const visit = async (cookie, where = '/') => {
    const response = await fetch(origin + where, { headers: cookie ? { cookie } : {} });
    const set = response.headers.get('set-cookie');
    return { body: await response.text(), cookie: set ? set.split(';')[0] : cookie };
  };

  test('connect-pg-simple keeps a session between requests and forgets it when it is destroyed', async () => {
    const first = await visit();
    assert.deepEqual(JSON.parse(first.body), { visits: 1, name: '"Ada" \\ é' });
    assert.equal(JSON.parse((await visit(first.cookie)).body).visits, 2);
    assert.equal(JSON.parse((await visit(first.cookie)).body).visits, 3);
    const { rows } = await pool.query(
      "SELECT sess->>'visits' AS visits, expire > now() AS live FROM session",
    );
    assert.deepEqual(rows, [{ visits: '3', live: true }]);

    assert.equal((await visit(first.cookie, '/leave')).body, 'left');
    assert.equal((await pool.query('SELECT * FROM session')).rowCount, 0);
    assert.equal(JSON.parse((await visit(first.cookie)).body).visits, 1);
  });

  test('connect-pg-simple keeps the sessions of many visitors apart', async () => {
    const visitors = await Promise.all(Array.from({ length: 12 }, () => visit()));
    assert.equal(new Set(visitors.map(({ cookie }) => cookie)).size, 12);
    const again = await Promise.all(visitors.map(({ cookie }) => visit(cookie)));
    assert.deepEqual(
      again.map(({ body }) => JSON.parse(body).visits),
      Array(12).fill(2),
    );
  });

  test('connect-pg-simple prunes what has expired', async () => {
    await pool.query("UPDATE session SET expire = now() - interval '1 minute'");
    await new Promise((resolve, reject) => {
      store.pruneSessions((error) => (error ? reject(error) : resolve()));
    });
    assert.equal((await pool.query('SELECT * FROM session')).rowCount, 0);
  });
});
