'use strict';

const Client = require('../client/client');
const ClientKeeper = require('./client-keeper');
const NativeKeeper = require('./native-keeper');
const { isTakenPartIn } = require('./participation');

/** @typedef {import('./pool-requests').AcquireRequest} AcquireRequest */

/**
 * The part of a pool that makes, counts, hands out, takes back and closes its connections.
 *
 * @typedef {object} Keeper
 * @property {number} totalCount connections, those that are being made included
 * @property {number} idleCount of them those that can be handed out
 * @property {number} waitingCount requests that wait for one
 * @property {number} expiredCount those in use that are too old to be handed out again
 * @property {number[]} lostIdle how long connections were idle that were lost then, in milliseconds; the newest last
 * @property {Place} place where its connections lead
 * @property {(request: AcquireRequest) => void} acquire answers a request with a client, or with the reason why not
 * @property {(request: AcquireRequest) => void} withdraw forgets a request whose caller has given up
 * @property {() => void} pulse serves the request that has waited longest, if that is possible now
 * @property {() => import('./native-queries') | null} direct what runs queries without a client; null while the program
 *   is to see one
 * @property {<T>(work: () => Promise<T>) => Promise<T>} during stays reachable for its server until work on it is over
 * @property {() => void} end closes all connections, sets the pool's `ended`, and calls its `_endCallback`
 */

/** @typedef {{ host?: unknown, port?: unknown, database?: unknown, user?: unknown }} Place */

/**
 * Chooses what keeps a pool's connections, at its first use. The native side does, unless the program takes part in
 * each step (by a `Client` class of its own, hooks, listeners, methods that it has overridden): then each step happens
 * when it happens in pg-pool.
 *
 * @param {import('./pool')} pool
 * @param {boolean} isStepped whether the program has called pg-pool's steps, or put methods in their place
 * @returns {Keeper}
 */
function chooseKeeper(pool, isStepped) {
  const { stream, shared, maxWaiting } = pool.options;
  const isOfOthers = /** @type {unknown} */ (pool.Client) !== Client;
  if (isOfOthers || stream) return new ClientKeeper(pool);
  // What only the native side can do.
  if (shared || maxWaiting) return new NativeKeeper(pool);
  return isStepped || isTakenPartIn(pool) ? new ClientKeeper(pool) : new NativeKeeper(pool);
}

module.exports = { chooseKeeper };
