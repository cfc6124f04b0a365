'use strict';

// A server that answers every query at once, or holds its answers back when it is told to. Nothing else happens on its
// thread, and it reads no more than it must: its answers are to be quick ones.

const { once } = require('node:events');
const net = require('node:net');
const { Worker, isMainThread, parentPort } = require('node:worker_threads');
const messages = require('./backend-messages');

if (!isMainThread) serve();

/**
 * @returns {Promise<{ config: object, hold: () => Promise<void>, held: () => Promise<number[]>,
 *   release: () => Promise<void>, close: () => Promise<number> }>} `held` says how many queries each connection has brought
 *   whose answers are held back
 */
async function holdingServer() {
  const worker = new Worker(__filename);
  const ask = async (what) => {
    worker.postMessage(what);
    const [answer] = await once(worker, 'message');
    return answer;
  };
  const [port] = await once(worker, 'message');
  return {
    config: { host: '127.0.0.1', port, user: 'somebody', database: 'somewhere' },
    hold: () => ask('hold'),
    held: () => ask('held'),
    release: () => ask('release'),
    close: () => worker.terminate(),
  };
}

async function serve() {
  /** Unanswered queries by connection; null while answers come at once. */
  let held = null;
  const answer = Buffer.concat([messages.parseComplete(), messages.bindComplete(), messages.oneRow()]);
  const answers = (count) => Buffer.concat(Array(count).fill(answer));

  const listener = net.createServer({ noDelay: true }, async (socket) => {
    await once(socket, 'data');
    socket.write(messages.greeting());
    let rest = Buffer.alloc(0);
    socket.on('data', (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      let count = 0;
      let at = 0;
      while (rest.length >= at + 5) {
        const next = at + 1 + rest.readInt32BE(at + 1);
        if (next > rest.length) break;
        // Each query in the extended protocol ends with a Sync.
        if (rest[at] === 'S'.charCodeAt(0)) count += 1;
        at = next;
      }
      rest = rest.subarray(at);
      if (held === null) socket.write(answers(count));
      else held.set(socket, (held.get(socket) ?? 0) + count);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  parentPort.postMessage(listener.address().port);

  parentPort.on('message', (what) => {
    const counts = [...(held ?? [])];
    if (what === 'hold') held = new Map();
    if (what === 'release') {
      held = null;
      for (const [socket, count] of counts) socket.write(answers(count));
    }
    parentPort.postMessage(counts.map(([, count]) => count));
  });
}

module.exports = { holdingServer };
