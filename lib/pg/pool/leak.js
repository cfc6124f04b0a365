'use strict';

const { clearTimeout } = require('../../timers');
const { callOut } = require('../call/caller');
const { startTimer } = require('../call/timer');

/**
 * Where a client is being taken from a pool: an error whose stack begins with the caller.
 *
 * @param {Function} below the function of ours that the caller called
 * @param {number} millis
 * @returns {Error & Record<string, any>}
 */
function takenHere(below, millis) {
  const error = new Error(`A client was taken from the pool and not given back within ${millis} ms`);
  error.name = 'ClientLeakWarning';
  Error.captureStackTrace(error, below);
  return error;
}

/** Reports clients that are taken from a pool and not given back in time, each once. */
class LeakWatch {
  /**
   * @param {import('./checkout')} pool
   * @param {number} millis
   */
  constructor(pool, millis) {
    this.pool = pool;
    this.millis = millis;
    /** @type {Map<any, NodeJS.Timeout>} a timer for each client that is out */
    this._timers = new Map();
  }

  /**
   * @param {any} client
   * @param {Error & Record<string, any>} taken
   */
  taken(client, taken) {
    const timer = startTimer(() => this._report(client, taken), this.millis);
    if (timer === undefined) return;
    // A leak is no reason to stay alive.
    timer.unref();
    this._timers.set(client, timer);
  }

  /** @param {any} client */
  givenBack(client) {
    clearTimeout(this._timers.get(client));
    this._timers.delete(client);
  }

  /**
   * @param {any} client
   * @param {Error & Record<string, any>} taken
   */
  _report(client, taken) {
    this._timers.delete(client);
    Object.defineProperty(taken, 'code', { value: 'PGFLEET_CLIENT_LEAK', enumerable: true });
    const [, ...frames] = String(taken.stack).split('\n');
    // Node prints a warning without its stack, but with its detail.
    Object.defineProperty(taken, 'detail', { value: `It was taken here:\n${frames.join('\n')}` });
    process.emitWarning(taken);
    callOut(() => this.pool.emit('leak', client, taken));
  }
}

module.exports = { LeakWatch, takenHere };
