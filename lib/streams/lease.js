'use strict';

const Connection = require('../pg/client/connection');
const RawStream = require('../pg/client/raw-stream');

/** @typedef {import('../pg/client/native-connection')} NativeConnection */

/**
 * @typedef {import('../native/receiver').QueryReceiver} QueryReceiver
 * @typedef {import('../rows/rows').Batch} Batch
 * @typedef {import('../rows/rows').Shape} Shape
 */

/**
 * The native connection of a client, leased to a submittable of this package from its turn in the client's queue until
 * the server is ready for the next one. It is also the request that the binding answers; subclasses add what their
 * kind of exchange is told.
 *
 * @template {{ _returned: () => void }} H
 * @implements {QueryReceiver}
 */
class Lease {
  /**
   * @param {NativeConnection} connection what `submit` got
   * @param {H} holder gets `handleError` or `handleReadyForQuery` from the client, and `_returned` always: after a timeout the client has called `handleError` already
   */
  constructor(connection, holder) {
    this.holder = holder;
    this.core = /** @type {import('../native/addon').Connection} */ (connection.stream.client._core);
    this.submission = /** @type {import('../pg/query/submission')} */ (connection._lend());
    this.isOver = false;
    /** The connection is gone with it. */
    this.isLost = false;
    this.isPaused = false;
    /** The rest isn't wanted. */
    this.isDiscarded = false;
  }

  /**
   * @param {Connection} connection
   * @returns {connection is NativeConnection}
   */
  static isPossible(connection) {
    return (
      connection instanceof Connection &&
      connection.stream instanceof RawStream &&
      Boolean(connection.stream.client) &&
      connection.stream.client._core !== null
    );
  }

  /** Nothing is read from the server until `resume`. */
  pause() {
    if (this.isPaused || this.isDiscarded || this.isOver) return;
    this.isPaused = true;
    this.core.rawPause(true);
  }

  resume() {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.core.rawPause(false);
  }

  /** The rest isn't wanted, but it is read all the same, because the next answer is behind it. */
  discard() {
    this.isDiscarded = true;
    this.resume();
  }

  /** Has the server stop as well. The client's next query waits until that is done. */
  abandon() {
    if (this.isOver) return;
    this.discard();
    const client = /** @type {import('../pg/client/client')} */ (this.submission.owner);
    client._abandon(this.submission);
  }

  // What the binding calls. A kind of exchange takes what it is interested in.

  /** @param {Shape} _shape */
  fields(_shape) {}

  /**
   * @param {Shape} _shape
   * @param {Batch} _batch
   */
  rows(_shape, _batch) {}

  /**
   * @param {string | null} _command
   * @param {number | null} _rowCount
   * @param {number | null} _oid
   */
  complete(_command, _rowCount, _oid) {}

  empty() {}

  suspended() {}

  /** The native side has refused to send data; the server's error about it follows. */
  copyIn() {}

  /** The connection is the client's again. */
  over() {
    // What a slow reader has paused is the connection, and the next query has another reader.
    this.resume();
    this.isOver = true;
  }

  /** @param {string | null} status */
  done(status) {
    this.over();
    this.submission.finish(status);
    this.holder._returned();
  }

  /**
   * @param {Error} error
   * @param {string | null} status
   */
  fail(error, status) {
    this.isLost = status === null;
    this.over();
    this.submission.fail(error, status);
    // The client reports a lost connection later, and the holder must not take it for success before.
    this.submission.onceTold(() => this.holder._returned());
  }
}

/** @param {string} what */
function foreignConnection(what) {
  return new Error(
    `${what} of pgfleet needs a client of pgfleet, without a \`stream\` of its own; elsewhere the package of npm works.`,
  );
}

module.exports = { Lease, foreignConnection };
