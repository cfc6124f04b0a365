'use strict';

const WAITING = { callback: () => undefined };

/**
 * Puts views in the place of what pg-pool keeps in arrays of its own, and programs look into, although no document names
 * them: here it is the native pool that knows. Each look makes the arrays anew.
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
