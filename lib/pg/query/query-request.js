'use strict';

const { register, turn, withdraw } = require('../../native/binding');
const { thrown } = require('../../errors');
const { typeMask } = require('../../rows/rows');
const { clearTimeout } = require('../../timers');
const { changes, countsChanges, pgTypes } = require('../../rows/types');
const { callOut, rejectAtCaller } = require('../call/caller');
const { write } = require('../pool/outbox');
const { prepareValues } = require('./parameter');
const Result = require('./result');
const { tellSettled } = require('../call/settlement');
const TypeOverrides = require('./type-overrides');
const { NO_ARRAY_OF_VALUES, NO_TEXT } = require('../../texts');

// Bits of the native `flags` argument.
const EXTENDED = 1;
const BINARY = 2;
const PIPELINED = 4;
const EAGER = 8;

/**
 * @typedef {import('../../errors').PgError} PgError
 * @typedef {import('../../native/receiver').QueryReceiver} QueryReceiver
 * @typedef {import('../../rows/rows').Batch} Batch
 * @typedef {import('../../rows/rows').Shape} Shape
 * @typedef {import('../../rows/types').Types} Types
 * @typedef {import('../pool/outbox').Texts} Texts
 * @typedef {import('./query-config').Callback} Callback
 * @typedef {import('./query-config').QueryConfig} QueryConfig
 * @typedef {import('./request').QueuedRequest} QueuedRequest
 * @typedef {import('./request').RequestOwner} RequestOwner
 */

/** @typedef {(result: Result | Result[] | Promise<never>) => void} Resolve */

/**
 * One query on its way: what the binding calls back while the answer comes in. It stands in for node-postgres's Query
 * on the common path, where the difference can't be seen: no event emitter, no closure.
 *
 * @implements {QueryReceiver}
 * @implements {QueuedRequest}
 */
class QueryRequest {
  /**
   * @param {RequestOwner} owner
   * @param {string | undefined} text
   * @param {unknown[] | undefined} values
   * @param {Types | undefined} types the parsers of the owner
   */
  constructor(owner, text, values, types) {
    this.owner = owner;
    this.text = text;
    this.values = values;
    this.types = types;
    /** @type {string | undefined} */
    this.name = undefined;
    /** @type {string | undefined} */
    this.rowMode = undefined;
    this.binary = false;
    this.extended = false;
    /** @type {Resolve} there unless there is a callback, as `reject` */
    this.resolve = /** @type {never} */ (undefined);
    /** @type {(error: unknown) => void} */
    this.reject = /** @type {never} */ (undefined);
    /** @type {Callback | undefined} */
    this._callback = undefined;
    /** @type {(string | Buffer | null)[] | null} */
    this._wireValues = null;
    /** @type {Result | null} */
    this._result = null;
    /** @type {Result | Result[] | null} of a text with several statements, or what a query in pages has come to */
    this._results = null;
    /** @type {unknown} what it fails with, or false */
    this._canceledDueToError = false;
    this._settled = false;
    /** @type {NodeJS.Timeout | undefined} */
    this._timer = undefined;
    /** @type {import('../call/settlement').Onlooker[] | undefined} */
    this._onlookers = undefined;
    this._aborted = false;
    /** @type {import('../../native/receiver').RowDecoder | undefined} what makes the rows of the result set under way */
    this.decoder = undefined;
  }

  /**
   * Takes over the parts of a query configuration beyond text and values.
   *
   * @param {QueryConfig} config
   */
  configure(config) {
    if (config.types) this.types = config.types;
    this.name = config.name ? String(config.name) : undefined;
    this.rowMode = config.rowMode;
    this.binary = Boolean(config.binary);
    this.extended = config.queryMode === 'extended';
  }

  /**
   * Tracing tools replace the callback of the query they find in a client's queue, whichever way it was made.
   *
   * @returns {Callback | undefined}
   */
  get callback() {
    if (this._callback === undefined) {
      this._callback = (error, result) => {
        if (error) this._reject(error);
        else this.resolve(/** @type {Result | Result[]} */ (result));
      };
    }
    return this._callback;
  }

  set callback(callback) {
    this._callback = callback;
  }

  /**
   * Checks the query and brings its values into wire form.
   *
   * @returns {unknown} what is wrong, or null
   */
  prepare() {
    const { values } = this;
    if (typeof this.text !== 'string' && typeof this.name !== 'string') {
      return new Error(NO_TEXT);
    }
    if (!values) return null;
    if (!Array.isArray(values)) return new Error(NO_ARRAY_OF_VALUES);
    if (values.length === 0) return null;
    try {
      this._wireValues = prepareValues(values);
    } catch (error) {
      return thrown(error);
    }
    return null;
  }

  /**
   * Hands the query to the native side. `prepare` has run.
   *
   * @param {import('../../native/addon').Connection | import('../../native/addon').Pool} target
   * @param {boolean} pipelined
   * @param {number} [textNumber] by which a native pool knows the text
   */
  send(target, pipelined, textNumber = -1) {
    const { name } = this;
    const text = this.text || '';
    let values = this._wireValues;
    // Values for a query without text are not sent by node-postgres either.
    if (text === '' && !this._isExtended()) values = null;
    const flags = pipelined ? this._flags() | PIPELINED : this._flags();
    this._wireValues = null;
    // It may call the caller's code, which may throw, so it comes before anything that would have to be undone.
    const mask = typeMask(parsersOf(this.types));
    const id = register(this);
    try {
      target.query(id, text, name ?? null, values, flags, mask, textNumber);
    } catch (error) {
      withdraw(id, error);
      throw error;
    }
  }

