'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { once } = require('node:events');
const { after, before, test } = require('node:test');
const { deafPort } = require('../support/deaf-port.js');
const { assertFails, assertWorks, diagnose } = require('../support/diagnosis.js');
const { ofOurManager } = require('../support/managers.js');
const { runWithNames, withoutNames } = require('../support/names.js');
const { runInNetwork, withoutNetwork } = require('../support/network.js');

const REF = 'abcdefghijklmnopqrst';
const DIRECT = `db.${REF}.supabase.co`;
const KNOWN = 'example.com';
const FAR = { A: ['203.0.113.7'] };

// Listens where it is told to, and prints the diagnosis of one configuration.
const PROGRAM = {
  source: `
    const net = require('node:net');
    const { once } = require('node:events');
    const DatabaseManager = require('./index.js');
    const { deafPort } = require('./__test__/support/deaf-port.js');
    const { nameServer } = require('./__test__/support/name-server.js');
    const { config, names, listen = [], deaf = [] } = JSON.parse(process.argv[1]);
    async function main() {
      if (names) await nameServer(names);
      for (const [host, port] of listen) {
        const server = net.createServer((socket) => socket.on('error', () => {})).listen(port, host);
        await once(server, 'listening');
      }
      const open = [];
      for (const [host, port] of deaf) open.push(await deafPort(host, port));
      const manager = new DatabaseManager();
      await manager.addDatabase('it', config);
      const [diagnosis] = await manager.diagnose();
      for (const port of open) await port.close();
      process.stdout.write(JSON.stringify(diagnosis), () => process.exit());
    }
    main();
  `,
};

async function printed(outcome) {
  const { code, stdout, stderr } = await outcome;
  assert.equal(code, 0, stderr);
  assert.ok(!stdout.includes('not to be told'));
  return JSON.parse(stdout);
}

const CONFIG = { dbUser: 'someone', dbPassword: 'not to be told', dbName: 'db', ssl: false };

/** The diagnosis of a host in a network that has nothing else than what is set up. */
function inNetwork(dbHost, { dbPort = 5432, config = {}, names, listen, deaf, ...options } = {}) {
  const setUp = { config: { ...CONFIG, dbHost, dbPort, ...config }, names, listen, deaf };
  return printed(runInNetwork(PROGRAM, { args: [JSON.stringify(setUp)], ...options }));
}

/** The same in this network, with these names. */
function withNames(hosts, config) {
  const args = [JSON.stringify({ config: { ...CONFIG, ...config } })];
  return printed(runWithNames(PROGRAM, { args, hosts }));
}

async function closedPort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const says = (diagnosis, ...words) => {
  const evidence = diagnosis.evidence.join('\n');
  for (const word of words) assert.ok(evidence.includes(word), `${word} is missing in:\n${evidence}`);
};

const alone = { skip: withoutNetwork };
const named = { skip: withoutNames };

test("a name that no name server knows isn't found", alone, async () => {
  const diagnosis = await inNetwork('db.missing.test', { names: { [KNOWN]: FAR } });
  assertFails(diagnosis, 'host-not-found', 'resolve', 0);
  says(diagnosis, 'IPv4 addresses of db.missing.test: no such name', 'IPv6 addresses: no such name');
});

test("a name that a name server denies isn't found also where it denies every name", alone, async () => {
  assertFails(await inNetwork('db.missing.test', { names: {} }), 'host-not-found', 'resolve', 0);
});

test("a name without an address isn't found", alone, async () => {
  const diagnosis = await inNetwork('db.empty.test', { names: { 'db.empty.test': {}, [KNOWN]: FAR } });
  assertFails(diagnosis, 'host-not-found', 'resolve', 0);
  says(diagnosis, 'IPv4 addresses of db.empty.test: none; IPv6 addresses: none');
});

test('where no name server is reached, the resolver is down', alone, async () => {
  const diagnosis = await inNetwork(DIRECT);
  assertFails(diagnosis, 'resolver-down', 'resolve', 0);
  says(diagnosis, `${KNOWN}, looked up to compare: no answer of a name server`);
});

