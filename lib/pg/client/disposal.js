'use strict';

const { RELEASED_TWICE } = require('../../texts');

/**
 * What gives a pool's client back at the end of a block. The same client object is handed out again and again: a block
 * that has released it by hand must not take it from its next user.
 *
 * @param {object} client
 * @returns {(() => void) | undefined} undefined when no pool has handed it out
 */
function disposerOf(client) {
  const { release } = /** @type {{ release?: () => void }} */ (client);
  if (typeof release !== 'function') return undefined;
  return () => {
    try {
      release.call(client);
    } catch (error) {
      // In pg-pool's own pool, this is the only way to report the error.
      if (/** @type {Error} */ (error).message !== RELEASED_TWICE) throw error;
    }
  };
}

module.exports = { disposerOf };
