'use strict';

const net = require('node:net');
const { spawn } = require('node:child_process');
const { once } = require('node:events');

// Listens without ever accepting: the thread sleeps, and the kernel's queue of connections stays as it is.
const SOURCE = `
  const [host, port] = process.argv.slice(1);
  require('node:net').createServer().listen({ host, port: Number(port), backlog: 1 }, () => {
    require('node:fs').writeSync(1, 'listening');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

/** More than fit into a queue for one; Linux makes it a little longer than asked. */
const QUEUE_FILLERS = 8;

/**
 * A port that answers nothing at all, like a route into nowhere: its queue of connections is full, so the
 * kernel drops every further attempt without a word.
 *
 * @param {string} host
 * @param {number} port
 * @returns {Promise<{ close: () => Promise<void> }>}
 */
async function deafPort(host, port) {
  const child = spawn(process.execPath, ['--eval', SOURCE, '--', host, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const started = await Promise.race([once(child.stdout, 'data').then(String), once(child, 'exit')]);
  if (started !== 'listening') throw new Error(`Can't listen on ${host} port ${port}`);
  const fillers = Array.from({ length: QUEUE_FILLERS }, () => {
    const socket = net.connect(port, host);
    socket.on('error', () => socket.destroy()); // reset when the listener goes
    return socket;
  });
  await once(fillers[0], 'connect');
  await new Promise((resolve) => setTimeout(resolve, 100)); // the others are in the queue by now, or never
  return {
    async close() {
      for (const socket of fillers) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

module.exports = { deafPort };
