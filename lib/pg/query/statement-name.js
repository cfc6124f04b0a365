'use strict';

// NAMEDATALEN - 1: the server cuts names behind it, and so takes two that begin alike for one.
const LONGEST_NAME = 63;

/**
 * Says what node-postgres says when it prepares a statement with a name that is too long.
 *
 * @param {string} name
 */
function warnOfLongName(name) {
  if (name.length <= LONGEST_NAME) return;
  console.error('Warning! Postgres only supports 63 characters for query names.');
  console.error('You supplied %s (%s)', name, name.length);
  console.error('This can cause conflicts and silent errors executing queries');
}

module.exports = { LONGEST_NAME, warnOfLongName };
