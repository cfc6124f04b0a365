'use strict';

/**
 * Brings the argument shapes of `query(…)` into one object. The caller's object is copied, never changed; getters and
 * the prototype stay what they are.
 *
 * @param {string | Record<string, any>} config
 * @param {any[] | Function} [values]
 * @param {Function} [callback]
 * @returns {Record<string, any>}
 */
function normalizeQueryConfig(config, values, callback) {
  /** @type {any} */
  let normalized;
  if (typeof config === 'string') {
    normalized = { text: config };
  } else if (config == null) {
    normalized = config;
  } else {
    normalized = Object.create(Object.getPrototypeOf(config), Object.getOwnPropertyDescriptors(config));
  }
  if (typeof values === 'function') normalized.callback = values;
  else if (values) normalized.values = values;
  if (callback) normalized.callback = callback;
  return normalized;
}

module.exports = { normalizeQueryConfig };
