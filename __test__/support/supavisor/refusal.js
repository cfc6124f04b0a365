'use strict';

const { errorFields } = require('./error-table.js');

/** Ends a client's connection with an error. */
class Refusal extends Error {
  /**
   * @param {string} code what the ledger calls it
   * @param {Record<string, string>} fields of the ErrorResponse, by their letters
   * @param {{ isDelayed?: boolean }} [how] `isDelayed`: told only after a while
   */
  constructor(code, fields, { isDelayed = false } = {}) {
    super(fields.M);
    this.code = code;
    this.fields = fields;
    this.isDelayed = isDelayed;
  }

  /** One of Supavisor's own errors. */
  static of(code, of = {}, { older = false, isDelayed = false } = {}) {
    return new Refusal(code, errorFields(code, of, { older }), { isDelayed });
  }

  /** What a test's own `refuse` wants to be answered, under the code in its text or its SQLSTATE. */
  static from(fields) {
    const whole = { S: 'FATAL', V: 'FATAL', C: 'XX000', M: 'refused', ...fields };
    return new Refusal(/^\((\w+)\)/.exec(whole.M)?.[1] ?? whole.C, whole);
  }
}

/** The client isn't there any more. */
class ClientLeft extends Error {
  /** @param {string} outcome for the ledger */
  constructor(outcome) {
    super('The client left');
    this.outcome = outcome;
  }
}

module.exports = { ClientLeft, Refusal };
