'use strict';

const { register } = require('../binding');
const { typeMask } = require('../rows');
const QueryRequest = require('./query-request');

/** A script that a client runs under the native side's rules for DDL. */
class DdlRequest extends QueryRequest {
  /**
   * @param {import('./client')} client
   * @param {string} sql
   * @param {boolean} useTransaction
   */
  constructor(client, sql, useTransaction) {
    super(client, sql, undefined, client._types);
    this.useTransaction = useTransaction;
  }

  /** @param {any} connection the native one */
  send(connection) {
    connection.executeDdl(register(this), this.text, this.useTransaction, typeMask(this.types));
  }

  /**
   * @param {Error} error
   * @param {string | null} status
   */
  fail(error, status) {
    // A script that is refused was never sent, and the connection is as good as before.
    const { _core: connection } = /** @type {any} */ (this.owner);
    super.fail(error, status === null && connection.isOpen ? connection.transactionStatus : status);
  }
}

module.exports = DdlRequest;
