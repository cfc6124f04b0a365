'use strict';

// The dashboard shows a connection with words in brackets in the place of what only the reader knows.

const PASSWORD = /^\[(?:your[-_ ]?)?(?:db[-_ ]?|database[-_ ]?)?password\]$/i;

/** A word in brackets; an address of IPv6 in brackets has colons. */
const WORD = /\[[a-z][a-z0-9_ -]*\]/i;

/**
 * @param {unknown} password
 * @returns {boolean} whether it says where a password is to be filled in
 */
function isPasswordPlaceholder(password) {
  return typeof password === 'string' && PASSWORD.test(password.trim());
}

/**
 * @param {Record<string, unknown>} parts of a connection
 * @throws {TypeError} when one of those that are no secrets has a placeholder left
 */
function checkFilledIn(parts) {
  for (const name of ['host', 'user', 'database']) {
    const [word] = WORD.exec(String(parts[name] ?? '')) ?? [];
    if (word)
      throw new TypeError(`"connectionString" still has the placeholder ${word}: put your own ${name} there`);
  }
}

module.exports = { checkFilledIn, isPasswordPlaceholder };
