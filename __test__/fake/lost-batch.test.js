'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const addon = require('../../native.js');
const timers = require('../../lib/timers.js');

const DONE = 9;
const FAILED = 10;
const COMPLETE = 5;
const LOST = -2;
const LATER = -1;
const ASKED = -2;
const IDLE = 'I'.charCodeAt(0);

/**
 * lib/native/binding.js on an addon of which nothing but the drain is called, by the test.
 *
 * @param {(call: () => void) => void} [nextTick]
 */
function bindingWithDrain(nextTick = timers.nextTick) {
  let given;
  class Environment {
    constructor(drain, ints) {
      given = { drain, ints };
    }

    openPool() {}
  }
  const keptAddon = () => ({ ...addon, layout: addon.layout, Environment });
  const instead = {
    'native/kept-addon': { keptAddon },
    timers: { ...timers, nextTick },
    'native/binding': undefined,
  };
  const known = new Map();
  for (const [name, exports] of Object.entries(instead)) {
    const file = require.resolve(`../../lib/${name}.js`);
    known.set(file, require.cache[file]);
    if (exports === undefined) delete require.cache[file];
    else require.cache[file] = { ...require.cache[file], exports };
  }
  try {
    const binding = require('../../lib/native/binding.js');
    binding.native.openPool({}, {});
    return { binding, ...given };
  } finally {
    for (const [file, module] of known) {
      if (module === undefined) delete require.cache[file];
      else require.cache[file] = module;
    }
  }
}

class Request {
  constructor() {
    this.told = [];
  }

  complete(command) {
    this.told.push(command);
  }

  done() {
    this.told.push('done');
  }

  fail(error, status) {
    this.told.push([error.message, status]);
  }
}

test('requests are rejected whose batch could not be handed over, and all others go on', () => {
  const thrown = [];
  const { binding, drain, ints } = bindingWithDrain((call) => thrown.push(call));
  const requests = Array.from({ length: 5 }, () => new Request());
  const [ended, failing, goingOn, other, asked] = requests.map((request) => binding.register(request));
  requests[1].fail = () => {
    throw new Error('thrown by one handler');
  };
  const notices = [];
  binding.connections.set(7, { notice: (...parts) => notices.push(parts) });
  const records = (...all) => {
    ints.set(all.flat());
    drain(all.flat().length);
  };
  const failure = { kind: 'protocol', message: 'lost' };
  const addressees = [failing, IDLE, ended, IDLE, goingOn, LATER, asked, ASKED];
  drain(LOST, addressees, failure, [['notice', 7, 'MHello\0', 12]]);
  assert.deepEqual(requests[2].told, []);
  assert.deepEqual(requests[4].told, [['lost', null]]);
  records([COMPLETE, goingOn, 0, -1, -1], [DONE, goingOn, IDLE], [DONE, other, IDLE], [DONE, asked, IDLE]);
  assert.equal(thrown.length, 1);
  assert.throws(thrown[0], /thrown by one handler/);
  assert.deepEqual(requests[0].told, [['lost', 'I']]);
  assert.deepEqual(requests[2].told, [['lost', 'I']]);
  assert.deepEqual(requests[3].told, ['done']);
  assert.deepEqual(requests[4].told, [['lost', null]]);
  assert.deepEqual(notices, [['MHello\0', 12]]);
  assert.equal(binding.underWay(), 0);
});

test('a request that failed by itself is told its own error', () => {
  const { binding, drain, ints } = bindingWithDrain();
  const request = new Request();
  ints.set([FAILED, binding.register(request), 0]);
  const error = { kind: 'closed', message: 'its own' };
  drain(3, undefined, undefined, undefined, undefined, undefined, undefined, [error]);
  assert.deepEqual(request.told, [['its own', null]]);
});

test('a request whose call has failed inside of the addon is over, and its late answer reaches no other request', () => {
  const { binding, drain, ints } = bindingWithDrain();
  const given = [];
  const failing = (code) => (id) => {
    given.push(id);
    throw Object.assign(new Error('no'), { code });
  };
  const [failed, refused, next] = [new Request(), new Request(), new Request()];
  assert.throws(() => binding.start(failed, failing('GenericFailure')), { message: 'no' });
  assert.throws(() => binding.start(refused, failing('InvalidArg')), { message: 'no' });
  given.push(binding.start(next, () => undefined));
  assert.notEqual(given[0], given[1]);
  assert.equal(given[1], given[2], 'what was refused is never answered');
  ints.set([COMPLETE, given[0], 0, -1, -1, DONE, given[0], IDLE, DONE, given[2], IDLE]);
  drain(11);
  assert.deepEqual([failed.told, refused.told, next.told], [[], [], ['done']]);
  assert.equal(binding.underWay(), 0);
});
