'use strict';

const fs = require('node:fs');

const { lacksDescriptors, thrown } = require('../../errors');
const { NO_PASSWORD } = require('../../texts');

/**
 * Finds the password for a client that has none as plain text: asks its function, or looks into the password file.
 *
 * @param {{ password: unknown, connectionParameters: import('../settings/connection-parameters') }} client
 * @param {(error: unknown, password: string | null) => void} answer called once
 */
function findPassword(client, answer) {
  const { connectionParameters } = client;
  if (typeof client.password === 'function') {
    const ask = client.password;
    Promise.resolve()
      .then(() => ask.call(client, connectionParameters))
      .then((password) => {
        if (password !== undefined && typeof password !== 'string') throw new TypeError(NO_PASSWORD);
        return password === undefined ? null : password;
      })
      .then(
        (password) => answer(null, password),
        (error) => answer(thrown(error), null),
      );
    return;
  }
  try {
    require('pgpass')(connectionParameters, (/** @type {string | undefined} */ password) => {
      if (password === undefined) checkPasswordFile((error) => answer(error, null));
      else answer(null, password);
    });
  } catch (error) {
    answer(advised(error), null);
  }
}

/**
 * As `findPassword`, as a promise.
 *
 * @param {{ password: unknown, connectionParameters: import('../settings/connection-parameters') }} client
 * @returns {Promise<string | null>}
 */
function askPassword(client) {
  return new Promise((resolve, reject) => {
    findPassword(client, (error, password) => {
      if (error) reject(error);
      else resolve(password);
    });
  });
}

/**
 * Tells a password file that couldn't be opened, for want of a file descriptor, from one without the password: pgpass
 * doesn't.
 *
 * @param {(error: Error | null) => void} answer
 */
function checkPasswordFile(answer) {
  fs.open(require('pgpass/lib/helper').getFileName(), (error, file) => {
    if (error === null) fs.close(file, () => answer(null));
    else answer(lacksDescriptors(error) ? advised(error) : null);
  });
}

/**
 * @template T
 * @param {T} error
 * @returns {T} that says what to do, as the native side's
 */
function advised(error) {
  if (lacksDescriptors(error)) {
    const failure = /** @type {Error} */ (error);
    failure.message += '; raise the limit of open files (ulimit -n), or use fewer connections';
  }
  return error;
}

module.exports = { askPassword, findPassword };
