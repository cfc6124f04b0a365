'use strict';

const { EventEmitter } = require('node:events');

const { thrown } = require('../../errors');
const { nextTick } = require('../../timers');
const { pageSize } = require('../settings/option');
const { MOST_VALUES, prepareValue, tooMany } = require('./parameter');
const { normalizeQueryConfig } = require('./query-config');
const Result = require('./result');
const { leavesOutNames, refusedByPooler } = require('../client/pooling');
const { NO_ARRAY_OF_VALUES, NO_TEXT } = require('../../texts');

/**
 * @typedef {import('../client/connection')} Connection
 * @typedef {import('./query-config').Callback} Callback
 * @typedef {import('./query-config').QueryConfig} QueryConfig
 */

/**
 * A query as an object with 'row', 'end' and 'error' events, for `client.query(new Query(…))`. It can also submit
 * itself to a connection, message by message, as every submittable of node-postgres does; a client takes that way only
 * for subclasses that change how messages are handled.
 */
class Query extends EventEmitter {
  /**
   * @param {string | QueryConfig} config
   * @param {unknown[] | Callback} [values]
   * @param {Callback} [callback]
   */
  constructor(config, values, callback) {
    super();
    const { domain } = /** @type {import('../call/caller').Domained} */ (process);
    const given = normalizeQueryConfig(config, values, callback);
    this.text = given.text;
    this.values = given.values;
    this.rows = given.rows;
    this.types = given.types;
    this.name = given.name;
    this.queryMode = given.queryMode;
    this.binary = given.binary;
    this.portal = given.portal || '';
    this.callback = domain && given.callback ? domain.bind(given.callback) : given.callback;
    this._rowMode = given.rowMode;
    this._result = new Result(this._rowMode, this.types);
    /** @type {Result | Result[]} */
    this._results = this._result;
    /** @type {unknown} what it fails with, or false */
    this._canceledDueToError = false;
  }

  /** Whether the extended protocol is needed. */
  requiresPreparation() {
    if (this.queryMode === 'extended' || this.name || this.rows) return true;
    if (!this.text || !this.values) return false;
    return this.values.length > 0;
  }

  _checkForMultirow() {
    if (!this._result.command) return;
    if (!Array.isArray(this._results)) this._results = [this._result];
    this._result = new Result(this._rowMode, this._result._types);
    this._results.push(this._result);
  }

  /** @param {{ fields: import('pg-protocol/dist/messages').Field[] }} msg */
  handleRowDescription(msg) {
    this._checkForMultirow();
    try {
      this._result.addFields(msg.fields);
    } catch (error) {
      this._canceledDueToError = thrown(error);
    }
    this._decideOnRows();
  }

  /** Rows are kept for a callback, or when there is no 'row' listener. */
  _decideOnRows() {
    this._accumulateRows = Boolean(this.callback) || this.listenerCount('row') === 0;
  }

  /** @param {{ fields: import('./result').RowData }} msg */
  handleDataRow(msg) {
    if (this._canceledDueToError) return;
    let row;
    try {
      row = this._result.parseRow(msg.fields);
    } catch (error) {
      this._canceledDueToError = thrown(error);
      return;
    }
    this.emit('row', row, this._result);
    if (this._accumulateRows) this._result.addRow(row);
  }

  /**
   * @param {{ text: string }} msg
   * @param {Connection} connection
   */
  handleCommandComplete(msg, connection) {
    this._checkForMultirow();
    this._result.addCommandComplete(msg);
    // Paged rows are asked for with Flush, so a Sync is still to be sent.
    if (this.rows) connection.sync();
  }

  /** @param {Connection} connection */
  handleEmptyQuery(connection) {
    if (this.rows) connection.sync();
  }

  /**
   * @param {unknown} error
   * @param {Connection} [_connection]
   */
  handleError(error, _connection) {
    let first = error;
    if (this._canceledDueToError) {
      first = this._canceledDueToError;
      this._canceledDueToError = false;
    }
    if (this.callback) this.callback(first);
    else this.emit('error', first);
  }

  /** @param {Connection} [connection] */
  handleReadyForQuery(connection) {
    if (this._canceledDueToError) {
      this.handleError(this._canceledDueToError, connection);
      return;
    }
    if (this.callback) {
      try {
        this.callback(null, this._results);
      } catch (error) {
        nextTick(() => {
          throw error;
        });
      }
    }
    this.emit('end', this._results);
  }

  /**
   * @param {Connection} connection
   * @returns {Error | null} what keeps it from being sent
   */
  submit(connection) {
    if (typeof this.text !== 'string' && typeof this.name !== 'string') {
      return new Error(NO_TEXT);
    }
    const name = String(this.name);
    const previous = connection.parsedStatements[name] || connection.submittedNamedStatements[name];
    if (this.text && previous && this.text !== previous) {
      return new Error(
        `Prepared statements must be unique - '${this.name}' was used for a different statement`,
      );
    }
    const refusal = refusedByPooler(connection, this.text);
    if (refusal) return refusal;
    if (this.values && !Array.isArray(this.values)) return new Error(NO_ARRAY_OF_VALUES);
    if (this.values && this.values.length > MOST_VALUES) return tooMany(this.values.length);
    if (!this.requiresPreparation()) {
      connection.query(/** @type {string} */ (this.text));
      return null;
    }
    // One write for the whole group of messages.
    if (connection.stream.cork) connection.stream.cork();
    try {
      this.prepare(connection);
    } finally {
      if (connection.stream.uncork) connection.stream.uncork();
    }
    return null;
  }

  /** @param {Connection} connection */
  hasBeenParsed(connection) {
    return (
      this.name &&
      (connection.parsedStatements[this.name] !== undefined ||
        connection.submittedNamedStatements[this.name] !== undefined)
    );
  }

  /** @param {Connection} connection */
  handlePortalSuspended(connection) {
    this._getRows(connection, this.rows);
  }

  /**
   * @param {Connection} connection
   * @param {number | undefined} rows
   */
  _getRows(connection, rows) {
    connection.execute({ portal: this.portal, rows: pageSize(rows) });
    if (rows) connection.flush();
    else connection.sync();
  }

  /** @param {Connection} connection */
  prepare(connection) {
    const isNameless = leavesOutNames(connection);
    const isParsed = this.hasBeenParsed(connection);
    const name = isNameless ? undefined : this.name;
    if (isNameless && isParsed) this.text ||= connection.parsedStatements[String(this.name)];
    if (!isParsed || isNameless) connection.parse({ text: this.text, name, types: this.types });
    if (!isParsed && this.name) {
      connection.submittedNamedStatements[this.name] = /** @type {string} */ (this.text);
    }
    try {
      connection.bind({
        portal: this.portal,
        statement: name,
        values: this.values,
        binary: this.binary,
        valueMapper: prepareValue,
      });
    } catch (error) {
      // The statement was parsed already: it is closed again, and Sync brings the ReadyForQuery the client waits for.
      connection.close({ type: 'S', name });
      connection.sync();
      this.handleError(thrown(error), connection);
      return;
    }
    connection.describe({ type: 'P', name: this.portal || '' });
    this._getRows(connection, this.rows);
  }

  /** @param {Connection} connection */
  handleCopyInResponse(connection) {
    connection.sendCopyFail('No source stream defined');
  }

  handleCopyData() {
    // Data of COPY TO STDOUT has no reader here; node-postgres drops it too.
    return undefined;
  }
}

module.exports = Query;
