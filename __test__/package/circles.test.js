'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');
const { treeOf } = require('../support/tree.js');

/** @type {(directory: string) => string[]} */
let circles;

before(async () => {
  ({ circles } = await import('../../scripts/circles.mjs'));
});

/**
 * @param {import('node:test').TestContext} t
 * @param {Record<string, string>} files text by name
 */
function circlesOf(t, files) {
  return circles(treeOf(t, files));
}

const taking = (/** @type {string} */ name) => ({
  'src/conn/mod.rs': 'mod one; mod two; pub use one::One;',
  'src/conn/two.rs': 'use crate::conn::One; pub struct Two;',
  'src/conn/one.rs': `${name} pub struct One;`,
});

describe('circles of Rust files', () => {
  const told = [
    'circle of 2 files:',
    '  src/conn/one.rs -> src/conn/two.rs: Two',
    '  src/conn/two.rs -> src/conn/one.rs: One',
  ].join('\n');

  for (const [name, text] of Object.entries({
    'a path': 'use super::two::Two;',
    'a path from the crate': 'use crate::conn::two::Two;',
    'a group': 'use super::{two::{Two}};',
    'a path in an expression': 'fn f() { super::two::Two }',
    'a name of its own': 'use super::two::Two as Other;',
    'a re-export': 'pub(crate) use super::two::Two;',
  })) {
    test(`by ${name} are found, through what mod.rs hands on`, (t) => {
      assert.deepEqual(circlesOf(t, taking(text)), [told]);
    });
  }

  for (const [name, text] of Object.entries({
    'the tests of a file': '#[cfg(test)] mod tests { use super::super::two::Two; }',
    'a comment': '// use super::two::Two;',
    'another crate of that name': 'use two::Two;',
    'a macro that the file hands on': 'macro_rules! told { () => {} } pub(super) use told;',
    visibility: 'pub(super) fn two() {}',
    'visibility in a room': 'pub(in crate::conn::two) fn three() {}',
  })) {
    test(`${name} makes none`, (t) => {
      assert.deepEqual(circlesOf(t, taking(text)), []);
    });
  }

  test('files that are tests make none', (t) => {
    const found = circlesOf(t, {
      'src/conn/mod.rs': 'mod one; #[cfg(test)] mod two;',
      'src/conn/one.rs': 'use super::two::Two; pub struct One;',
      'src/conn/two.rs': 'use super::one::One; pub struct Two;',
    });
    assert.deepEqual(found, []);
  });

  test('mod.rs is in one when its own files take what it defines', (t) => {
    const found = circlesOf(t, {
      'src/ddl/mod.rs': 'mod run; pub use run::run; pub struct Order;',
      'src/ddl/run.rs': 'use super::Order; pub fn run() {}',
    });
    assert.deepEqual(found, [
      'circle of 2 files:\n  src/ddl/mod.rs -> src/ddl/run.rs: run\n  src/ddl/run.rs -> src/ddl/mod.rs: Order',
    ]);
  });
});

describe('circles of JavaScript files', () => {
  test('are found through a third file and through folders', (t) => {
    const found = circlesOf(t, {
      'lib/one.js': "require('./two');",
      'lib/two.js': "require('./pg');",
      'lib/pg/index.js': "const one = () => require('../one.js');",
    });
    assert.deepEqual(found, [
      [
        'circle of 3 files:',
        '  lib/one.js -> lib/two.js: two.js',
        '  lib/pg/index.js -> lib/one.js: one.js',
        '  lib/two.js -> lib/pg/index.js: index.js',
      ].join('\n'),
    ]);
  });

  test('a file that two others need is in none', (t) => {
    assert.deepEqual(
      circlesOf(t, { 'lib/a.js': "require('./c');", 'lib/b.js': "require('./c');", 'lib/c.js': '' }),
      [],
    );
  });
});
