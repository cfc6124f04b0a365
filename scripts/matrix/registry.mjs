// A registry on this machine that has the packed tarballs, and sends its callers to npm's for everything else. Each
// installer takes the packages of this repository from it as it will take them from npm once they are published.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { runNpm } from '../npm.mjs';

/**
 * @param {import('./tarballs.mjs').Tarball[]} tarballs
 * @returns {Promise<{ url: string, stop: () => Promise<void> }>}
 */
export async function startRegistry(tarballs) {
  const upstream = runNpm(['config', 'get', 'registry'], { output: 'capture' }).trim().replace(/\/$/, '');
  const server = createServer((request, response) => {
    const wanted = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname.slice(1));
    const described = tarballs.find(({ manifest }) => manifest.name === wanted);
    const packed = tarballs.find(({ file }) => wanted === `-/${path.basename(file)}`);
    if (described) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(metadata(described, `http://${request.headers.host}`)));
    } else if (packed) {
      response.setHeader('content-type', 'application/octet-stream');
      response.end(readFileSync(packed.file));
    } else if (wanted.startsWith('-/')) {
      response.writeHead(404).end();
    } else {
      response.writeHead(302, { location: upstream + request.url }).end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}/`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** What a registry says of a package. */
function metadata({ manifest, file }, here) {
  const { name, version } = manifest;
  const bytes = readFileSync(file);
  const dist = {
    tarball: `${here}/-/${path.basename(file)}`,
    integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
    shasum: createHash('sha1').update(bytes).digest('hex'),
  };
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, _id: `${name}@${version}`, dist } },
    // pnpm won't install what is younger than it likes, and asks for this.
    time: { created: LONG_AGO, modified: LONG_AGO, [version]: LONG_AGO },
  };
}

const LONG_AGO = '2020-01-01T00:00:00.000Z';
