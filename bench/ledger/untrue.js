'use strict';

/** A caller was told what isn't so. */
class Untrue extends Error {}

/** @param {boolean} isSo @param {string} what */
function mustBe(isSo, what) {
  if (!isSo) throw new Untrue(what);
}

module.exports = { Untrue, mustBe };
