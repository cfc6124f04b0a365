'use strict';

const { Readable } = require('node:stream');
const { setImmediate } = require('../timers');

const Cursor = require('./cursor');

/** Rows that are fetched at a time unless the caller says otherwise, as in pg-query-stream. */
const BATCH_SIZE = 100;

/** @typedef {import('../pg/client/connection')} Connection */

/** The rows of a query as a stream of objects, with the API of npm's pg-query-stream. */
class QueryStream extends Readable {
  /**
   * @param {string} text
   * @param {unknown[] | null} [values]
   * @param {{ batchSize?: number, highWaterMark?: number, rowMode?: 'array', types?: import('../rows/types').Types }} [config]
   */
  constructor(text, values, config = {}) {
    const { batchSize, highWaterMark = BATCH_SIZE } = config;
    super({ objectMode: true, autoDestroy: true, highWaterMark: batchSize || highWaterMark });
    this.cursor = new Cursor(text, values, config);
    // The client puts its own parsers here.
    this._result = this.cursor._result;
    /** @type {import('../pg/query/query-config').Callback | undefined} told of the end, if the client was given one */
    this.callback = undefined;
    this.cursor.callback = (error, result) => {
      if (this.callback) this.callback(error, result);
    };
  }

  get text() {
    return this.cursor.text;
  }

  get values() {
    return this.cursor.values;
  }

  /**
   * For the client: its turn has come.
   *
   * @param {Connection} connection
   */
  submit(connection) {
    return this.cursor.submit(connection);
  }

  /**
   * @param {unknown} error
   * @param {Connection} connection
   */
  handleError(error, connection) {
    // A pending read gets it, and so does the callback. Otherwise it becomes an error of the stream as soon as there is
    // a listener or a read.
    const isTold =
      this.cursor._reader !== null || this.cursor._queue.length > 0 || this.callback !== undefined;
    this.cursor.handleError(error, connection);
    if (!isTold && this.listenerCount('error') > 0) this.destroy(/** @type {Error} */ (error));
  }

  /** @param {Connection} connection */
  handleReadyForQuery(connection) {
    this.cursor.handleReadyForQuery(connection);
  }

  /**
   * @param {number} size rows
   */
  _read(size) {
    this.cursor.read(size, (error, page) => {
      const isLast = Boolean(error) || this.cursor.state === 'done';
      // Code that awaits the promise of a pool's query adds its listeners when that is settled.
      if (isLast && this.callback) setImmediate(() => this._take(error, page, true));
      else this._take(error, page, isLast);
    });
  }

  /**
   * @param {unknown} error
   * @param {unknown[] | undefined} page
   * @param {boolean} isLast
   */
  _take(error, page, isLast) {
    if (error) {
      this.destroy(/** @type {Error} */ (error));
      return;
    }
    const rows = /** @type {unknown[]} */ (page);
    for (let i = 0; i < rows.length; i++) this.push(rows[i]);
    if (isLast) this.push(null);
    // Without a push the stream would not read again.
    else if (rows.length === 0) this._read(this.readableHighWaterMark);
  }

  /**
   * @param {Error | null} error
   * @param {(error?: Error | null) => void} callback
   */
  _destroy(error, callback) {
    this.cursor.close((failure) => callback(error || /** @type {Error | undefined} */ (failure)));
  }
}

module.exports = QueryStream;
