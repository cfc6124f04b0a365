'use strict';

// How often V8 has to see a function before it caches what the loads in it find, on which all of this rests.
const WARM_UPS = 16;

/**
 * Has V8 look an object's properties up by their places again. It gives that up when one of them is redefined as an
 * accessor, and takes it up for whatever another object inherits from, as soon as something is looked up there.
 *
 * A pool's queries read some twenty properties of the pool and its options each (decision 0018).
 *
 * @param {object} object
 */
function quickenLookup(object) {
  lookUp(Object.create(object));
}

/** @param {{ somethingThatIsNotThere?: undefined }} heir */
function lookUp(heir) {
  return heir.somethingThatIsNotThere;
}

for (let i = 0; i < WARM_UPS; i += 1) quickenLookup({});

module.exports = { quickenLookup };
