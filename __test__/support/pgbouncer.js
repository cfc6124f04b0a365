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
 * @param {{ databases?: string, settings?: Record<string, string | number>, certificate?: [cert: string, key: string] }}
 *   [options] files that it speaks TLS by; lines of `[databases]`, in place
 *   of one for all; and of `[pgbouncer]`, besides its own or in their place
 * @returns {Promise<{ host: string, port: number, stop: () => void }>}
 */
async function startPgBouncer(server, mode, { databases, settings: others = {}, certificate } = {}) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-pgbouncer-'));
  const port = await freePort();
  const users = path.join(directory, 'users.txt');
  const settings = path.join(directory, 'pgbouncer.ini');
  fs.writeFileSync(users, `"${server.user}" "${server.password}"\n`);
  const copies = certificate?.map((file) => copyInto(directory, file)) ?? [];
  const lines = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'plain',
    auth_file: users,
    pool_mode: mode,
    ignore_startup_parameters: 'extra_float_digits',
    ...(certificate && { client_tls_cert_file: copies[0], client_tls_key_file: copies[1] }),
    ...others,
  };
  fs.writeFileSync(
    settings,
    [
      '[databases]',
      databases ?? `* = host=${server.host} port=${server.port}`,
      '[pgbouncer]',
      ...Object.entries(lines).map(([name, value]) => `${name} = ${value}`),
      '',
    ].join('\n'),
  );
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const nobody = isRoot ? numbersOf('nobody') : {};
  if (isRoot)
    for (const place of [directory, users, settings, ...copies]) fs.chownSync(place, nobody.uid, nobody.gid);
  const child = spawn(/** @type {string} */ (pgbouncer), [settings], { stdio: 'ignore', ...nobody });
  const stop = () => {
    child.kill('SIGTERM');
    fs.rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', stop);
  await eventually(() => answers(port), 'PgBouncer');
  return { host: '127.0.0.1', port, stop };
}

/** @param {string} directory @param {string} file @returns {string} where it is then */
function copyInto(directory, file) {
  const copy = path.join(directory, path.basename(file));
  fs.copyFileSync(file, copy);
  return copy;
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
