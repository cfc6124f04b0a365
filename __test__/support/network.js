'use strict';

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { spawnSync } = require('node:child_process');
const { run } = require('./program.js');

// A network of its own that has nothing but the loopback interface, with name servers of its own.
const LAUNCHER = ['unshare', '--map-root-user', '--net', '--mount', 'sh', '-c'];
const PREPARE = [
  'ip link set lo up',
  'mount --bind "$0/resolv.conf" /etc/resolv.conf',
  'mount --bind "$0/hosts" /etc/hosts',
  '(test -z "$ADDRESSES" || for address in $ADDRESSES; do ip address add "$address" dev lo || exit; done)',
].join(' && ');

/** Why there is none, or false: what a test takes for its `skip`. */
const withoutNetwork = reason();

function reason() {
  if (process.platform !== 'linux') return 'networks of a test’s own are made on Linux only';
  const tried = spawnSync(LAUNCHER[0], [
    ...LAUNCHER.slice(1),
    'ip link set lo up && mount --bind /etc/hosts /etc/hosts',
  ]);
  return tried.status === 0 ? false : 'this system gives a test no network of its own';
}

/**
 * Runs a program in a network of its own.
 *
 * @param {Parameters<typeof run>[0]} program
 * @param {object} options those of `run`, and:
 * @param {string} [options.hosts] lines for the file of hosts
 * @param {string[]} [options.addresses] further ones that the machine has there
 * @returns {ReturnType<typeof run>}
 */
async function runInNetwork(program, { hosts = '', addresses = [], env = {}, ...options } = {}) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pgfleet-network-'));
  fs.writeFileSync(
    path.join(directory, 'resolv.conf'),
    'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n',
  );
  fs.writeFileSync(path.join(directory, 'hosts'), `127.0.0.1 localhost\n${hosts}\n`);
  try {
    return await run(program, {
      ...options,
      env: { ...env, ADDRESSES: addresses.join(' ') },
      launcher: [...LAUNCHER, `${PREPARE} && exec "$@"`, directory],
    });
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

module.exports = { runInNetwork, withoutNetwork };
