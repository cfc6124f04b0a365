'use strict';

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
        (error) => answer(error, null),
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

module.exports = { findPassword };
