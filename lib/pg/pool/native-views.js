'use strict';

const WAITING = { callback: () => undefined };

/**
 * Replaces the arrays of pg-pool that programs look into, although they are undocumented, by getters: here the native
 * pool has the data. Each access makes the arrays anew.
 *
 * @param {import('./pool')} pool
 * @param {import('./native-clients')} clients
 * @param {import('./native-keeper').NativePool} core
 */
function showViews(pool, clients, core) {
  const views = {
    _clients: () => clients.all(core),
    _idle: () => {
      const idle = new Set(core.idleConnections());
      return clients
        .all(core)
        .filter((client) => idle.has(client._core.id))
        .map((client) => ({ client, idleListener: client._poolIdleListener, timeoutId: undefined }));
    },
    _pendingQueue: () => new Array(pool.waitingCount).fill(WAITING),
  };
  for (const [name, get] of Object.entries(views)) {
    const set = () => undefined;
    Object.defineProperty(pool, name, { configurable: true, enumerable: true, get, set });
  }
}

module.exports = { showViews };
