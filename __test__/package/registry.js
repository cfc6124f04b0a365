'use strict';

const { createHash } = require('node:crypto');
const { once } = require('node:events');
const fs = require('node:fs');
const { createServer } = require('node:http');

/**
 * A registry on this machine that has one package in one version.
 *
 * @param {Record<string, any>} manifest its package.json
 * @param {string} tarball
 * @returns {Promise<{ url: string, stop: () => void }>}
 */
async function startRegistry(manifest, tarball) {
  const bytes = fs.readFileSync(tarball);
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const server = createServer((request, response) => {
    if (request.url === '/tarball.tgz') return response.end(bytes);
    if (decodeURIComponent(request.url) !== `/${manifest.name}`) return response.writeHead(404).end();
    const dist = { tarball: `http://${request.headers.host}/tarball.tgz`, integrity };
    const { name, version } = manifest;
    return response.end(
      JSON.stringify({
        name,
        'dist-tags': { latest: version },
        versions: { [version]: { ...manifest, dist } },
      }),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}/`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

module.exports = { startRegistry };
