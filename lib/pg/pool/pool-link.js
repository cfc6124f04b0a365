'use strict';

const { fromNative, isConnectTimeout, isServerError } = require('../../errors');
const { POOL_CONNECT_TIMEOUT } = require('../../texts');
const { channels, isWatched, place, trace } = require('../call/diagnostics');
const { askPassword } = require('../messages/password');
const { noteHost } = require('../settings/project');
const { peerCertificate, refusalOf } = require('../settings/identity-check');

/** @import { Failure } from '../../native/addon' */
/** @import { NativeError } from './native-keeper' */

/** What the native side tells and asks about a pool. */
class PoolLink {
  /** @param {import('./native-keeper')} keeper */
  constructor(keeper) {
    this._keeper = keeper;
    /** @type {Map<number, (error: unknown, processID?: number) => void>} connections being made, while that is traced */
    this._openings = new Map();
  }

  /** @param {number} connectionId */
  removed(connectionId) {
    this._keeper.clients.removed(connectionId);
  }

  /**
   * @param {number} connectionId
   * @param {Failure} failure
   */
  idleError(connectionId, failure) {
    this._keeper.clients.broken(connectionId, fromNative(failure));
  }

  /** @returns {Promise<string | null>} */
  password() {
    return askPassword(this._template);
  }

  /** @param {[name: string, chain: Buffer[]]} certificate */
  identity([name, chain]) {
    const error = refusalOf(this._template.ssl, name, () => peerCertificate(chain));
    if (error !== null) throw error;
  }

  get _template() {
    return /** @type {import('../client/client')} */ (this._keeper.template);
  }

  /**
   * The error as node-postgres's pool words it.
   *
   * @param {NativeError} error
   * @returns {unknown} an error, or what the program's own function has thrown
   */
  explain(error) {
    if (isServerError(error)) return error;
    if (isConnectTimeout(error)) {
      const late = new Error(POOL_CONNECT_TIMEOUT, { cause: error });
      const { code, phase, outcome } = error;
      return Object.assign(late, { code, phase }, outcome && { outcome });
    }
    return error;
  }

  /** @param {number} connectionId */
  opening(connectionId) {
    if (!isWatched(channels.connect)) return;
    const context = place(this._template);
    trace(channels.connect, context, (settled) => {
      this._openings.set(connectionId, (error, processID) => {
        if (!error) context.processID = processID;
        settled(error);
      });
    });
  }

  /**
   * The options of the pool and its clients say from now on where its project is.
   *
   * @param {number} _connectionId
   * @param {string} host
   */
  found(_connectionId, host) {
    noteHost(this._template, this._keeper.pool.options, host);
  }

  /**
   * @param {number} connectionId
   * @param {number} processID
   */
  opened(connectionId, processID) {
    this._keeper.clients.processes.set(connectionId, processID);
    this._finishOpening(connectionId, null, processID);
  }

  /**
   * @param {number} connectionId
   * @param {Failure} failure
   */
  notOpened(connectionId, failure) {
    if (this._openings.has(connectionId)) this._finishOpening(connectionId, fromNative(failure));
  }

  /**
   * @param {number} connectionId
   * @param {unknown} error
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
