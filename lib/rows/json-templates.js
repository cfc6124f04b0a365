'use strict';

// JSON documents that cross as a template and its leaves, see src/rows/json.rs.

const { Constructors, list, literals } = require('./plain-objects');

/**
 * @typedef {object} Template
 * @property {(batch: import('./rows').Batch) => unknown} make reads the leaves of the next document
 * @property {(batch: import('./rows').Batch) => unknown} makeLarge does so in a large result
 * @property {(batch: import('./rows').Batch) => void} passOver goes on behind them
 */

/** @type {Template[]} templates by their number */
const templates = [];

/**
 * Compiles a document with `#`, `$` and `?` for its numbers, strings and booleans to functions that make it.
 *
 * @param {string} skeleton
 * @returns {Template}
 */
function compileTemplate(skeleton) {
  const { make, ints, floats } = generate(skeleton, new Constructors());
  return {
    make,
    makeLarge(batch) {
      this.makeLarge = generate(skeleton, literals).make;
      return this.makeLarge(batch);
    },
    passOver(batch) {
      batch.li += ints;
      batch.lf += floats;
    },
  };
}

/**
 * @param {string} skeleton
 * @param {import('./plain-objects').Maker} maker
 */
function generate(skeleton, maker) {
  const reader = new SkeletonReader(skeleton, maker);
  const document = reader.value();
  const body = `'use strict';
${maker.source}
return function make(batch) {
  const { ints, floats, text } = batch;
  let { li, lf, s } = batch;
  const document = ${document};
  batch.li = li;
  batch.lf = lf;
  batch.s = s;
  return document;
};`;
  return { make: new Function('list', body)(list), ints: reader.ints, floats: reader.floats };
}

/** Reads a skeleton, which the addon has checked to be valid and without escapes. */
class SkeletonReader {
  /**
   * @param {string} skeleton
   * @param {import('./plain-objects').Maker} maker
   */
  constructor(skeleton, maker) {
    this.tokens = skeleton.match(/"[^"]*"|[[\]{},:#$?]|[a-z]+/g) || [];
    this.next = 0;
    this.maker = maker;
    this.ints = 0;
    this.floats = 0;
  }

  /** @returns {string} the expression of the next value */
  value() {
    const token = this.tokens[this.next++];
    switch (token) {
      case '#':
        this.floats++;
        return 'floats[lf++]';
      case '$':
        this.ints++;
        return 'text.substring(s, (s = ints[li++]))';
      case '?':
        this.ints++;
        return 'ints[li++] === 1';
      case '[': {
        /** @type {string[]} */
        const values = [];
        this.each(']', () => values.push(this.value()));
        return this.maker.array(values);
      }
      case '{': {
        /** @type {[string, string][]} */
        const properties = [];
        this.each('}', () => {
          const name = JSON.parse(this.tokens[this.next]);
          this.next += 2;
          properties.push([name, this.value()]);
        });
        return this.maker.object(properties);
      }
      default:
        return token;
    }
  }

  /**
   * Reads the members of an array or object up to its end.
   *
   * @param {string} end
   * @param {() => void} read
   */
  each(end, read) {
    while (this.tokens[this.next] !== end) {
      read();
      if (this.tokens[this.next] === ',') this.next++;
    }
    this.next++;
  }
}

module.exports = { compileTemplate, templates };
