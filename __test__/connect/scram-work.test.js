'use strict';

const { describe, test, before } = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const pg = require('../..');
const { failure, settled } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { run } = require('../support/program.js');
const { postgres } = require('../support/server.js');

// So many hashes take longer than any test.
const ENDLESS = 2 ** 31 - 1;

/** A server that asks for so many iterations, with a salt of its own for each connection. */
function demandingServer(iterations) {
  return fakeServer(async (connection) => {
    await connection.startup();
    connection.send(messages.authenticationSasl('SCRAM-SHA-256'));
    const response = await connection.readUntil('p');
    if (!response) return;
    const nonce = /r=([^,]*)/.exec(response.body.toString('latin1'))[1];
    const salt = Buffer.from(`salt ${connection.number}`).toString('base64');
    connection.send(messages.authenticationSaslContinue(`r=${nonce}x,s=${salt},i=${iterations}`));
    await connection.readUntil('p');
    connection.drop();
  });
}

const WAYS = { natively: {}, 'on a stream': { stream: () => new net.Socket() } };
for (const [way, overrides] of Object.entries(WAYS)) {
  describe(`a server that wants much work, ${way}`, () => {
    let server;
    before(async () => {
      server = await postgres();
    });

    async function connect(config) {
      const client = new pg.Client({ password: 'x', ...overrides, ...config });
      client.on('error', () => {});
      try {
        await client.connect();
      } finally {
        await client.end();
      }
    }

    test('the connection timeout ends work without an end, and others get on meanwhile', async () => {
      const fake = await demandingServer(ENDLESS);
      const demanded = { scramMaxIterations: 0, connectionTimeoutMillis: 2000 };
      const attempts = Array.from({ length: 6 }, () => failure(connect(fake.config(demanded))));
      const pool = new pg.Pool(server.config({ ...overrides, max: 2 }));
      assert.equal((await settled(pool.query('SELECT 1 AS one'), 'a query of another pool')).rows[0].one, 1);
      await pool.end();
      for (const { message } of await settled(Promise.all(attempts), 'the attempts')) {
        assert.equal(message, 'timeout expired');
      }
      for (const connection of fake.connections) await settled(connection.gone(), 'the socket');
      await fake.close();
    });

    const LIMITS = [
      { limit: 0, iterations: 100001, allowed: true },
      { limit: '200000', iterations: 200000, allowed: true },
      { limit: 200000, iterations: 200001, allowed: false },
      { limit: 1, iterations: 2, allowed: false },
      { limit: 0.5, iterations: 1, allowed: false },
      { limit: undefined, iterations: 100001, allowed: false },
      { limit: Infinity, iterations: 100001, allowed: true },
    ];
    for (const { limit, iterations, allowed } of LIMITS) {
      const verb = allowed ? 'allows' : 'refuses';
      test(`scramMaxIterations ${limit} ${verb} ${iterations} iterations`, async () => {
        const fake = await demandingServer(iterations);
        const { message } = await failure(connect(fake.config({ scramMaxIterations: limit })));
        if (allowed) assert.match(message, /terminated unexpectedly|ECONNRESET/);
        else
          assert.match(message, new RegExp(`iteration count ${iterations} exceeds scramMaxIterations of `));
        await fake.close();
      });
    }

    test('a proof of nothing at all is none', async () => {
      const fake = await fakeServer(async (connection) => {
        await connection.startup();
        connection.send(messages.authenticationSasl('SCRAM-SHA-256'));
        await connection.readUntil('p');
        connection.send(messages.authenticationSaslFinal('v='), messages.greeting());
      });
      const { message } = await failure(settled(connect(fake.config()), 'connecting'));
      assert.match(message, /^SASL: /);
      await fake.close();
    });

    test('a process ends while it is asked for work without an end', async () => {
      const fake = await demandingServer(ENDLESS);
      const stream = overrides.stream ? '() => new (require("node:net").Socket)()' : 'undefined';
      const source = `
        const { Client } = require('./index.js');
        const config = { ...JSON.parse(process.argv[1]), password: 'x', scramMaxIterations: 0, stream: ${stream} };
        const client = new Client({ ...config, connectionTimeoutMillis: 1000 });
        client.on('error', () => {});
        client.connect().catch(({ message }) => console.log(message));`;
      const { code, stdout } = await run({ source }, { args: [JSON.stringify(fake.config())] });
      assert.equal(stdout.trim(), 'timeout expired');
      assert.equal(code, 0);
      await fake.close();
    });
  });
}
