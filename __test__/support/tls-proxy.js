'use strict';

const net = require('node:net');
const tls = require('node:tls');
const { once } = require('node:events');
const { int32 } = require('./backend-messages.js');

const SSL_REQUEST = Buffer.concat([int32(8), int32(80877103)]);

/**
 * Stands between a client and a server as the end of the client's TLS session, with a certificate of the
 * test's choice. Towards the server it speaks TLS as well, so that the server takes the client for one with
 * TLS and offers channel binding.
 *
 * @param {{ host: string, port: number }} target
 * @param {{ certificate: string, key: string }} identity PEM; may be changed for the connections that follow
 * @param {import('node:tls').TLSSocketOptions & import('node:tls').SecureContextOptions} [options] of its side of TLS
 * @returns {Promise<{ host: string, port: number, servernames: (string | false)[], close: () => Promise<void> }>}
 *   `servernames`: the names that clients asked for in their handshakes
 */
async function tlsProxy(target, identity, options = {}) {
  const sockets = new Set();
  const servernames = [];
  const keep = (socket) => {
    sockets.add(socket);
    // A client that doesn't like the certificate breaks off; that is what the test looks at on its side.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const listener = net.createServer(async (raw) => {
    keep(raw);
    await once(raw, 'data'); // the SSLRequest, which is too short to come in pieces
    raw.write('S');
    const { certificate: cert, key } = identity;
    const client = keep(new tls.TLSSocket(raw, { ...options, isServer: true, cert, key }));
    client.once('secure', () => servernames.push(client.servername));
    const server = await encrypted(target, keep);
    client.pipe(server).pipe(client);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    host: '127.0.0.1',
    port: listener.address().port,
    servernames,
    async close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, 'close');
    },
  };
}

async function encrypted({ host, port }, keep) {
  const raw = keep(net.connect(port, host));
  raw.write(SSL_REQUEST);
  await once(raw, 'data');
  return keep(tls.connect({ socket: raw, rejectUnauthorized: false }));
}

module.exports = { tlsProxy };
