'use strict';

const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { eventually } = require('./failure.js');

const PLACES = [
  process.env.PGFLEET_PGBOUNCER,
  '/usr/sbin/pgbouncer',
  '/usr/bin/pgbouncer',
  '/opt/homebrew/bin/pgbouncer',
];

/** Where PgBouncer is, or undefined: then tests through it are left out, and say so. */
const pgbouncer = PLACES.find((place) => place && fs.existsSync(place));

/** A port that is free now. */
async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts PgBouncer before a test server, on loopback.
 *
 * @param {import('./server.js').TestServer} server
 * @param {'session' | 'transaction'} mode
 * @returns {Promise<{ host: string, port: number, stop: () => void }>}
 */
async function startPgBouncer(server, mode) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-pgbouncer-'));
  const port = await freePort();
  const users = path.join(directory, 'users.txt');
  const settings = path.join(directory, 'pgbouncer.ini');
  fs.writeFileSync(users, `"${server.user}" "${server.password}"\n`);
  fs.writeFileSync(
    settings,
    `[databases]
* = host=${server.host} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${users}
pool_mode = ${mode}
ignore_startup_parameters = extra_float_digits
`,
  );
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const nobody = isRoot ? numbersOf('nobody') : {};
  if (isRoot) for (const place of [directory, users, settings]) fs.chownSync(place, nobody.uid, nobody.gid);
  const child = spawn(/** @type {string} */ (pgbouncer), [settings], { stdio: 'ignore', ...nobody });
  const stop = () => {
    child.kill('SIGTERM');
    fs.rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', stop);
  await eventually(() => answers(port), 'PgBouncer');
  return { host: '127.0.0.1', port, stop };
}

/** @param {string} user */
function numbersOf(user) {
  const number = (/** @type {string} */ option) =>
    Number(execFileSync('id', [option, user], { encoding: 'utf8' }));
  return { uid: number('-u'), gid: number('-g') };
}

/** @param {number} port */
function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

module.exports = { pgbouncer, startPgBouncer };
