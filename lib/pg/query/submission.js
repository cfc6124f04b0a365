'use strict';

/**
 * @typedef {import('./request').QueuedRequest} QueuedRequest
 * @typedef {import('./request').Submittable} Submittable
 */

const { clearTimeout } = require('../../timers');
const { callOut } = require('../call/caller');
const { tellSettled } = require('../call/settlement');

/** @type {Record<string, keyof import('./request').MessageHandlers>} what a message is handed to */
const HANDLERS = {
  rowDescription: 'handleRowDescription',
  dataRow: 'handleDataRow',
  portalSuspended: 'handlePortalSuspended',
  emptyQuery: 'handleEmptyQuery',
  commandComplete: 'handleCommandComplete',
  copyInResponse: 'handleCopyInResponse',
  copyData: 'handleCopyData',
};

/** The handlers that get the connection as their only argument, as node-postgres calls them. */
const CONNECTION_ONLY = new Set(['portalSuspended', 'emptyQuery', 'copyInResponse']);

/** The handlers that get the message as their only argument. */
const MESSAGE_ONLY = new Set(['rowDescription', 'dataRow']);

/**
 * @typedef {import('./request').RequestOwner & {
 *   readonly connection: import('../client/connection'),
 *   readonly _messenger: import('../messages/message-core') | import('../client/native-connection'),
 * }} SubmissionOwner
 */

/**
 * A submittable in a client's queue: an object that writes its own messages and handles the server's.
 *
 * @implements {QueuedRequest}
 */
class Submission {
  /**
   * @param {SubmissionOwner} owner a client, or what stands between it and this
   * @param {Submittable} query
   */
  constructor(owner, query) {
    this.owner = owner;
    this.query = query;
    /** @type {NodeJS.Timeout | undefined} */
    this._timer = undefined;
    /** @type {import('../call/settlement').Onlooker[] | undefined} */
    this._onlookers = undefined;
    this._failed = false;
    /** @type {(() => void) | undefined} */
    this._toldListener = undefined;
    /** @type {boolean} whether the server has reported its failure, and only ReadyForQuery is still to come */
    this.isRefused = false;
    /** @type {boolean} whether a statement has said that it is done */
    this.isComplete = false;
  }

  /** It takes care of its statement's name itself, and keeps its own record on the connection. */
  get name() {
    return undefined;
  }

  get callback() {
    return this.query.callback;
  }

  set callback(callback) {
    this.query.callback = callback;
  }

  /** Tracing tools listen to a query without a callback that they find in a client's queue. */
  get once() {
    return this.query.once?.bind(this.query);
  }

  get on() {
    return this.query.on?.bind(this.query);
  }

  pipelineObstacle() {
    return 'Custom query classes such as pg-cursor and pg-query-stream are';
  }

  prepare() {
    return null;
  }

  /** @throws what the submittable says is wrong */
  send() {
    const { connection, _messenger: messenger } = this.owner;
    messenger._active = this;
    try {
      const error = this.query.submit(connection);
      if (error) throw error;
    } catch (error) {
      messenger._active = null;
      throw error;
    }
  }

  /**
   * @param {string} name
   * @param {unknown} message
   */
  receive(name, message) {
    const { query, owner } = this;
    const { connection } = owner;
    if (name === 'commandComplete') this.isComplete = true;
    if (name === 'errorMessage') {
      this.isRefused = true;
      if (query.name) delete connection.submittedNamedStatements[query.name];
      this.handleError(message);
      // Without a Sync the server would skip everything that comes.
      if (owner._messenger._owed === 0) connection.sync();
    } else if (name === 'parseComplete') {
      if (!query.name) return;
      connection.parsedStatements[query.name] = /** @type {string} */ (query.text);
      delete connection.submittedNamedStatements[query.name];
    } else if (this._failed || typeof query[HANDLERS[name]] !== 'function') {
      // What still comes between an error and ReadyForQuery belongs to no query.
      return;
    } else if (CONNECTION_ONLY.has(name)) {
      callOut(() => query[HANDLERS[name]]?.(connection));
    } else if (MESSAGE_ONLY.has(name)) {
      callOut(() => query[HANDLERS[name]]?.(message));
    } else {
      callOut(() => query[HANDLERS[name]]?.(message, connection));
    }
  }

  /** @param {string | null} status */
  finish(status) {
    this.owner._requestDone(this, status);
  }

  /**
   * @param {import('../../errors').PgError} error
   * @param {string | null} status
   */
  fail(error, status) {
    this.owner._requestFailed(this, error, status);
  }

  /** @param {unknown} error */
  handleError(error) {
    clearTimeout(this._timer);
    if (this._failed) return;
    this._failed = true;
    tellSettled(this, error, undefined);
    callOut(() => this.query.handleError(error, this.owner.connection));
    if (this._toldListener !== undefined) this._toldListener();
  }

  /** @param {() => void} listener called when the query has been told that it failed, at once if it has been already */
  onceTold(listener) {
    if (this._failed) listener();
    else this._toldListener = listener;
  }

  handleReadyForQuery() {
    clearTimeout(this._timer);
    if (this._failed) return;
    tellSettled(this, null, undefined);
    callOut(() => this.query.handleReadyForQuery(this.owner.connection));
  }
}

module.exports = Submission;
