'use strict';

const { outbox, register } = require('../../native/binding');
const { changes, pgTypes, typeMask } = require('../../rows/types');

// While many queries are under way, a native call for each costs more than the query. So they are written into two
// typed arrays, as src/node/outbox.rs reads them, and one call hands over all of one turn. Queries that are handed over
// late would have waited behind others in any case.

let { words, bytes } = outbox;

const OWNER = 0;
const COUNT = 1;
const MASK = 2;
const HEAD = 3;
// Numbers of a record before the lengths of its values.
const RECORD = 5;
const NULL = -1;

/** So many queries are handed over without waiting for the rest of the turn. */
const FULL = 32;
const MOST_VALUES = 32;
/** Queries with longer values are handed over by themselves. */
const LONGEST_VALUE = 256;
/** There is room for one more query of the largest kind below these. */
const MOST_WORDS = outbox.wordCount - RECORD - MOST_VALUES;
const MOST_BYTES = outbox.byteCount - MOST_VALUES * LONGEST_VALUE;

/** Texts that a pool has numbers for at a time. */
const MOST_TEXTS = 1024;
/** Longer texts get none. */
const LONGEST_TEXT = 4 * 1024;

const ASCII_END = 0x80;

/** @type {{ flush(): void } | null} the native pool whose queries are written down */
let owner = null;
let nextWord = HEAD;
let nextByte = 0;
/** What pg-types's parsers were when the first of them was written. */
let parsers = 0;

const turnEnd = Promise.resolve();

/** Hands over what is written down. */
function flush() {
  if (words[COUNT] > 0) /** @type {{ flush(): void }} */ (owner).flush();
  // A pool that the program drops can be collected then.
  owner = null;
}

/** The numbers by which a native pool knows texts. A text gets one when it comes for the second time. */
class Texts {
  /** @param {{ learnText(text: string, anew: boolean): void }} core */
  constructor(core) {
    ({ words, bytes } = outbox);
    this.core = core;
    /** @type {Map<string, number>} -1 for what came once */
    this.numbers = new Map();
    this.next = 0;
    this.anew = false;
  }

  /**
   * @param {string} text
   * @returns {number} below 0 when it has none
   */
  numberOf(text) {
    const number = this.numbers.get(text);
    if (number !== undefined && number >= 0) return number;
    return this._meet(text, number === undefined);
  }

  /**
   * @param {string} text one that goes by itself
   * @returns {number} below 0 when it has none
   */
  knownNumberOf(text) {
    const number = this.numbers.get(text);
    return number === undefined ? -1 : number;
  }

  /**
   * @param {string} text
   * @param {boolean} isNew
   */
  _meet(text, isNew) {
    if (text.length > LONGEST_TEXT) return -1;
    if (this.numbers.size >= MOST_TEXTS) {
      this.numbers.clear();
      this.next = 0;
      this.anew = true;
      return -1;
    }
    if (isNew) {
      this.numbers.set(text, -1);
      return -1;
    }
    const number = this.next++;
    this.core.learnText(text, this.anew);
    this.anew = false;
    this.numbers.set(text, number);
    return number;
  }
}

/**
 * Writes a value down.
 *
 * @param {string} value
 * @param {number} start
 * @returns {boolean} false when it has to go another way
 */
function writeAscii(value, start) {
  const { length } = value;
  if (length > LONGEST_VALUE) return false;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if (code >= ASCII_END) return false;
    bytes[start + i] = code;
  }
  return true;
}

/**
 * Writes a query down for a pool. `prepare` has run.
 *
 * @param {{ id: number, flush(): void }} core the native pool
 * @param {Texts} texts its texts
 * @param {import('../query/query-request')} request
 * @param {number} flags
 * @returns {boolean} false when it has to go by itself: for what it holds, or because it came for the first time
 */
function write(core, texts, request, flags) {
  const { name } = request;
  const values = request._wireValues;
  const count = values === null ? 0 : values.length;
  if (count > MOST_VALUES) return false;
  const text = texts.numberOf(/** @type {string} */ (request.text));
  if (text < 0) return false;
  const nameNumber = name === undefined ? NULL : texts.numberOf(name);
  if (nameNumber < 0 && name !== undefined) return false;

  if (words[COUNT] > 0) {
    const isOfAnother = owner !== core || parsers !== changes.count;
    if (isOfAnother || nextWord > MOST_WORDS || nextByte > MOST_BYTES) flush();
  }
  const isFirst = words[COUNT] === 0;
  let word = isFirst ? HEAD : nextWord;
  let byte = isFirst ? 0 : nextByte;
  const head = word;
  word += RECORD;
  for (let i = 0; i < count; i++) {
    const value = /** @type {(string | Buffer | null)[]} */ (values)[i];
    if (value === null) {
      words[word++] = NULL;
    } else if (typeof value === 'string' && writeAscii(value, byte)) {
      words[word++] = value.length;
      byte += value.length;
    } else {
      return false;
    }
  }
  if (isFirst) {
    owner = core;
    parsers = changes.count;
    words[OWNER] = core.id;
    words[MASK] = typeMask(pgTypes);
    turnEnd.then(flush);
  }
  words[head] = register(request);
  words[head + 1] = text;
  words[head + 2] = nameNumber;
  words[head + 3] = flags;
  words[head + 4] = count;
  nextWord = word;
  nextByte = byte;
  request._wireValues = null;
  words[COUNT]++;
  if (words[COUNT] >= FULL) flush();
  return true;
}

module.exports = { Texts, write };
