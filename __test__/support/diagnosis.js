'use strict';

// Diagnoses of one configuration each, in which no secret may stand.

const assert = require('node:assert/strict');

/** @typedef {import('../../index').Diagnosis} Diagnosis */

/**
 * @param {Record<string, unknown>} config
 * @param {{ maxAuthAttempts?: number, timeout?: number }} [options]
 * @returns {Promise<Diagnosis>}
 */
async function diagnose(config, options) {
  const { DatabaseManager } = require('../..');
  const manager = new DatabaseManager();
  try {
    await manager.addDatabase('it', config);
    const [diagnosis] = await manager.diagnose(options);
    assertNoSecret(diagnosis, config.password);
    return diagnosis;
  } finally {
    await manager.close();
  }
}

/** @param {Diagnosis} diagnosis @param {unknown} secret */
function assertNoSecret(diagnosis, secret) {
  if (typeof secret !== 'string' || secret.length < 6) return;
  assert.ok(!JSON.stringify(diagnosis).includes(secret), 'the password is told');
}

/**
 * @param {Diagnosis} diagnosis
 * @param {string} cause
 * @param {string} check the one that fails
 * @param {number} authAttempts
 */
function assertFails(diagnosis, cause, check, authAttempts) {
  const failed = diagnosis.checks.filter(({ state }) => state === 'failed').map(({ name }) => name);
  assert.deepEqual(
    { ok: diagnosis.ok, cause: diagnosis.cause, failed, authAttempts: diagnosis.authAttempts },
    { ok: false, cause, failed: [check], authAttempts },
    JSON.stringify(diagnosis, null, 1),
  );
  const at = diagnosis.checks.findIndex(({ state }) => state === 'failed');
  assert.ok(diagnosis.checks.slice(at + 1).every(({ state }) => state === 'skipped'));
  assert.notEqual(diagnosis.message, '');
  assert.notEqual(diagnosis.remedy, '');
  assert.notEqual(diagnosis.evidence.length, 0);
}

/** @param {Diagnosis} diagnosis @param {number} authAttempts */
function assertWorks(diagnosis, authAttempts) {
  const { ok, authAttempts: sent } = diagnosis;
  assert.deepEqual([ok, sent], [true, authAttempts], JSON.stringify(diagnosis, null, 1));
}

/** The names of the checks, in their order. */
const CHECKS = [
  'configuration',
  'resolve',
  'connect',
  'ssl-request',
  'tls',
  'startup',
  'authentication',
  'session',
];

module.exports = { CHECKS, assertFails, assertNoSecret, assertWorks, diagnose };
