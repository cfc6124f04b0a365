'use strict';

const Client = require('../client/client');
const ownMethods = require('../client/own-methods');

/** @typedef {{ _events: Record<string, unknown>, _eventsCount: number }} Listened what Node keeps of listeners */

/**
 * Whether the program takes part in what a pool does with its clients, by hooks, listeners or methods of its own.
 *
 * @param {import('./pool')} pool
 */
function isTakenPartIn(pool) {
  const { options } = pool;
  return Boolean(
    isHeard(/** @type {Listened} */ (/** @type {unknown} */ (pool))) ||
    options.onConnect ||
    options.verify ||
    options.log ||
    // What tools and programs replace to see or change what the clients do.
    Client.prototype.connect !== ownMethods.connect ||
    Client.prototype.query !== ownMethods.query ||
    Client.prototype.end !== ownMethods.end,
  );
}

/** @param {Listened} pool */
function isHeard({ _events: events, _eventsCount: count }) {
  // Most pools have a listener for errors and no other.
  if (count === 0 || (count === 1 && events.error !== undefined)) return false;
  return Boolean(events.acquire || events.connect || events.release || events.remove);
}

module.exports = { isTakenPartIn };