test('where a name server says nothing, the resolver is down', alone, async () => {
  const names = { 'db.example.test': { silent: true }, [KNOWN]: { silent: true } };
  assertFails(await inNetwork('db.example.test', { names }), 'resolver-down', 'resolve', 0);
});

test("a name whose own name servers fail isn't found while others are", alone, async () => {
  const names = { 'db.example.test': { fails: true }, [KNOWN]: FAR };
  assertFails(await inNetwork('db.example.test', { names }), 'host-not-found', 'resolve', 0);
});

test('a host with IPv6 alone, in a network without it, is IPv6-only', alone, async () => {
  const names = { [DIRECT]: { AAAA: ['2001:db8::7'] } };
  const diagnosis = await inNetwork(DIRECT, { names });
  assertFails(diagnosis, 'ipv6-only', 'connect', 0);
  says(diagnosis, '2001:db8::7', 'IPv4 addresses of db.abcdefghijklmnopqrst.supabase.co: none');
});

test(
  'a host with IPv6 alone is IPv6-only also where its name stands in the file of hosts',
  alone,
  async () => {
    const diagnosis = await inNetwork('db.example.test', { hosts: '2001:db8::7 db.example.test' });
    assertFails(diagnosis, 'ipv6-only', 'connect', 0);
  },
);

test('an IPv6 address that no way leads to is IPv6-only as well', alone, async () => {
  assertFails(await inNetwork('2001:db8::7'), 'ipv6-only', 'connect', 0);
});

test("a host that no way leads to, of both families, can't be reached", alone, async () => {
  const names = { 'db.example.test': { A: ['203.0.113.7'], AAAA: ['2001:db8::7'] } };
  const diagnosis = await inNetwork('db.example.test', { names });
  assertFails(diagnosis, 'unreachable', 'connect', 0);
  says(diagnosis, '203.0.113.7:5432: no route', '[2001:db8::7]:5432: no route');
});

test('a refused IPv4 address says more than an IPv6 address that no way leads to', alone, async () => {
  const names = { 'db.example.test': { A: ['203.0.113.7'], AAAA: ['2001:db8::7'] } };
  const diagnosis = await inNetwork('db.example.test', { names, addresses: ['203.0.113.7/32'] });
  assertFails(diagnosis, 'refused', 'connect', 0);
});

test('of a machine that refuses, the other usual ports that are open are named', alone, async () => {
  const diagnosis = await inNetwork('127.0.0.1', { dbPort: 5544, listen: [['127.0.0.1', 5432]] });
  assertFails(diagnosis, 'refused', 'connect', 0);
  says(diagnosis, '127.0.0.1:5544: refuses the connection', '127.0.0.1:5432: takes a connection');
});

const ofProject = {
  names: { [DIRECT]: { A: ['203.0.113.7'] }, [`${REF}.supabase.co`]: { A: ['203.0.113.8'] }, [KNOWN]: FAR },
  addresses: ['203.0.113.7/32', '203.0.113.8/32'],
};

for (const [whose, host] of [
  ['the machine itself', '203.0.113.7'],
  ["the project's API", '203.0.113.8'],
]) {
  test(
    `a project’s machine that refuses both ports, where port 443 of ${whose} answers, has shut this address out`,
    alone,
    async () => {
      const diagnosis = await inNetwork(DIRECT, { ...ofProject, listen: [[host, 443]] });
      assertFails(diagnosis, 'fail2ban', 'connect', 0);
    },
  );
}

test(
  'a project’s machine that refuses everything, without any sign of the project, only refuses',
  alone,
  async () => {
    assertFails(await inNetwork(DIRECT, ofProject), 'refused', 'connect', 0);
  },
);

test('a project’s machine that takes connections on its other port has shut nobody out', alone, async () => {
  const listen = [
    ['203.0.113.7', 443],
    ['203.0.113.7', 6543],
  ];
  const diagnosis = await inNetwork(DIRECT, { ...ofProject, listen });
  assertFails(diagnosis, 'refused', 'connect', 0);
  says(diagnosis, `${DIRECT}:6543: takes a connection`);
});

