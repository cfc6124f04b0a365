'use strict';

const NOBODY = { callback: () => undefined };

// What pg-pool keeps in arrays of its own, and programs look into, although nobody told them to: here it is the native
// pool that knows. Each look makes the arrays anew.
const VIEWS = {
  /** @param {any} pool */
  _clients: (pool) => {
    for (const connection of pool._core.connections()) {
      // One that only queries of the pool have used so far has no client yet.
      if (!pool._byId.has(connection.id)) pool._makeClient(connection);
    }
    return pool._known;
  },
  /** @param {any} pool */
  _idle: (pool) => {
    const idle = new Set(pool._core.idleConnections());
    return pool._clients
      .filter((/** @type {any} */ client) => idle.has(client._core.id))
      .map((/** @type {any} */ client) => ({
        client,
        idleListener: client._poolIdleListener,
        timeoutId: undefined,
      }));
  },
  /** @param {any} pool */
  _pendingQueue: (pool) => new Array(pool.waitingCount).fill(NOBODY),
};

/**
 * Puts the views in the place of a pool's arrays, once its native pool is open.
 *
 * @param {any} pool
 */
function showInternals(pool) {
  for (const [name, view] of Object.entries(VIEWS)) {
    Object.defineProperty(pool, name, {
      configurable: true,
      enumerable: true,
      get: () => view(pool),
      set: () => undefined,
    });
  }
}

module.exports = { showInternals };
