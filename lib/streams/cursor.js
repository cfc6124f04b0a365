'use strict';

const { EventEmitter } = require('node:events');

const { start } = require('../native/binding');
const { thrown } = require('../errors');
const { callOut, rejectAtCaller } = require('../pg/call/caller');
const { pageSize } = require('../pg/settings/option');
const { prepareValues } = require('../pg/query/parameter');
const Result = require('../pg/query/result');
const { hide } = require('../pg/settings/secret');
const { typeMask } = require('../rows/rows');
const { nextTick, setImmediate } = require('../timers');
const { Lease, foreignConnection } = require('./lease');

/** Portals are numbered anew after so many. */
const MOST_PORTALS = 2 ** 31 - 1;

let portals = 0;

/**
 * @typedef {import('../rows/rows').Batch} Batch
 * @typedef {import('../rows/rows').Shape} Shape
 * @typedef {import('../rows/types').Types} Types
 * @typedef {import('../pg/client/connection')} Connection
 */

/** @typedef {(error: unknown, rows?: unknown[], result?: Result) => void} ReadCallback */

/** @typedef {(error?: unknown) => void} CloseCallback */

/**
 * The portal of a cursor, as the binding answers it.
 *
 * @extends {Lease<Cursor>}
 */
class Portal extends Lease {
  /**
   * @param {import('../pg/client/native-connection')} connection
   * @param {Cursor} cursor
   */
  constructor(connection, cursor) {
    super(connection, cursor);
    this.types = cursor._result._types;
    this.rowMode = cursor._conf.rowMode;
    /** @type {import('../native/receiver').RowDecoder | undefined} */
    this.decoder = undefined;
    portals = (portals + 1) % MOST_PORTALS;
    const portal = `cursor_${portals}`;
    const mask = typeMask(this.types);
    start(this, (id) => this.core.cursorOpen(id, cursor.text, portal, cursor.values, 0, mask));
  }

  /** @param {Shape} shape */
  fields(shape) {
    this.holder._result._addShape(shape);
  }

  /**
   * @param {Shape} _shape
   * @param {Batch} batch
   */
  rows(_shape, batch) {
    this.holder._take(batch);
  }

  /**
   * @param {string | null} command
   * @param {number | null} rowCount
   * @param {number | null} oid
   */
  complete(command, rowCount, oid) {
    const { _result: result } = this.holder;
    result.command = command;
    result.rowCount = rowCount;
    result.oid = oid;
  }

  suspended() {
    this.holder._pageEnded();
  }
}

/**
 * The rows of a query in pages, with the API and the events of npm's pg-cursor. One page is under way at a time; reads
 * that come meanwhile wait.
 */
class Cursor extends EventEmitter {
  /**
   * @param {string} text
   * @param {unknown[] | null} [values]
   * @param {{ rowMode?: 'array', types?: Types, Promise?: PromiseConstructor }} [config]
   */
  constructor(text, values, config) {
    super();
    this.text = text;
    this.values = values ? prepareValues(values) : null;
    /** @type {Connection | null} */
    this.connection = null;
    /** @type {'initialized' | 'idle' | 'busy' | 'error' | 'done'} */
    this.state = 'initialized';
    this._conf = config || {};
    // The client puts its own parsers here when the cursor has none.
    this._result = new Result(this._conf.rowMode, this._conf.types);
    /** @type {Portal | null} */
    this._portal = null;
    /** @type {{ rows: number, callback: ReadCallback }[]} reads that wait */
    this._queue = [];
    /** @type {ReadCallback | null} whose page is under way */
    this._reader = null;
    /** @type {unknown[]} */
    this._rows = [];
    /** @type {unknown} why it has failed, or null */
    this._error = null;
    /** @type {CloseCallback[]} */
    this._closers = [];
    /** @type {import('../pg/query/query-config').Callback | undefined} told of the end, if the client was given one */
    this.callback = undefined;
    hide(this, 'callback');
  }

  /** For a pool: the reader gets its failure. */
  get _tellsFailure() {
    return true;
  }

  /**
   * For the client: its turn has come.
   *
   * @param {Connection} connection
   * @returns {Error | undefined}
   */
  submit(connection) {
    if (this.state === 'done') return new Error('The cursor was closed before its turn came');
    if (!Lease.isPossible(connection)) return foreignConnection('A Cursor');
    this.connection = connection;
    this._portal = new Portal(connection, this);
    this.state = 'idle';
    this._next();
    return undefined;
  }

  /**
   * @param {number} rows the most rows of this page
   * @param {ReadCallback} [callback]
   * @returns {Promise<unknown[]> | undefined}
   */
  read(rows, callback) {
    if (callback) {
      this._read(rows, callback);
      return undefined;
    }
    const promised = this._conf.Promise || Promise;
    return new promised((resolve) => {
      this._read(rows, (error, page) => {
        if (error) rejectAtCaller(resolve, error);
        else resolve(/** @type {unknown[]} */ (page));
      });
    });
  }

