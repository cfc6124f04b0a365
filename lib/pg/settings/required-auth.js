'use strict';

const { isGiven, shown } = require('./option');

const METHODS = ['password', 'md5', 'gss', 'sspi', 'scram-sha-256', 'oauth', 'none'];

/**
 * libpq's `require_auth`: a list of methods, or of methods that are not wanted, each behind a `!`.
 *
 * @param {unknown} value
 * @returns {{ text: string, allowed: string[] } | null} null when everything is allowed
 * @throws {TypeError} in libpq's words
 */
function requiredAuth(value) {
  if (!isGiven(value)) return null;
  if (typeof value !== 'string') {
    throw new TypeError(`"require_auth" must be a string, got ${shown(value)}`);
  }
  const given = value.split(',');
  const isNegative = given[0].startsWith('!');
  const methods = given.map((method) => {
    if (isNegative !== method.startsWith('!')) {
      const others = isNegative ? 'negative' : 'non-negative';
      const kind = isNegative ? '' : 'negative ';
      throw new TypeError(
        `${kind}require_auth method ${shown(method)} cannot be mixed with ${others} methods`,
      );
    }
    return isNegative ? method.slice(1) : method;
  });
  for (const [i, method] of methods.entries()) {
    if (!METHODS.includes(method)) throw new TypeError(`invalid require_auth value: ${shown(method)}`);
    if (methods.indexOf(method) !== i) {
      throw new TypeError(`require_auth method ${shown(given[i])} is specified more than once`);
    }
  }
  return {
    text: value,
    allowed: isNegative ? METHODS.filter((method) => !methods.includes(method)) : methods,
  };
}

module.exports = { requiredAuth };
