'use strict';

const { emitErrorToListeners } = require('../call/caller');

/** @import { IdleListener, PooledClient } from './client-keeper' */

/**
 * What the errors of an idle client go to: the first one takes the client out of its pool, which emits it.
 *
 * @param {import('./pool')} pool
 * @param {PooledClient} client
 * @param {{ isLeaving: () => boolean, remove: (error: unknown) => void }} steps whether it is on its way out already, where an error
 *   is nothing new, and what takes it out
 * @returns {IdleListener}
 */
function makeIdleListener(pool, client, { isLeaving, remove }) {
  /** @type {IdleListener} */
  const listener = (error) => {
    if (isLeaving()) {
      pool.log('client error while it is ending', error);
      return;
    }
    error.client = client;
    client.removeListener('error', listener);
    client.on('error', () => pool.log('additional client error after disconnection due to error', error));
    remove(error);
    emitErrorToListeners(pool, error, client);
  };
  return listener;
}

module.exports = { makeIdleListener };
