'use strict';

const { thrown } = require('../errors');

/**
 * Finds the password for a client that has none as plain text: asks its function, or looks into the password file.
 *
 * @param {{ password: any, connectionParameters: import('./connection-parameters') }} client
 * @param {(error: Error | null, password: string | null) => void} answer called once
 */
function findPassword(client, answer) {
  const { connectionParameters } = client;
  if (typeof client.password === 'function') {
    const ask = client.password;
    Promise.resolve()
      .then(() => ask.call(client, connectionParameters))
      .then((password) => {
        if (password !== undefined && typeof password !== 'string')
          throw new TypeError('Password must be a string');
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
      answer(null, password === undefined ? null : password);
    });
  } catch (error) {
    answer(/** @type {Error} */ (error), null);
  }
}

/**
 * What the native side is told of a failure, and the failure is known by again.
 *
 * @param {any} error whatever the password function has thrown
 * @returns {string}
 */
function messageOf(error) {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'the password function failed';
  }
}

module.exports = { findPassword, messageOf };
