'use strict';

const { setTimeout: pause } = require('node:timers/promises');
const { tappedProxy } = require('../../__test__/support/proxy.js');

const CUT_LINKS = 0.5;
const MOST_BYTES = 300_000;
/** More than a log-in takes, under TLS as well: a client that never logs in does nothing that could be cut. */
const LOGIN_BYTES = 5000;
const CUT_LOGINS = 0.3;
const STALLS_MILLIS = [100, 1500];
const ENDS = ['end', 'reset', 'stall'];

/**
 * A proxy that cuts about every second connection after a random number of bytes of either direction: by an orderly
 * end, by a reset, or by letting nothing through any more and a reset some time later.
 *
 * @param {{ host: string, port: number }} target
 * @param {import('./random.js').Random} random
 * @returns {Promise<import('../../__test__/support/proxy.js').Proxy>}
 */
function cuttingProxy(target, random) {
  const plans = new WeakMap();

  const tap = (direction) => (bytes, link) => {
    const plan = plans.get(link);
    if (plan?.isCut) return null;
    if (plan?.direction !== direction) return undefined;
    plan.bytes -= bytes.length;
    if (plan.bytes > 0) return undefined;
    plan.isCut = true;
    setImmediate(cut, link, plan.how, random); // once the bytes before the cut have been written
    return bytes.subarray(0, bytes.length + plan.bytes);
  };

  return tappedProxy(target, {
    onLink(link) {
      if (!random.chance(CUT_LINKS)) return;
      const direction = random.pick(['to server', 'to client']);
      plans.set(link, {
        direction,
        bytes: random.magnitude(MOST_BYTES) + (random.chance(CUT_LOGINS) ? 0 : LOGIN_BYTES),
        how: random.pick(ENDS),
        isCut: false,
      });
    },
    onClientBytes: tap('to server'),
    onServerBytes: tap('to client'),
  });
}

/**
 * @param {import('../../__test__/support/proxy.js').Link} link
 * @param {string} how one of ENDS
 * @param {import('./random.js').Random} random
 */
async function cut(link, how, random) {
  const { client, server } = link;
  if (how === 'stall') await pause(random.between(...STALLS_MILLIS));
  if (how === 'end') {
    client.end();
    server.end();
    await pause(200);
    link.destroy();
  } else {
    reset(client);
    reset(server);
  }
}

/**
 * A reset isn't to be had of a socket that has been ended: Node takes it for one that closes, waits for that when the
 * process ends, and so has no end.
 *
 * @param {import('node:net').Socket} socket
 */
function reset(socket) {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

module.exports = { ENDS, cut, cuttingProxy };