  /**
   * Leaves the query to be handed over together with others of this turn.
   *
   * @param {import('../../native/addon').Pool} core
   * @param {Texts} texts its texts
   * @returns {boolean} false when it has to be sent by itself
   */
  post(core, texts) {
    const isPlain = Boolean(this.text) && !this.eager && parsersOf(this.types) === pgTypes;
    return isPlain && write(core, texts, this, this._flags());
  }

  _isExtended() {
    return this.extended || this.name !== undefined;
  }

  _flags() {
    let flags = this._isExtended() ? EXTENDED : 0;
    if (this.binary) flags |= BINARY;
    if (this.eager) flags |= EAGER;
    return flags;
  }

  /** @returns {string | null} what it uses that can't be pipelined, as the subject of a sentence */
  pipelineObstacle() {
    return null;
  }

  /** Whether the program looks at each row when it comes. */
  get eager() {
    return false;
  }

  // What the binding calls.

  /** @param {Shape} shape */
  fields(shape) {
    const result = this._nextResult();
    try {
      const remembered = parsersOf(this.types) === pgTypes ? recall(shape) : null;
      if (remembered !== null && remembered.parsers !== undefined) {
        result._addShape(shape, remembered.parsers);
      } else {
        result._addShape(shape);
      }
      // The parsers were looked up for the result already; without columns it has none.
      if (result._parsers === undefined) return;
      if (remembered === null || result.rowAsArray) {
        this.decoder = shape.decoderWith(result._parsers, result.rowAsArray);
        return;
      }
      if (remembered.parsers === undefined) {
        remembered.parsers = result._parsers;
        remembered.decoder = shape.decoderWith(result._parsers, false);
      }
      this.decoder = remembered.decoder;
    } catch (error) {
      this._canceledDueToError = thrown(error);
    }
  }

  /**
   * @param {Shape} shape
   * @param {Batch} batch
   */
  rows(shape, batch) {
    if (this._canceledDueToError !== false) return;
    try {
      batch.into(/** @type {Result} */ (this._result).rows);
    } catch (error) {
      this._canceledDueToError = thrown(error);
    }
  }

  /**
   * @param {string | null} command
   * @param {number | null} rowCount
   * @param {number | null} oid
   */
  complete(command, rowCount, oid) {
    const result = this._nextResult();
    result.command = command;
    result.rowCount = rowCount;
    result.oid = oid;
  }

  empty() {
    // An empty text answers with nothing else, so there has to be a result for it.
    if (this._result === null) this._nextResult();
  }

  suspended() {
    // A protocol violation: no page was asked for.
    return undefined;
  }

  copyIn() {
    // The native side has refused the copy; the server's error about it follows.
    return false;
  }

  /** @param {string | null} status */
  done(status) {
    this.owner._requestDone(this, status);
  }

  /**
   * @param {PgError} error
   * @param {string | null} status
   */
  fail(error, status) {
    this.owner._requestFailed(this, error, status);
  }

  // What the owner calls.

  /** @param {unknown} error */
  handleError(error) {
    if (this._settled) return;
    let first = error;
    if (this._canceledDueToError !== false) {
      first = this._canceledDueToError;
      this._canceledDueToError = false;
    }
    this._settle(first, undefined);
  }

  /**
   * Fails with the reason of a signal.
   *
   * @param {unknown} reason
   */
  abort(reason) {
    this._aborted = true;
    this._canceledDueToError = false;
    this.handleError(reason);
  }

  handleReadyForQuery() {
    if (this._settled) return;
    if (this._canceledDueToError !== false) this._settle(this._canceledDueToError, undefined);
    else this._settle(null, this._results || this._result || this._nextResult());
  }

  /**
   * The result that the next message belongs to: a new one when the last is complete, because then the text had
   * several statements.
   */
  _nextResult() {
    const last = this._result;
    if (last === null) {
      this._result = new Result(this.rowMode, this.types);
    } else if (last.command) {
      this._result = new Result(this.rowMode, this.types);
      if (Array.isArray(this._results)) this._results.push(this._result);
      else this._results = [last, this._result];
    }
    return /** @type {Result} */ (this._result);
  }

  /**
   * @param {unknown} error
   * @param {Result | Result[] | undefined} result
   */
  _settle(error, result) {
    this._settled = true;
    if (this._timer !== undefined) clearTimeout(this._timer);
    if (this._onlookers !== undefined) tellSettled(this, error, result);
    const callback = this._callback;
    if (callback === undefined) {
      if (error) this._reject(error);
      else this.resolve(/** @type {Result | Result[]} */ (result));
    } else if (error) {
      callOut(callback, error);
    } else {
      callOut(callback, null, result);
    }
  }

  /** @param {unknown} error */
  _reject(error) {
    // The reason of a signal is the caller's own object: its stack isn't ours to write.
    if (this._aborted) this.reject(error);
    else rejectAtCaller(this.resolve, error);
  }
}

/**
 * What pg-types's parsers are for the columns of a shape, as long as nothing is changed, or for as long as one batch is
 * walked where changes may go unseen.
 *
 * @param {Shape} shape
 * @returns {Shape['memory']}
 */
function recall(shape) {
  const { memory } = shape;
  if (memory.changes !== changes.count || (memory.batch !== turn.batches && !countsChanges())) {
    memory.batch = turn.batches;
    memory.changes = changes.count;
    memory.parsers = undefined;
  }
  return memory;
}

/**
 * The parsers without the empty layers above them, which most clients have: so they are looked up faster.
 *
 * @param {Types | undefined} types
 * @returns {Types | undefined}
 */
function parsersOf(types) {
  return types instanceof TypeOverrides ? types._asked() : types;
}

module.exports = QueryRequest;
