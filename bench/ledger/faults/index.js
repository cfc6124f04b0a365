'use strict';

/**
 * What a fault has to work on.
 *
 * @typedef {object} Scene
 * @property {import('../../../scripts/support/embedded-server.js').EmbeddedServer} server
 * @property {import('../../../__test__/support/proxy.js').Proxy} proxy the one in front of some crews
 * @property {string[]} databases
 * @property {import('../crews.js').Posted[]} posted the crews that are at work now
 * @property {import('../journal.js').Journal} journal
 * @property {import('../random.js').Random} random
 * @property {<T>(work: (client: import('pg').Client) => Promise<T>, database?: string) => Promise<T>} observe with a
 *   client of npm's `pg`, straight to the server
 *
 * @typedef {object} Fault
 * @property {string} name
 * @property {number} weight how often, compared with the others
 * @property {boolean} [stopsScripts]
 * @property {(scene: Scene) => Promise<unknown>} run
 */

/** @type {Fault[]} */
module.exports = ['backends', 'server', 'network', 'schema', 'locks', 'programs'].flatMap((kind) =>
  require(`./${kind}.js`),
);
