'use strict';

const { setTimeout: pause } = require('node:timers/promises');
const { Client } = require('pg');

const ATTEMPTS = 100;

/**
 * Looks at a server with npm's `pg`, whose word is taken.
 *
 * @param {import('../../scripts/support/embedded-server.js').EmbeddedServer} server
 */
function observerOf(server) {
  /**
   * @template T
   * @param {(client: import('pg').Client) => Promise<T>} work
   * @param {string} [database]
   * @returns {Promise<T>}
   */
  return async function observe(work, database) {
    const client = await connected(server.config({ database, application_name: 'observer' }));
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };
}

/** The server may just be starting, after a crash that was wanted. */
async function connected(config) {
  for (let attempt = 1; ; attempt += 1) {
    const client = new Client(config);
    client.on('error', () => {}); // comes as the error of its query as well
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await pause(100);
    }
  }
}

module.exports = { observerOf };
