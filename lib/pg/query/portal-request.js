'use strict';

const Query = require('./query');
const QueryRequest = require('./query-request');
const Submission = require('./submission');

/**
 * @typedef {import('../../errors').PgError} PgError
 * @typedef {import('./result')} Result
 * @typedef {import('./submission').SubmissionOwner} SubmissionOwner
 */

/**
 * A query that is fetched in pages, or through a portal with a name of the caller's. Both are rare, so it is sent
 * message by message, as a submittable is.
 */
class PortalRequest extends QueryRequest {
  /** @param {import('./query-config').QueryConfig} config */
  configure(config) {
    super.configure(config);
    this.pageSize = config.rows;
    this.portal = config.portal;
  }

  /** The values are checked and brought into wire form when their message is written. */
  prepare() {
    return null;
  }

  pipelineObstacle() {
    return 'The `rows` option is';
  }

  send() {
    const client = /** @type {import('../client/client')} */ (this.owner);
    const { text, values, name, rowMode, binary, extended, pageSize, portal } = this;
    const queryMode = extended ? 'extended' : undefined;
    const query = new Query({
      text,
      values,
      name,
      rowMode,
      binary: binary || undefined,
      queryMode,
      rows: pageSize,
      portal,
    });
    query._result._types = this.types;
    query.callback = (error, result) => {
      if (error) this.handleError(error);
      else this._results = /** @type {Result | Result[]} */ (result);
    };
    const { connection } = client;
    const known = name === undefined ? undefined : client._statementText(name);
    if (known !== undefined) connection.parsedStatements[/** @type {string} */ (name)] = known;
    new Submission(new Exchange(client, this), query).send();
  }
}

/**
 * The submission's owner: it passes events on to the request that stands in the client's queue.
 *
 * @implements {SubmissionOwner}
 */
class Exchange {
  /**
   * @param {import('../client/client')} client
   * @param {PortalRequest} request
   */
  constructor(client, request) {
    this.client = client;
    this.request = request;
  }

  get connection() {
    return this.client.connection;
  }

  get _messenger() {
    return this.client._messenger;
  }

  /**
   * @param {Submission} submission
   * @param {string | null} status
   */
  _requestDone(submission, status) {
    submission.handleReadyForQuery();
    this.client._requestDone(this.request, status);
  }

  /**
   * @param {Submission} _submission
   * @param {PgError} error
   * @param {string | null} status
   */
  _requestFailed(_submission, error, status) {
    this.client._requestFailed(this.request, error, status);
  }
}

module.exports = PortalRequest;
