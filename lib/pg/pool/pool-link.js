'use strict';

const { fromNative } = require('../../errors');
const { channels, isWatched, place, trace } = require('../call/diagnostics');

/** What the native side tells about a pool. */
class PoolLink {
  /** @param {import('./native-pool')} pool */
  constructor(pool) {
    this.pool = pool;
    /** @type {Map<number, (error: any, processID?: number) => void>} connections being made, while somebody traces */
    this._openings = new Map();
  }

  /** @param {number} connectionId */
  removed(connectionId) {
    this.pool._handleRemoved(connectionId);
  }

  /**
   * @param {number} connectionId
   * @param {any} error
   */
  idleError(connectionId, error) {
    this.pool._handleIdleError(connectionId, fromNative(error));
  }

  /** @param {number} question */
  password(question) {
    this.pool._providePassword(question);
  }

  /**
   * @param {number} question
   * @param {[name: string, chain: Buffer[]]} certificate
   */
  identity(question, certificate) {
    this.pool._checkIdentity(question, certificate);
  }

  /** @param {number} connectionId */
  opening(connectionId) {
    if (!isWatched(channels.connect)) return;
    const context = place(this.pool._template);
    trace(channels.connect, context, (settled) => {
      this._openings.set(connectionId, (error, processID) => {
        if (!error) context.processID = processID;
        settled(error);
      });
    });
  }

  /**
   * @param {number} connectionId
   * @param {number} processID
   */
  opened(connectionId, processID) {
    this.pool._processes.set(connectionId, processID);
    this._finishOpening(connectionId, null, processID);
  }

  /**
   * @param {number} connectionId
   * @param {any} error
   */
  notOpened(connectionId, error) {
    if (this._openings.has(connectionId)) this._finishOpening(connectionId, fromNative(error));
  }

  /**
   * @param {number} connectionId
   * @param {any} error
   * @param {number} [processID]
   */
  _finishOpening(connectionId, error, processID) {
    const finish = this._openings.get(connectionId);
    if (finish === undefined) return;
    this._openings.delete(connectionId);
    finish(error, processID);
  }
}

module.exports = { PoolLink };
