'use strict';

const { askPassword } = require('../pg/messages/password');
const { peerCertificate, refusalOf } = require('../pg/settings/identity-check');

/** @typedef {import('../../index').Diagnosis} Diagnosis */
/** @typedef {import('../errors').PgError} PgError */

/** One diagnosis on the native side, and what that asks of the program meanwhile. */
class DiagnosisRequest {
  /**
   * @param {import('../pg/client/client') | null} template has the password and the check of certificates; null where no
   *   settings could be made
   * @param {(diagnosis: Omit<Diagnosis, 'database'>) => void} resolve
   * @param {(error: Error) => void} reject
   */
  constructor(template, resolve, reject) {
    this._template = template;
    this._resolve = resolve;
    this._reject = reject;
    /** @type {Omit<Diagnosis, 'database'> | null} */
    this._diagnosis = null;
  }

  /** @param {Omit<Diagnosis, 'database'>} diagnosis */
  told(diagnosis) {
    this._diagnosis = diagnosis;
  }

  done() {
    // It is told before the end.
    this._resolve(/** @type {Omit<Diagnosis, 'database'>} */ (this._diagnosis));
  }

  /** @param {PgError} error */
  fail(error) {
    this._reject(error);
  }

  /** @returns {Promise<string | null>} */
  async password() {
    return this._template === null ? null : await askPassword(this._template);
  }

  /** @param {[name: string, chain: Buffer[]]} certificate */
  identity([name, chain]) {
    if (this._template === null) return;
    const error = refusalOf(this._template.ssl, name, () => peerCertificate(chain));
    if (error !== null) throw error;
  }
}

module.exports = { DiagnosisRequest };
