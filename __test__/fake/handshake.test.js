'use strict';

const { test, before } = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const { forBoth } = require('../support/both.js');
const { failure, settled } = require('../support/failure.js');
const { fakeServer, messages } = require('../support/fake-server.js');
const { postgres } = require('../support/server.js');
const { tappedProxy } = require('../support/proxy.js');

const CONCURRENCY = 16;

/** Runs `work` for each number from 0 up to `count`, some at a time. */
async function forEachNumber(count, work) {
  let next = 0;
  const runner = async () => {
    while (next < count) {
      const number = next;
      next += 1;
      await work(number);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, runner));
}

forBoth(({ pg, ours }) => {
  let server;
  before(async () => {
    server = await postgres();
  });

  async function connect(config) {
    const client = new pg.Client(config);
    client.on('error', () => {}); // what comes after a failed connect is not the matter here
    try {
      await client.connect();
    } finally {
      await client.end();
    }
  }

  function assertBroken(error, at) {
    assert.match(
      error.message,
      /^Connection terminated unexpectedly$|ECONNRESET|EPIPE/,
      `dropped after ${at} bytes`,
    );
  }

  test('a server that drops the connection at any byte of its greeting is an error', async () => {
    const greeting = messages.greeting();
    // The client counts as connected with the last byte.
    await forEachNumber(greeting.length, async (length) => {
      const fake = await fakeServer(async (connection) => {
        await connection.startup();
        connection.finish(greeting.subarray(0, length));
      });
      assertBroken(await settled(failure(connect(fake.config())), `${length} bytes`), length);
      await fake.close();
    });
  });

  test('a server that drops the connection at any byte of SCRAM is an error', async () => {
    const length = await scramLength();
    assert.ok(length > 150);
    await forEachNumber(length, async (limit) => {
      let left = limit;
      const proxy = await tappedProxy(server, {
        onServerBytes(bytes, link) {
          const part = bytes.subarray(0, left);
          left -= part.length;
          if (left === 0) link.client.end(part);
          return left === 0 ? null : part;
        },
      });
      const error = await settled(failure(connect(server.config({ port: proxy.port }))), `${limit} bytes`);
      assertBroken(error, limit);
      await proxy.close();
    });
  });

  async function scramLength() {
    let length = 0;
    let done = false;
    const proxy = await tappedProxy(server, {
      onServerBytes(bytes) {
        if (done) return;
        const ok = bytes.indexOf(messages.authenticationOk());
        done = ok >= 0;
        length += done ? ok : bytes.length;
      },
    });
    await connect(server.config({ port: proxy.port }));
    await proxy.close();
    return length;
  }

  test('a greeting that comes byte by byte is understood', async () => {
    const fake = await fakeServer(async (connection) => {
      await connection.startup();
      for (const byte of messages.greeting()) {
        connection.send(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await connection.readUntil('Q');
      for (const byte of messages.oneRow('slowly')) {
        connection.send(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const client = new pg.Client(fake.config());
    await settled(client.connect(), 'connecting');
    assert.deepEqual((await settled(client.query('SELECT'), 'the query')).rows, [{ value: 'slowly' }]);
    await client.end();
    await fake.close();
  });

  test('a server that stops in the middle of a message is a timeout', async () => {
    const greeting = messages.greeting();
    await forEachNumber(greeting.length, async (length) => {
      if (length % 13 !== 0) return;
      const fake = await fakeServer(async (connection) => {
        await connection.startup();
        connection.send(greeting.subarray(0, length));
      });
      const config = fake.config({ connectionTimeoutMillis: 500 });
      const error = await settled(failure(connect(config)), `${length} bytes`);
      assert.equal(error.message, 'timeout expired');
      await settled(fake.connections[0].gone(), 'the socket after the timeout');
      await fake.close();
    });
  });

  test('a notice before the end of the handshake is heard and changes nothing', async () => {
    const fake = await fakeServer(async (connection) => {
      await connection.startup();
      connection.send(messages.noticeResponse({ M: 'hello' }), messages.greeting());
    });
    const client = new pg.Client(fake.config());
    const heard = [];
    client.on('notice', ({ message }) => heard.push(message));
    await settled(client.connect(), 'connecting');
    await client.end();
    assert.deepEqual(heard, ['hello']);
    await fake.close();
  });

  test('a pool whose server drops every connection rejects every request, and recovers with the server', async () => {
    let broken = true;
    const fake = await fakeServer(async (connection) => {
      if (broken) {
        await connection.startup();
        connection.drop();
        return;
      }
      await connection.greet();
      while (await connection.readUntil('Q')) connection.send(messages.oneRow('back'));
    });
    const pool = new pg.Pool(fake.config({ max: 2 }));
    const errors = await settled(
      Promise.all(Array.from({ length: 6 }, () => failure(pool.query('SELECT 1')))),
      'the queries',
    );
    assert.equal(errors.length, 6);
    assert.equal(pool.totalCount, 0);
    broken = false;
    assert.deepEqual((await settled(pool.query('SELECT 1'), 'the query')).rows, [{ value: 'back' }]);
    await pool.end();
    await fake.close();
  });

  const REFUSALS = {
    'no mechanism that is known': {
      script: (connection) => connection.send(messages.authenticationSasl('SCRAM-SHA-512', 'OAUTHBEARER')),
      message: 'SASL: Only mechanism(s) SCRAM-SHA-256 are supported',
    },
    'a nonce of its own': {
      first: () => `r=somethingelse,s=${Buffer.from('salt').toString('base64')},i=4096`,
      message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: server nonce does not start with client nonce',
    },
    "the client's nonce and nothing more": {
      first: (nonce) => `r=${nonce},s=${Buffer.from('salt').toString('base64')},i=4096`,
      message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: server nonce is too short',
    },
    'no nonce': {
      first: () => `s=${Buffer.from('salt').toString('base64')},i=4096`,
      message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: nonce missing',
    },
    'no salt': {
      first: (nonce) => `r=${nonce}x,i=4096`,
      message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: salt missing',
    },
    'a salt that is no base64': {
      first: (nonce) => `r=${nonce}x,s=***,i=4096`,
      message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: salt must be base64',
    },
    'no iterations': {
      first: (nonce) => `r=${nonce}x,s=c2FsdA==`,
      message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration missing',
    },
    'an iteration count of zero': {
      first: (nonce) => `r=${nonce}x,s=c2FsdA==,i=0`,
      message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: invalid iteration count',
    },
    'more work than is decent': {
      first: (nonce) => `r=${nonce}x,s=c2FsdA==,i=100001`,
      message:
        'SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration count 100001 exceeds scramMaxIterations of 100000',
    },
    'a signature that proves nothing': {
      first: (nonce) => `r=${nonce}x,s=c2FsdA==,i=4096`,
      last: () => `v=${Buffer.alloc(32).toString('base64')}`,
      message: 'SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match',
    },
    'a signature that is no base64': {
      first: (nonce) => `r=${nonce}x,s=c2FsdA==,i=4096`,
      last: () => 'v=***',
      message: 'SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature must be base64',
    },
    'no signature': {
      first: (nonce) => `r=${nonce}x,s=c2FsdA==,i=4096`,
      last: () => 'x=y',
      message: 'SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature is missing',
    },
    'an error in place of a signature': {
      first: (nonce) => `r=${nonce}x,s=c2FsdA==,i=4096`,
      last: () => 'e=other-error',
      message: 'SASL: SCRAM-SERVER-FINAL-MESSAGE: server returned error: "other-error"',
    },
  };

  async function playScram(connection, { script, first, last }) {
    await connection.startup();
    if (script) return script(connection);
    connection.send(messages.authenticationSasl('SCRAM-SHA-256'));
    const response = await connection.readUntil('p');
    if (!response) return undefined;
    const nonce = /r=([^,]*)/.exec(response.body.toString('latin1'))[1];
    connection.send(messages.authenticationSaslContinue(first(nonce)));
    if (!last || !(await connection.readUntil('p'))) return undefined;
    return connection.send(messages.authenticationSaslFinal(last()), messages.greeting());
  }

  const WAYS = ours ? { '': {}, ', on a stream': { stream: () => new net.Socket() } } : { '': {} };
  for (const [way, overrides] of Object.entries(WAYS)) {
    for (const [what, behaviour] of Object.entries(REFUSALS)) {
      test(`a server that answers SCRAM with ${what} is refused in node-postgres's words${way}`, async () => {
        const fake = await fakeServer((connection) => playScram(connection, behaviour));
        const error = await settled(failure(connect(fake.config(overrides))), 'connecting');
        assert.equal(error.message, behaviour.message);
        await settled(fake.connections[0].gone(), 'the socket after the failure');
        await fake.close();
      });
    }
  }

  if (!ours) return;

  // What comes at once with the first message, and its refusal: each would be as much work as the server likes.
  const ONCE_MORE = {
    'another first message': {
      bytes: (first) => messages.authenticationSaslContinue(first),
      message: 'SASL: Last message was not SASLInitialResponse',
    },
    'another exchange': {
      bytes: () => messages.authenticationSasl('SCRAM-SHA-256'),
      message: 'SASL: duplicate SASL authentication request',
    },
  };
  for (const [way, overrides] of Object.entries(WAYS)) {
    for (const [what, { bytes, message }] of Object.entries(ONCE_MORE)) {
      test(`${what} of SCRAM is refused${way}`, async () => {
        const answers = [];
        const fake = await fakeServer(async (connection) => {
          await connection.startup();
          connection.send(messages.authenticationSasl('SCRAM-SHA-256'));
          const response = await connection.readUntil('p');
          const nonce = /r=([^,]*)/.exec(response.body.toString('latin1'))[1];
          const first = `r=${nonce}x,s=c2FsdA==,i=1`;
          connection.send(messages.authenticationSaslContinue(first), bytes(first));
          for (let answer; (answer = await connection.read());) answers.push(answer.type);
        });
        const error = await settled(failure(connect(fake.config(overrides))), 'connecting');
        assert.equal(error.message, message);
        await settled(fake.connections[0].gone(), 'the socket after the failure');
        assert.ok(answers.length <= 1, `${answers.length} answers`);
        await fake.close();
      });
    }

    for (const count of [
      '-1',
      '+1',
      '1e3',
      '0x10',
      '1.5',
      ' 1',
      'many',
      '',
      '00',
      `${2 ** 32}`,
      '9'.repeat(400),
    ]) {
      test(`an iteration count of "${count.slice(0, 12)}" is none${way}`, async () => {
        const first = (nonce) => `r=${nonce}x,s=c2FsdA==,i=${count}`;
        const fake = await fakeServer((connection) => playScram(connection, { first }));
        const config = fake.config({ ...overrides, scramMaxIterations: 0 });
        const error = await settled(failure(connect(config)), 'connecting');
        assert.match(
          error.message,
          /^SASL: SCRAM-SERVER-FIRST-MESSAGE: (invalid iteration count|iteration missing|iteration count .* exceeds)/,
        );
        await fake.close();
      });
    }
  }

  test('a server that skips its own proof in SCRAM is refused', async () => {
    const fake = await fakeServer(async (connection) => {
      await connection.startup();
      connection.send(messages.authenticationSasl('SCRAM-SHA-256'));
      await connection.readUntil('p');
      connection.send(messages.greeting());
    });
    const error = await settled(failure(connect(fake.config())), 'connecting');
    assert.match(error.message, /SASL|SCRAM/);
    await settled(fake.connections[0].gone(), 'the socket after the failure');
    await fake.close();
  });

  for (const [code, name] of Object.entries({
    2: 'Kerberos V5',
    7: 'GSSAPI',
    9: 'SSPI',
    99: 'something new',
  })) {
    test(`a server that wants ${name} is refused by name or number`, async () => {
      const fake = await fakeServer(async (connection) => {
        await connection.startup();
        connection.send(messages.message('R', Number(code)));
      });
      for (const [i, stream] of [undefined, () => new net.Socket()].entries()) {
        const error = await settled(failure(connect(fake.config({ stream }))), 'connecting');
        assert.match(error.message, new RegExp(`${name}|\\b${code}\\b`, 'i'));
        await settled(fake.connections[i].gone(), 'the socket after the failure');
      }
      await fake.close();
    });
  }

  const NOT_POSTGRESQL = {
    'a web server': Buffer.from('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'),
    'a mail server': Buffer.from('220 mail.example.test ESMTP ready\r\n'),
    'an SSH server': Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'),
    'a TLS server': Buffer.from([21, 3, 1, 0, 2, 2, 70]),
    zeroes: Buffer.alloc(64),
    'all ones': Buffer.alloc(64, 0xff),
    MySQL: Buffer.from('4a0000000a382e302e333500', 'hex'),
  };
  for (const [what, bytes] of Object.entries(NOT_POSTGRESQL)) {
    test(`${what} in place of PostgreSQL is an error at once, not a timeout`, async () => {
      const fake = await fakeServer(async (connection) => {
        await connection.startup();
        connection.send(bytes);
      });
      const error = await settled(failure(connect(fake.config())), 'connecting');
      assert.doesNotMatch(error.message, /timeout/);
      assert.ok(error.message.length > 10, error.message);
      await settled(fake.connections[0].gone(), 'the socket after the failure');
      await fake.close();
    });
  }

  test('an answer to the request for TLS that is neither yes nor no is refused', async () => {
    for (const answer of ['E', 'X', 'HTTP/1.1 400 Bad Request\r\n\r\n', '\0']) {
      const fake = await fakeServer(async (connection) => {
        await new Promise((resolve) => connection.socket.once('data', resolve));
        connection.send(Buffer.from(answer));
      });
      const config = fake.config({ ssl: { rejectUnauthorized: false } });
      const error = await settled(failure(connect(config)), 'connecting');
      assert.equal(error.message, 'There was an error establishing an SSL connection');
      await fake.close();
    }
  });

  const OUT_OF_ORDER = {
    'ReadyForQuery before authentication': messages.readyForQuery(),
    'a row before authentication': messages.dataRow('x'),
    'a result before authentication': messages.oneRow(),
    'the second step of SASL without the first': messages.authenticationSaslContinue('r=x,s=c2FsdA==,i=4096'),
    'the last step of SASL without the others': messages.authenticationSaslFinal('v=AAAA'),
    'a key before authentication': messages.backendKeyData(1, 2),
    'an answer of COPY': messages.message('G', Buffer.from([0]), messages.int16(0)),
  };
  for (const [what, bytes] of Object.entries(OUT_OF_ORDER)) {
    test(`${what} is an error at once, not a timeout and not a connection`, async () => {
      const fake = await fakeServer(async (connection) => {
        await connection.startup();
        connection.send(bytes);
      });
      const error = await settled(failure(connect(fake.config())), 'connecting');
      assert.doesNotMatch(error.message, /timeout/);
      await settled(fake.connections[0].gone(), 'the socket after the failure');
      await fake.close();
    });
  }
});