test('another host that refuses, and has port 443 open, only refuses', alone, async () => {
  const names = { 'db.example.test': { A: ['203.0.113.7'] } };
  const options = { names, addresses: ['203.0.113.7/32'], listen: [['203.0.113.7', 443]] };
  assertFails(await inNetwork('db.example.test', options), 'refused', 'connect', 0);
});

test('a port that drops packets on a machine whose other port answers is filtered', alone, async () => {
  const diagnosis = await inNetwork('127.0.0.1', {
    deaf: [['127.0.0.1', 5432]],
    listen: [['127.0.0.1', 6543]],
  });
  assertFails(diagnosis, 'filtered', 'connect', 0);
  says(diagnosis, '127.0.0.1:5432: no answer within 2 s', '127.0.0.1:6543: takes a connection');
});

test('a project’s machine that drops packets has shut nobody out', alone, async () => {
  const options = { ...ofProject, deaf: [['203.0.113.7', 5432]], listen: [['203.0.113.8', 443]] };
  assertFails(await inNetwork(DIRECT, options), 'filtered', 'connect', 0);
});

test(
  'a name of the internet that leads to this machine, which refuses, ends in a sinkhole',
  named,
  async () => {
    const dbPort = await closedPort();
    for (const address of ['127.0.0.1', '0.0.0.0']) {
      const diagnosis = await withNames({ [DIRECT]: address }, { dbHost: DIRECT, dbPort });
      assertFails(diagnosis, 'sinkhole', 'connect', 0);
      says(diagnosis, address);
    }
  },
);

test(
  'a project’s name that leads into a private network, to which no way leads, ends in a sinkhole',
  alone,
  async () => {
    const diagnosis = await inNetwork(DIRECT, { hosts: `10.7.7.7 ${DIRECT}` });
    assertFails(diagnosis, 'sinkhole', 'connect', 0);
  },
);

test('another name may lead into a private network, where a server may refuse', alone, async () => {
  const options = { hosts: '10.7.7.7 db.example.com', addresses: ['10.7.7.7/32'] };
  assertFails(await inNetwork('db.example.com', options), 'refused', 'connect', 0);
});

test('localhost and addresses are no sinkhole', async (t) => {
  const dbPort = await closedPort();
  await t.test('localhost', async () => {
    const diagnosis = await withNames({}, { dbHost: 'localhost', dbPort });
    assertFails(diagnosis, 'refused', 'connect', 0);
  });
  await t.test('an address', async () => {
    assertFails(await withNames({}, { dbHost: '127.0.0.1', dbPort }), 'refused', 'connect', 0);
  });
});

