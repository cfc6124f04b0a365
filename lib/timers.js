'use strict';

// Node's timers as they are when this package is loaded. A test that puts fake ones in their place stops its own clock
// with them, and not the end of a connection.
//
// From the module and not from the global object: jest gives each test file a global object of its own, with fake
// timers in it from the start where it is configured so, but Node's module.

const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = require('node:timers');

// The timers that jest fakes from the start can't be taken from a module; its fakes, like sinon's, have a property
// `clock`.
const nextTick = 'clock' in process.nextTick ? setImmediate : process.nextTick;
const { queueMicrotask } = globalThis;

module.exports = {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  nextTick,
  queueMicrotask,
};
