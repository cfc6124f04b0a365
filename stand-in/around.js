'use strict';

/**
 * Some tracers change the text of pg's classes when their files are loaded, and put calls of theirs into the methods.
 * Methods of which that is true go around ours.
 *
 * @param {Function} Ours the class that programs get
 * @param {Function} Traced a class whose methods call ours
 * @param {Function} Unchanged the same, under a name that no tracer looks for
 */
module.exports = function goAround(Ours, Traced, Unchanged) {
  for (const name of Object.getOwnPropertyNames(Unchanged.prototype)) {
    const value = Traced.prototype[name];
    if (name === 'constructor' || String(value) === String(Unchanged.prototype[name])) continue;
    Object.defineProperty(Ours.prototype, name, { configurable: true, writable: true, value });
  }
};
