'use strict';

const { setTimeout } = require('../../timers');
const { cancel } = require('./client-link');
const { startTimer } = require('../call/timer');

// When a cancelled query goes on, it is cancelled again after this long, and then after twice as long each time.
const REPEAT_MILLIS = 10;

/**
 * The cancelling of the query that a connection works on. A cancel request travels over a connection of its own: it may
 * overtake its query, and is ignored then; or come late, and hit the next one. So it is repeated as long as the query
 * runs, and the queue sends nothing before it is over. A connection on which that takes too long is closed.
 */
class Cancellation {
  /**
   * @param {import('./query-queue')} queue
   * @param {import('../query/request').QueuedRequest} request the one under way
   * @param {number} timeoutMillis
   */
  constructor(queue, request, timeoutMillis) {
    this._queue = queue;
    this._request = request;
    this._isOnItsWay = false;
    this._wait = REPEAT_MILLIS;
    // The query itself keeps the process alive.
    startTimer(() => {
      if (!this.isOver) queue._core.destroy();
    }, timeoutMillis)?.unref();
    this._ask();
  }

  /** There is no query any more that it could cancel. */
  get isOver() {
    return this._queue._ended || (!this._isOnItsWay && this._queue._activeQuery !== this._request);
  }

  _ask() {
    if (this.isOver) return;
    this._isOnItsWay = true;
    cancel(this._queue._core, (error) => {
      this._isOnItsWay = false;
      // A request that is still on its way would cancel any query that runs when it arrives.
      if (error && error.code === 'ETIMEDOUT') this._queue._core.destroy();
      if (this.isOver) {
        if (!this._queue._ended) this._queue._pulseQueryQueue();
      } else {
        setTimeout(() => this._ask(), this._wait).unref();
        this._wait *= 2;
      }
    });
  }
}

module.exports = Cancellation;
