'use strict';

const assert = require('node:assert/strict');
const { before, describe, test } = require('node:test');

/** @type {(source: { file: string, text: string }) => string[]} */
let decisionsByText;

before(async () => {
  ({ decisionsByText } = await import('../../scripts/told-by-text.mjs'));
});

describe('decisions by what an error says', () => {
  for (const line of [
    "if (error.message === 'timeout expired') retry();",
    'if (TERMINATED !== error.message) throw error;',
    "const isLost = error?.message.startsWith('Connection');",
    'if (LOST.test(error.message)) retry();',
    'if (told.has(error.message)) return;',
  ]) {
    test(`are refused in JavaScript: ${line}`, () => {
      const told = decisionsByText({ file: 'lib/one.js', text: `'use strict';\n${line}\n` });
      assert.deepEqual(told, ["lib/one.js:2: decides by a message; an error's kind, phase or code says it"]);
    });
  }

  for (const line of ['if error.message == TERMINATED {', 'error.message.contains("terminated")']) {
    test(`are refused in Rust: ${line}`, () => {
      assert.equal(decisionsByText({ file: 'src/pool/one.rs', text: line }).length, 1);
    });
  }

  test('are allowed where the texts of a pooler are all there is to go by, and nowhere else', () => {
    const text = 'error.message.contains("terminated")';
    assert.deepEqual(decisionsByText({ file: 'src/supabase/advice.rs', text }), []);
    assert.equal(decisionsByText({ file: 'src/conn/supabase.rs', text }).length, 1);
  });

  test('are none where a text is only handed on, and those of tests are theirs', () => {
    const javascript =
      "const text = typeof message === 'string' ? message : error.message;\ntell(error.message);";
    assert.deepEqual(decisionsByText({ file: 'lib/one.js', text: javascript }), []);
    const rust =
      'let text = error.message.clone();\n#[cfg(test)]\nmod tests { assert!(error.message == "x") }';
    assert.deepEqual(decisionsByText({ file: 'src/pool/one.rs', text: rust }), []);
  });
});
