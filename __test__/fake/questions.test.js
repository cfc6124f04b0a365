'use strict';

const { test } = require('node:test');
const assert = require('node:assert/strict');
const { setImmediate: turn } = require('node:timers/promises');
const { fromNative } = require('../../lib/errors.js');
const { respond, withdraw } = require('../../lib/native/questions.js');

let last = 1_000_000;

/** The native side: the answers that it got, and the questions that were declined. */
function asker({ isAwaited = true, refuses = () => false } = {}) {
  const told = [];
  return {
    told,
    answer(number, value, message) {
      if (refuses(value)) throw new TypeError('an answer must be plain data');
      told.push(message === null ? { value } : { message });
      return isAwaited;
    },
    decline: () => told.push('declined'),
  };
}

/** Asks a responder's method `verify`, and gives what the native side is told. */
async function ask(responder, options, data = null) {
  const native = asker(options);
  last += 1;
  respond(native, responder, last, 'verify', data);
  await turn();
  return native.told;
}

test('a responder answers at once or by a promise, with what it was asked', async () => {
  const data = { wave: 2 };
  assert.deepEqual(await ask({ verify: (given) => given.wave === 2 }, {}, data), [{ value: true }]);
  assert.deepEqual(await ask({ verify: async ({ wave }) => [wave] }, {}, data), [{ value: [2] }]);
});

test('what a responder throws is the asker’s failure, as the very same error object', async () => {
  const error = new Error('not yet');
  const throwing = [() => Promise.reject(error), () => raise(error)];
  for (const verify of throwing) {
    assert.deepEqual(await ask({ verify }), [{ message: 'not yet' }]);
    assert.equal(fromNative({ kind: 'program', message: 'not yet', thrown: last }), error);
    const lost = fromNative({ kind: 'program', message: 'lost', thrown: last, outcome: 'unknown' });
    assert.deepEqual([lost.message, lost.cause, lost.outcome], ['lost', error, 'unknown']);
  }
  const elsewhere = fromNative({ kind: 'program', message: 'not yet', thrown: last + 1 });
  assert.deepEqual([elsewhere.message, elsewhere === error], ['not yet', false]);
});

test('any value that a responder throws is passed on as text', async () => {
  const odd = [undefined, Object.create(null), Symbol('odd')];
  for (const value of odd) {
    const [{ message }] = await ask({ verify: () => raise(value) });
    assert.equal(typeof message, 'string');
    assert.ok(fromNative({ kind: 'program', message, thrown: last }));
  }
});

test('an answer that isn’t plain data is a failure, and the asker is told', async () => {
  const verify = () => verify;
  const told = await ask({ verify }, { refuses: (value) => typeof value === 'function' });
  assert.deepEqual(told, [{ message: 'an answer must be plain data' }]);
});

test('an error that isn’t waited for isn’t kept', async () => {
  const error = new Error('late');
  await ask({ verify: () => raise(error) }, { isAwaited: false });
  assert.notEqual(fromNative({ kind: 'program', message: 'late', thrown: last }), error);
});

test('a question is declined without a responder, or with one that cannot answer it', async () => {
  assert.deepEqual(await ask(undefined), ['declined']);
  assert.deepEqual(await ask({}), ['declined']);
});

test('a question that is withdrawn aborts its signal, also one that is looked at later', async () => {
  let question;
  const signals = [];
  const verify = (_, given) => {
    question = given;
    signals.push(given.signal);
    return new Promise(() => {});
  };
  await ask({ verify });
  assert.equal(signals[0].aborted, false);
  withdraw(last);
  assert.equal(signals[0].aborted, true);
  const late = (_, given) => {
    question = given;
    return new Promise(() => {});
  };
  await ask({ verify: late });
  withdraw(last);
  assert.equal(question.signal.aborted, true);
  withdraw(last);
});

function raise(error) {
  throw error;
}
