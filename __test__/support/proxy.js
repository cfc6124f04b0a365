'use strict';

const net = require('node:net');
const { once } = require('node:events');

/**
 * Handlers of a tapped proxy. What a handler returns goes on to the other side in place of the bytes it
 * got: `undefined` lets them pass, `null` swallows them.
 *
 * @typedef {(bytes: Buffer, link: Link) => Buffer | null | undefined | void} Tap
 *
 * @typedef {object} Link one connection through a proxy
 * @property {number} number 0 for the first connection since the proxy started
 * @property {net.Socket} client the side of the program under test
 * @property {net.Socket} server
 * @property {() => void} destroy drops both sides at once
 *
 * @typedef {object} Proxy
 * @property {string} host
 * @property {number} port
 * @property {Link[]} links connections that are open
 * @property {number} accepted connections since the start
 * @property {() => Promise<void>} close stops listening and drops every connection
 */

/**
 * A proxy that looks at the bytes of both directions and may change them.
 *
 * @param {{ host: string, port: number }} target
 * @param {{ onClientBytes?: Tap, onServerBytes?: Tap, onLink?: (link: Link) => void, host?: string }} [taps]
 *   `host`: the address to listen on
 * @returns {Promise<Proxy>}
 */
function tappedProxy(target, { onClientBytes, onServerBytes, onLink, host = '127.0.0.1' } = {}) {
  const tap = (from, to, look, link) => {
    from.on('data', (bytes) => {
      const replacement = look?.(bytes, link);
      const outgoing = replacement === undefined ? bytes : replacement;
      if (outgoing !== null && to.writable) to.write(outgoing);
    });
    from.on('end', () => to.end());
  };
  return listen(target, host, (link) => {
    onLink?.(link);
    tap(link.client, link.server, onClientBytes, link);
    tap(link.server, link.client, onServerBytes, link);
  });
}

/**
 * A proxy that holds everything back for a while, in each direction: a round trip takes twice as long as
 * `delayMillis`. The order of bytes is kept, and their spacing.
 *
 * @param {{ host: string, port: number }} target
 * @param {{ delayMillis: number }} options
 * @returns {Promise<Proxy>}
 */
function delayingProxy(target, { delayMillis }) {
  const delay = (from, to) => {
    from.on('data', (bytes) => setTimeout(() => to.writable && to.write(bytes), delayMillis));
    from.on('end', () => setTimeout(() => to.end(), delayMillis));
  };
  return listen(target, '127.0.0.1', (link) => {
    delay(link.client, link.server);
    delay(link.server, link.client);
  });
}

async function listen(target, host, connectSides) {
  const proxy = { host, port: 0, links: [], accepted: 0, close };
  const listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = net.connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true });
    const link = { number: proxy.accepted, client, server, destroy };
    proxy.accepted += 1;
    proxy.links.push(link);
    for (const socket of [client, server]) {
      // An error on one side is passed on as what it is for a proxy: the end of the connection.
      socket.on('error', destroy);
      socket.on('close', () => {
        proxy.links = proxy.links.filter((other) => other !== link);
      });
    }
    connectSides(link);

    function destroy() {
      client.destroy();
      server.destroy();
    }
  });
  listener.listen(0, host);
  await once(listener, 'listening');
  proxy.port = listener.address().port;
  return proxy;

  async function close() {
    for (const link of proxy.links) link.destroy();
    if (!listener.listening) return;
    listener.close();
    await once(listener, 'close');
  }
}

module.exports = { delayingProxy, tappedProxy };
