'use strict';

const { clearTimeout } = require('../../timers');
const { callOut } = require('../call/caller');
const { startTimer } = require('../call/timer');

/** Reports clients that are taken from a pool and not given back in time, each once. */
class LeakWatch {
  /**
   * @param {import('node:events').EventEmitter} pool
   * @param {number} millis
   */
  constructor(pool, millis) {
    this.pool = pool;
    this.millis = millis;
    /** Whether the pool takes a client for a query of its own, which gives it back by itself. */
    this.isPaused = false;
    /** @type {Map<object, NodeJS.Timeout>} a timer for each client that is out */
    this._timers = new Map();
  }

  /**
   * Where a client is being taken: an error whose stack begins with the caller.
   *
   * @param {Function} below the function of ours that the caller called
   * @returns {((client: object) => void) | undefined} is told which client the caller gets
   */
  trace(below) {
    if (this.isPaused) return undefined;
    const error = new Error(`A client was taken from the pool and not given back within ${this.millis} ms`);
    error.name = 'ClientLeakWarning';
    Error.captureStackTrace(error, below);
    return (client) => this._taken(client, error);
  }

  /**
   * @param {object} client
   * @param {Error} error
   */
  _taken(client, error) {
    const timer = startTimer(() => this._report(client, error), this.millis);
    if (timer === undefined) return;
    // The timer must not keep the process alive.
    timer.unref();
    this._timers.set(client, timer);
  }

  /** @param {object} client */
  givenBack(client) {
    clearTimeout(this._timers.get(client));
    this._timers.delete(client);
  }

  /**
   * @param {object} client
   * @param {Error} error
   */
  _report(client, error) {
    this._timers.delete(client);
    Object.defineProperty(error, 'code', { value: 'PGFLEET_CLIENT_LEAK', enumerable: true });
    const [, ...frames] = String(error.stack).split('\n');
    // Node prints a warning without its stack, but with its detail.
    Object.defineProperty(error, 'detail', { value: `It was taken here:\n${frames.join('\n')}` });
    process.emitWarning(error);
    callOut(() => this.pool.emit('leak', client, error));
  }
}

module.exports = { LeakWatch };