ofOurManager('what a diagnosis says of a way', (bench) => {
  let folder;

  before(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-diagnose-'));
  });

  after(() => fs.rmSync(folder, { recursive: true }));

  test('a name that leads to a working database is no sinkhole, wherever it leads', named, async () => {
    const diagnosis = await withNames(
      { 'db.example.com': '127.0.0.1' },
      bench.config({ dbHost: 'db.example.com' }),
    );
    assertWorks(diagnosis, 1);
    assert.equal(diagnosis.cause, 'ok');
  });

  test('a name that one family alone has answers for is found', named, async () => {
    const hosts = { 'db.example.com': '127.0.0.1' };
    const diagnosis = await withNames(hosts, bench.config({ dbHost: 'db.example.com' }));
    const resolve = diagnosis.checks.find(({ name }) => name === 'resolve');
    assert.equal(resolve.state, 'ok');
    assert.match(
      resolve.detail,
      /^IPv4 addresses of db\.example\.com: 127\.0\.0\.1; IPv6 addresses: no such name$/,
    );
  });

  test('an address that drops packets beside one that works is warned of', named, async (t) => {
    let deaf;
    try {
      deaf = await deafPort('::1', bench.server.port);
    } catch {
      return t.skip('needs IPv6 on the loopback');
    }
    try {
      const hosts = { 'twofold.test': ['::1', '127.0.0.1'] };
      const diagnosis = await withNames(hosts, bench.config({ dbHost: 'twofold.test' }));
      assert.deepEqual([diagnosis.ok, diagnosis.cause], [true, 'ipv6-black-hole'], JSON.stringify(diagnosis));
      const connect = diagnosis.checks.find(({ name }) => name === 'connect');
      assert.equal(connect.state, 'warning');
      assert.ok(diagnosis.message.includes('::1'), diagnosis.message);
      const { port } = bench.server;
      says(diagnosis, `[::1]:${port}: no answer within 2 s`, `127.0.0.1:${port}: takes the connection`);
      assert.match(diagnosis.message, /::1 doesn't answer while 127\.0\.0\.1 does/);
    } finally {
      await deaf.close();
    }
  });

  test('an address that refuses beside one that works is nothing to warn of', named, async () => {
    const hosts = { 'twofold.test': ['::1', '127.0.0.1'] };
    const diagnosis = await withNames(hosts, bench.config({ dbHost: 'twofold.test' }));
    assertWorks(diagnosis, 1);
    assert.equal(diagnosis.cause, 'ok');
  });

  test('a name that has no name server to answer it is told from one that is not there', named, async () => {
    const hosts = { 'db.example.com': 'EAI_AGAIN', [KNOWN]: 'EAI_AGAIN' };
    assertFails(await withNames(hosts, { dbHost: 'db.example.com' }), 'resolver-down', 'resolve', 0);
    assertFails(await withNames({}, { dbHost: 'db.example.com' }), 'host-not-found', 'resolve', 0);
  });

  test('of several hosts the last one that fails is named, and what the others showed is told', async () => {
    const [first, second] = [await closedPort(), await closedPort()];
    const connectionString = `postgres://someone@127.0.0.1:${first},127.0.0.1:${second}/db?sslmode=disable`;
    const diagnosis = await diagnose({ connectionString });
    assertFails(diagnosis, 'refused', 'connect', 0);
    says(diagnosis, `127.0.0.1:${first}`, `127.0.0.1:${second}: refuses the connection`);
  });

  const socket = { skip: process.platform === 'win32' && 'Unix sockets' };

  test('a folder that is not there has no socket', socket, async () => {
    const diagnosis = await diagnose(bench.config({ dbHost: path.join(folder, 'nowhere') }));
    assertFails(diagnosis, 'socket-file', 'connect', 0);
    says(diagnosis, 'ENOENT');
  });

  test('a folder without the socket is looked through for others', socket, async () => {
    const diagnosis = await diagnose(bench.config({ dbHost: folder }));
    assertFails(diagnosis, 'socket-file', 'connect', 0);
    says(diagnosis, 'no socket of PostgreSQL');
    const other = net.createServer().listen(path.join(folder, '.s.PGSQL.6001'));
    await once(other, 'listening');
    try {
      const again = await diagnose(bench.config({ dbHost: folder }));
      assertFails(again, 'socket-file', 'connect', 0);
      says(again, '.s.PGSQL.6001');
    } finally {
      other.close();
    }
  });

  test('a socket that a server has left behind takes no connection', socket, async () => {
    fs.mkdirSync(path.join(folder, 'left'));
    const file = path.join(folder, 'left', `.s.PGSQL.${bench.server.port}`);
    const made = net.createServer().listen(path.join(folder, 'left', 'made'));
    await once(made, 'listening');
    fs.linkSync(path.join(folder, 'left', 'made'), file);
    made.close();
    await once(made, 'close');
    const diagnosis = await diagnose(bench.config({ dbHost: path.join(folder, 'left') }));
    assertFails(diagnosis, 'socket-file', 'connect', 0);
    says(diagnosis, 'ECONNREFUSED');
  });

  test('the socket of a working database is nothing to complain of', socket, async () => {
    const { socketDirectory } = bench.server;
    const diagnosis = await diagnose(bench.config({ dbHost: socketDirectory }));
    assertWorks(diagnosis, 1);
    assert.equal(diagnosis.cause, 'ok');
  });
});
