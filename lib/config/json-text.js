'use strict';

/** Where a text stops being JSON, and what would have to stand there. */
class Fault {
  /**
   * @param {number} at
   * @param {string} what
   */
  constructor(at, what) {
    this.at = at;
    this.what = what;
  }
}

const BLANK = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/**
 * A reader of JSON that knows where a fault is, which `JSON.parse` doesn't always say, and never without quoting the
 * text. It also finds keys that stand twice, of which `JSON.parse` takes the last.
 */
class Reader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  /**
   * @param {RegExp} pattern
   * @returns {string | undefined}
   */
  take(pattern) {
    pattern.lastIndex = this.at;
    const [found] = pattern.exec(this.text) ?? [];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  /** @returns {string} the next character that isn't blank */
  next() {
    this.take(BLANK);
    return this.text[this.at] ?? '';
  }

  /** @param {string} what @returns {never} */
  fail(what) {
    throw new Fault(this.at, this.text[this.at] === '/' ? `${what}; JSON has no comments` : what);
  }

  value() {
    const first = this.next();
    if (first === '{') this.members();
    else if (first === '[') this.elements();
    else if (first === '"') this.string('a string that ends on its line, with \\ written as \\\\');
    else if (this.take(SCALAR) === undefined) this.fail('a value is expected');
  }

  /** @param {string} what */
  string(what) {
    return this.take(STRING) ?? this.fail(`${what} is expected`);
  }

  members() {
    const keys = new Set();
    this.at += 1;
    if (this.next() === '}') return void (this.at += 1);
    for (;;) {
      this.next();
      const { at } = this;
      const key = JSON.parse(this.string('a key in double quotes'));
      if (keys.has(key)) throw new Fault(at, 'this key stands here twice');
      keys.add(key);
      if (this.next() !== ':') this.fail('a colon is expected');
      this.at += 1;
      this.value();
      const behind = this.next();
      if (behind !== ',' && behind !== '}') this.fail('a comma or } is expected');
      this.at += 1;
      if (behind === '}') return;
    }
  }

  elements() {
    this.at += 1;
    if (this.next() === ']') return void (this.at += 1);
    for (;;) {
      this.value();
      const behind = this.next();
      if (behind !== ',' && behind !== ']') this.fail('a comma or ] is expected');
      this.at += 1;
      if (behind === ']') return;
    }
  }
}

/**
 * @param {string} given
 * @param {string} file for errors
 * @returns {unknown}
 * @throws {SyntaxError} with the line and the column of the fault; it doesn't quote the text, which may have secrets
 */
function parseJson(given, file) {
  const text = given.replace(/^\uFEFF/, '');
  const reader = new Reader(text);
  try {
    reader.value();
    if (reader.next() !== '') reader.fail('nothing more is expected');
  } catch (error) {
    const { at, what } = error instanceof Fault ? error : new Fault(reader.at, 'it is nested too deep');
    const before = text.slice(0, at).split('\n');
    throw new SyntaxError(`${file}:${before.length}:${before[before.length - 1].length + 1}: ${what}`);
  }
  return JSON.parse(text);
}

module.exports = { parseJson };
