'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { treeOf } = require('../support/tree.js');

/** @type {(directory: string) => string[]} */
let linesOfAny;

before(async () => {
  ({ linesOfAny } = await import('../../scripts/any-types.mjs'));
});

describe('types that say nothing', () => {
  for (const [name, text] of Object.entries({
    'a parameter': '/** @param {any} value */\nfunction f(value) {}',
    'a part of a type': '/** @type {Record<string, any>} */\nlet value;',
    'a cast': 'f(/** @type {any} */ (value));',
    'a parameter of a callback': 'f((/** @type {any} */ error) => error);',
    'the rest of parameters': '/** @param {...any} values */\nfunction f(...values) {}',
    'a definition': '/** @typedef {{ value: any }} Named */',
  })) {
    test(`${name} is found`, (t) => {
      assert.deepEqual(linesOfAny(treeOf(t, { 'lib/pg/query.js': text })), ['lib/pg/query.js:1: says any']);
    });
  }

  test('each line of a definition in several counts', (t) => {
    const text = '/**\n * @typedef {{\n *   one: any,\n *   two: any,\n * }} Named\n */';
    assert.deepEqual(linesOfAny(treeOf(t, { 'lib/pg/query.js': text })), [
      'lib/pg/query.js:3: says any',
      'lib/pg/query.js:4: says any',
    ]);
  });

  test('a declaration beside the JavaScript is found', (t) => {
    const text = 'export interface Query {\n  values: any[];\n}';
    assert.deepEqual(linesOfAny(treeOf(t, { 'lib/pg/query.d.ts': text })), ['lib/pg/query.d.ts:2: says any']);
  });

  for (const [name, file, text] of [
    [
      'the word in a sentence',
      'lib/pg/query.js',
      '/** @param {string} text of any kind */\nfunction f(text) {}',
    ],
    ['a name of that word', 'lib/pg/query.js', 'const any = 1;'],
    ['a string', 'lib/pg/query.js', "const word = '/** @type {any} */';"],
    ['a file outside of lib/', 'scripts/check.js', '/** @type {any} */\nlet value;'],
  ]) {
    test(`${name} isn't found`, (t) => {
      assert.deepEqual(linesOfAny(treeOf(t, { [file]: text })), []);
    });
  }
});
