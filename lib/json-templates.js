'use strict';

// JSON documents that cross as a template and its leaves, see src/wire/json.rs.

/**
 * @typedef {object} Template
 * @property {(batch: import('./rows').Batch) => any} make reads the leaves of the next document
 * @property {(batch: import('./rows').Batch) => void} passOver goes on behind them
 */

/** @type {Template[]} templates by their number */
const templates = [];

/**
 * Compiles a document with `#`, `$` and `?` for its numbers, strings and booleans to a function with one literal.
 *
 * @param {string} skeleton
 * @returns {Template}
 */
function compileTemplate(skeleton) {
  let ints = 0;
  let floats = 0;
  const literal = skeleton.replace(/"(?:[^"\\]|\\.)*"|[#$?]/g, (part) => {
    if (part === '#') {
      floats++;
      return 'floats[lf++]';
    }
    if (part === '$') {
      ints++;
      return 'text.substring(s, (s = ints[li++]))';
    }
    if (part === '?') {
      ints++;
      return 'ints[li++] === 1';
    }
    return part;
  });
  const body = `'use strict';
return function make(batch) {
  const { ints, floats, text } = batch;
  let { li, lf, s } = batch;
  const document = ${literal};
  batch.li = li;
  batch.lf = lf;
  batch.s = s;
  return document;
};`;
  return {
    make: new Function(body)(),
    passOver(batch) {
      batch.li += ints;
      batch.lf += floats;
    },
  };
}

module.exports = { compileTemplate, templates };