  /**
   * @param {number} rows
   * @param {ReadCallback} callback
   */
  _read(rows, callback) {
    if (this.state === 'error') {
      nextTick(() => callback(this._error));
    } else if (this.state === 'done') {
      nextTick(() => callback(null, []));
    } else {
      let size;
      try {
        size = pageSize(rows);
      } catch (error) {
        nextTick(() => callback(error));
        return;
      }
      this._queue.push({ rows: size, callback });
      if (this.state === 'idle') this._next();
    }
  }

  /** Asks for the next page that a read waits for. */
  _next() {
    const next = this._queue.shift();
    if (next === undefined) return;
    this.state = 'busy';
    this._reader = next.callback;
    /** @type {Portal} */ (this._portal).core.cursorRead(next.rows);
  }

  /** @param {Batch} batch */
  _take(batch) {
    if (this._error !== null) return;
    const { _rows: rows } = this;
    const before = rows.length;
    try {
      batch.into(rows);
    } catch (error) {
      // A parser of the caller's. The exchange ends when the server knows that the rest isn't wanted.
      this._error = thrown(error);
      /** @type {Portal} */ (this._portal).core.cursorClose();
    }
    if (this.listenerCount('row') === 0) return;
    for (let i = before; i < rows.length; i++) callOut(() => this.emit('row', rows[i], this._result));
  }

  /** The page is full, and there may be more. */
  _pageEnded() {
    if (this._error !== null) return;
    if (this.state === 'busy') this.state = 'idle';
    this._givePage();
    if (this.state === 'idle') this._next();
  }

  _givePage() {
    const reader = this._reader;
    const rows = this._rows;
    this._reader = null;
    this._rows = [];
    if (reader === null) return;
    this._result.rows = rows;
    callOut(reader, null, rows, this._result);
  }

  /**
   * Ends the query on the server, read to its end or not. Pages that were asked for and not yet begun are empty.
   *
   * @param {CloseCallback} [callback]
   * @returns {Promise<void> | undefined}
   */
  close(callback) {
    if (callback) {
      this._close(callback);
      return undefined;
    }
    const promised = this._conf.Promise || Promise;
    return new promised((resolve) => {
      this._close((error) => {
        if (error) rejectAtCaller(resolve, error);
        else resolve(undefined);
      });
    });
  }

  /** @param {CloseCallback} callback */
  _close(callback) {
    const portal = this._portal;
    if (portal === null || portal.isOver) {
      if (this.state !== 'error') this.state = 'done';
      // As in pg-cursor: everything else that waits for the client learns of its end before a stream does.
      setImmediate(() => callback());
      this._emptyQueue();
      return;
    }
    this._closers.push(callback);
    if (this.state === 'done') return;
    this.state = 'done';
    this._emptyQueue();
    portal.core.cursorClose();
  }

  _emptyQueue() {
    for (const { callback } of this._queue.splice(0)) nextTick(() => callback(null, []));
  }

  /**
   * For the client: the server is ready for the next query.
   *
   * @param {Connection} [_connection]
   */
  handleReadyForQuery(_connection) {
    if (this._error !== null) {
      this.handleError(this._error);
      return;
    }
    this.state = 'done';
    callOut(() => this.emit('end', this._result));
    this._tellCallback(null);
    this._givePage();
    this._emptyQueue();
  }

  /**
   * For the client: the query failed.
   *
   * @param {unknown} error
   * @param {Connection} [_connection]
   */
  handleError(error, _connection) {
    const wasClosing = this.state === 'done';
    const waiting = this._queue.splice(0).map((read) => read.callback);
    if (this._reader !== null) waiting.unshift(this._reader);
    this._reader = null;
    this._rows = [];
    this._error = this._error || error;
    if (!wasClosing) this.state = 'error';
    for (const callback of waiting) callOut(callback, this._error);
    if (!wasClosing && this.listenerCount('error') > 0) callOut(() => this.emit('error', this._error));
    this._tellCallback(wasClosing ? null : this._error);
  }

  /** @param {unknown} error */
  _tellCallback(error) {
    const { callback } = this;
    this.callback = undefined;
    if (callback === undefined) return;
    if (error) callOut(callback, error);
    else callOut(callback, null, this._result);
  }

  /** Closed in any case; but with an error if the connection is gone. */
  _returned() {
    const failure = /** @type {Portal} */ (this._portal).isLost ? this._error : undefined;
    for (const closer of this._closers.splice(0)) callOut(closer, failure);
  }

  /**
   * Closes the cursor and then the client.
   *
   * @deprecated call `end` of the client
   * @param {() => void} [callback]
   */
  end(callback) {
    this.close(() => {
      if (this.connection === null) {
        if (callback) callback();
        return;
      }
      if (callback) this.connection.once('end', callback);
      this.connection.end();
    });
  }
}

module.exports = Cursor;
