'use strict';

const { AsyncResource } = require('node:async_hooks');

const { thrown } = require('../../errors');
const { clearTimeout } = require('../../timers');
const { callOut } = require('../call/caller');
const Query = require('./query');
const QueryRequest = require('./query-request');
const { tellSettled } = require('../call/settlement');

// The methods that a subclass may override.
/** @type {('submit' | 'prepare' | 'requiresPreparation' | 'handleRowDescription' | 'handleDataRow' | 'handleCommandComplete' | 'handleReadyForQuery' | 'handleError')[]} */
const HANDLERS = [
  'submit',
  'prepare',
  'requiresPreparation',
  'handleRowDescription',
  'handleDataRow',
  'handleCommandComplete',
  'handleReadyForQuery',
  'handleError',
];

/** The native request on behalf of a caller's Query object: rows become its events, results its results. */
class QueryRun extends QueryRequest {
  /**
   * @param {import('./request').RequestOwner} owner
   * @param {import('./query')} query
   * @param {import('../../rows/types').Types | undefined} types
   */
  constructor(owner, query, types) {
    super(owner, undefined, undefined, types);
    this.query = query;
    this._resource = new AsyncResource('pgfleet.query');
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

  get eager() {
    return true;
  }

  prepare() {
    const { query } = this;
    this.configure({
      types: query._result._types,
      name: query.name,
      rowMode: query._rowMode,
      binary: query.binary,
      queryMode: query.queryMode,
    });
    this.text = query.text;
    this.values = query.values;
    return super.prepare();
  }

  /** @param {import('../../rows/rows').Shape} shape */
  fields(shape) {
    const { query } = this;
    query._checkForMultirow();
    try {
      query._result._addShape(shape);
    } catch (error) {
      query._canceledDueToError = thrown(error);
    }
    query._decideOnRows();
  }

  /**
   * @param {import('../../rows/rows').Shape} _shape
   * @param {import('../../rows/rows').Batch} batch
   */
  rows(_shape, batch) {
    const { query } = this;
    if (query._canceledDueToError || this._settled) return;
    /** @type {import('./result').Row[]} */
    const rows = [];
    try {
      batch.into(rows);
    } catch (error) {
      query._canceledDueToError = thrown(error);
    }
    this._enter(() => {
      for (const row of rows) {
        query.emit('row', row, query._result);
        if (query._accumulateRows) query._result.addRow(row);
      }
    });
  }

  /**
   * @param {string | null} command
   * @param {number | null} rowCount
   * @param {number | null} oid
   */
  complete(command, rowCount, oid) {
    const { query } = this;
    query._checkForMultirow();
    query._result.command = command;
    query._result.rowCount = rowCount;
    query._result.oid = oid;
  }

  empty() {
    // A query has its result object from the start.
    return undefined;
  }

  /** @param {unknown} error */
  handleError(error) {
    if (this._settled) return;
    this._finish(error);
    this._enter(() => this.query.handleError(error));
  }

  handleReadyForQuery() {
    if (this._settled) return;
    this._finish(this.query._canceledDueToError || null);
    this._enter(() => this.query.handleReadyForQuery());
  }

  /** @param {unknown} error */
  _finish(error) {
    this._settled = true;
    if (this._timer !== undefined) clearTimeout(this._timer);
    tellSettled(this, error, this.query._results);
  }

  /** @param {() => void} body */
  _enter(body) {
    callOut(() => this._resource.runInAsyncScope(body));
  }
}

/**
 * Whether a submittable is a Query that doesn't override how messages are handled, so that the native path gives the
 * same results.
 *
 * @param {object} submittable
 * @returns {submittable is Query}
 */
function isPlainQuery(submittable) {
  return (
    submittable instanceof Query &&
    !submittable.rows &&
    !submittable.portal &&
    HANDLERS.every((name) => submittable[name] === Query.prototype[name])
  );
}

QueryRun.isPlainQuery = isPlainQuery;

module.exports = QueryRun;
