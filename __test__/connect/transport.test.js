'use strict';

const { test, before } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { forBoth } = require('../support/both.js');
const { failure } = require('../support/failure.js');
const { postgres } = require('../support/server.js');
const { deafPort } = require('../support/deaf-port.js');
const { tappedProxy } = require('../support/proxy.js');
const { run } = require('../support/program.js');

const socket = { skip: process.platform === 'win32' && 'Windows has no Unix sockets' };
const PROGRAM = path.join(__dirname, 'programs', 'connect-and-tell.js');

const hasIpv6 = Object.values(os.networkInterfaces())
  .flat()
  .some(({ address }) => address === '::1');

// A name with several addresses needs a hosts file of its own, which Linux gives to a process in its own mount
// namespace.
const LAUNCHER = ['unshare', '--map-root-user', '--mount', 'sh', '-c'];
const canHaveOwnHosts =
  spawnSync(LAUNCHER[0], [...LAUNCHER.slice(1), 'mount --bind /etc/hosts /etc/hosts']).status === 0;
const twoAddresses =
  hasIpv6 && canHaveOwnHosts ? {} : { skip: 'needs IPv6 on the loopback and unprivileged mount namespaces' };

forBoth(({ pg, label }) => {
  let server;
  before(async () => {
    server = await postgres();
  });

  async function clientAddress(config) {
    const client = new pg.Client(config);
    await client.connect();
    try {
      return (await client.query('SELECT host(inet_client_addr()) AS address')).rows[0].address;
    } finally {
      await client.end();
    }
  }

  test('an IPv4 address is connected to', async () => {
    assert.equal(await clientAddress(server.config()), '127.0.0.1');
  });

  test('an IPv6 address is connected to', { skip: !hasIpv6 && 'no IPv6 on the loopback' }, async () => {
    assert.equal(await clientAddress(server.config({ host: '::1' })), '::1');
  });

  test('localhost is connected to', async () => {
    assert.match(await clientAddress(server.config({ host: 'localhost' })), /^(127\.0\.0\.1|::1)$/);
  });

  test('localhost is connected to when only its IPv4 address listens', async () => {
    const proxy = await tappedProxy(server);
    try {
      assert.equal(await clientAddress(server.config({ host: 'localhost', port: proxy.port })), '127.0.0.1');
    } finally {
      await proxy.close();
    }
  });

  test('a directory as host is a Unix socket', socket, async () => {
    assert.equal(await clientAddress(server.config({ host: server.socketDirectory })), null);
    const { user, password, port, socketDirectory } = server;
    const client = new pg.Client({ host: socketDirectory, user, password, port, database: 'postgres' });
    await client.connect();
    assert.equal(client.host, socketDirectory);
    await client.end();
  });

  test('a Unix socket that is not there is ENOENT and names the path', socket, async () => {
    const host = path.join(server.socketDirectory, 'nowhere');
    const error = await failure(clientAddress(server.config({ host })));
    assert.equal(error.code, 'ENOENT');
    assert.equal(error.syscall, 'connect');
    assert.equal(error.address, `${host}/.s.PGSQL.${server.port}`);
    assert.equal(error.message, `connect ENOENT ${host}/.s.PGSQL.${server.port}`);
  });

  async function throughHosts(lines, port, execArgv = []) {
    const hosts = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-hosts-')), 'hosts');
    fs.writeFileSync(hosts, `127.0.0.1 localhost\n${lines.join('\n')}\n`);
    const { user, password, database } = server;
    try {
      return await run(PROGRAM, {
        launcher: [...LAUNCHER, 'mount --bind "$0" /etc/hosts && exec "$@"', hosts],
        execArgv,
        args: [label, JSON.stringify({ host: 'twofold.test', port, user, password, database })],
      });
    } finally {
      fs.rmSync(path.dirname(hosts), { recursive: true });
    }
  }

  const orders = { 'IPv6 first': ['::1 twofold.test', '127.0.0.1 twofold.test'] };
  orders['IPv4 first'] = [...orders['IPv6 first']].reverse();

  for (const [order, lines] of Object.entries(orders)) {
    test(
      `a name with two addresses, ${order}, is connected to when one of them refuses`,
      twoAddresses,
      async () => {
        const proxy = await tappedProxy(server);
        try {
          const outcome = await throughHosts(lines, proxy.port);
          assert.deepEqual(
            { code: outcome.code, stdout: outcome.stdout },
            { code: 0, stdout: 'connected\n' },
          );
        } finally {
          await proxy.close();
        }
      },
    );
  }

  test('IPv4 is not starved by an IPv6 route that answers nothing', twoAddresses, async () => {
    const proxy = await tappedProxy(server);
    const deaf = await deafPort('::1', proxy.port);
    try {
      const outcome = await throughHosts(orders['IPv6 first'], proxy.port);
      assert.deepEqual({ code: outcome.code, stdout: outcome.stdout }, { code: 0, stdout: 'connected\n' });
    } finally {
      await deaf.close();
      await proxy.close();
    }
  });

  test('when every address of a name refuses, the error has them all', twoAddresses, async () => {
    const proxy = await tappedProxy(server);
    await proxy.close(); // a port on which nothing listens any more
    const outcome = await throughHosts(orders['IPv6 first'], proxy.port);
    assert.equal(outcome.code, 1, outcome.stderr);
    const error = JSON.parse(outcome.stdout);
    assert.equal(error.code, 'ECONNREFUSED');
    assert.deepEqual(error.addresses, ['127.0.0.1', '::1']);
  });
});
