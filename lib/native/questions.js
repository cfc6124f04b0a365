'use strict';

const { keepThrown, messageOf, thrown } = require('../errors');

// Questions of the native side, which a responder here answers, at once or by a promise. A responder is the object that
// the tables of lib/native/binding.js have for the asking connection, pool or request; the question names its method.

/**
 * What a responder may want to know of a question, besides its data.
 */
class Question {
  constructor() {
    /** @type {AbortController | null} */
    this._controller = null;
    this._isWithdrawn = false;
  }

  /**
   * Aborted when the answer isn't wanted any more: the work that asked was stopped, or its time limit has passed.
   *
   * @returns {AbortSignal}
   */
  get signal() {
    if (this._controller === null) {
      this._controller = new AbortController();
      if (this._isWithdrawn) this._controller.abort();
    }
    return this._controller.signal;
  }

  _withdraw() {
    this._isWithdrawn = true;
    if (this._controller !== null) this._controller.abort();
  }
}

/** @type {Map<number, Question>} those that aren't answered yet */
const open = new Map();

/**
 * Has a responder answer a question. What it returns, or its promise comes to, is the answer: null, booleans, numbers,
 * strings, Buffers, and arrays and objects of these. If it throws, the work that asked fails, and on this thread with
 * the very same error object.
 *
 * @param {{ answer(number: number, value: unknown, message: string | null): boolean, decline(number: number): void }} asker
 * @param {unknown} responder
 * @param {number} number of the question
 * @param {string} name of the responder's method
 * @param {unknown} data
 */
function respond(asker, responder, number, name, data) {
  const methods = /** @type {Record<string, unknown> | undefined} */ (responder);
  const method = methods?.[name];
  if (typeof method !== 'function') {
    asker.decline(number);
    return;
  }
  const question = new Question();
  open.set(number, question);
  new Promise((resolve) => resolve(method.call(responder, data, question)))
    .then((value) => asker.answer(number, value, null))
    .catch((/** @type {unknown} */ reason) => {
      const error = thrown(reason);
      if (asker.answer(number, null, messageOf(error))) keepThrown(number, error);
    })
    // The addon has failed inside, and there is no other answer.
    .catch(() => asker.decline(number))
    .finally(() => open.delete(number));
}

/** @param {number} number of a question that needs no answer any more */
function withdraw(number) {
  const question = open.get(number);
  open.delete(number);
  if (question !== undefined) question._withdraw();
}

module.exports = { respond, withdraw };
